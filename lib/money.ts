/** Money is an integer of minor units (cents, pence, fen) and never a fraction. */
export const maxCents = Number.MAX_SAFE_INTEGER;

/** `quantity * unitCents`, refusing what a double cannot hold exactly. */
export function lineTotalCents(quantity: number, unitCents: number): number {
  const total = quantity * unitCents;
  if (!Number.isSafeInteger(total)) throw new RangeError("amount exceeds 2^53 - 1 minor units");
  return total;
}

export function sumCents(amounts: Iterable<number>): number {
  let sum = 0;
  for (const amount of amounts) sum += amount;
  if (!Number.isSafeInteger(sum)) throw new RangeError("amount exceeds 2^53 - 1 minor units");
  return sum;
}

/** A decimal amount such as `2.55` in minor units; null when it is not a plain decimal of at most two places. */
export function parseCents(decimal: string): number | null {
  const match = /^(\d{1,13})(?:\.(\d{1,2}))?$/.exec(decimal.trim());
  if (!match) return null;
  return Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0"));
}

interface MoneyFormat {
  format: Intl.NumberFormat;
  /** Minor units that make a major one. */
  minorUnits: number;
}

/** Making one costs a hundred times what using it does; there are as many as currencies times languages. */
const formats = new Map<string, MoneyFormat>();

function moneyFormat(currency: string, locale: string): MoneyFormat {
  const name = `${locale} ${currency}`;
  let known = formats.get(name);
  if (!known) {
    const format = new Intl.NumberFormat(locale, { style: "currency", currency });
    known = { format, minorUnits: 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2) };
    formats.set(name, known);
  }
  return known;
}

/** For people: `formatMoney(255, "GBP", "en")` is `£2.55`. Minor units per currency come from CLDR through Intl. */
export function formatMoney(cents: number, currency: string, locale: string): string {
  const { format, minorUnits } = moneyFormat(currency, locale);
  return format.format(cents / minorUnits);
}
