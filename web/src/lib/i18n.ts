import { effect, signal } from "@preact/signals";
import { onRememberedElsewhere, recall, remember } from "./storage.ts";

export type Language = "en" | "zh";

const preferred = (): Language =>
  navigator.languages.find((tag) => /^(en|zh)/.test(tag))?.startsWith("zh") ? "zh" : "en";
const remembered = (): Language => {
  const known = recall<string>("language");
  return known === "en" || known === "zh" ? known : preferred();
};

export const language = signal<Language>(remembered());
onRememberedElsewhere("language", () => (language.value = remembered()));
effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-Hans" : "en";
});

export function speak(next: Language): void {
  language.value = next;
  remember("language", next);
}

export type Values = Record<string, string | number>;

const plural = new Intl.PluralRules("en");

/**
 * Texts of both languages, by name. `{name}` stands for a value; of `one thing|{n} things` the part that fits `n` is
 * taken. The compiler sees to it that none is missing.
 */
export function translator<K extends string>(en: Record<K, string>, zh: Record<NoInfer<K>, string>) {
  return (key: K, values: Values = {}): string => {
    const texts = language.value === "zh" ? zh : en;
    const forms = texts[key].split("|");
    const form = forms.length > 1 && plural.select(Number(values.n)) === "one" ? forms[0] : forms.at(-1);
    return (form ?? "").replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  };
}

const tag = (): string => (language.value === "zh" ? "zh-CN" : "en-GB");

const moneyFormats = new Map<string, Intl.NumberFormat>();

/** `money(255, "GBP")` is `£2.55`. How many minor units make a major one is the currency's. */
export function money(cents: number, currency: string): string {
  const name = `${tag()} ${currency}`;
  const format = moneyFormats.get(name) ?? new Intl.NumberFormat(tag(), { style: "currency", currency });
  moneyFormats.set(name, format);
  return format.format(cents / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

export const number = (value: number, options: Intl.NumberFormatOptions = {}): string =>
  value.toLocaleString(tag(), options);

export const moment = (iso: string): string =>
  new Date(iso).toLocaleString(tag(), { dateStyle: "medium", timeStyle: "short" });

/** With seconds and thousandths, for those who look at what happened in which order. */
export const instant = (iso: string): string =>
  new Date(iso).toLocaleString(tag(), {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3,
  });

const steps = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [Infinity, "day"],
] as const;

/** How long ago, or in how long. */
export function relative(iso: string, nowMs = Date.now()): string {
  const format = new Intl.RelativeTimeFormat(tag(), { numeric: "auto" });
  let value = (Date.parse(iso) - nowMs) / 1000;
  for (const [size, unit] of steps) {
    if (Math.abs(value) < size) return format.format(Math.round(value), unit);
    value /= size;
  }
  return moment(iso);
}
