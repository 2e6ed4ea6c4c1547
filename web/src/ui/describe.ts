import { language } from "../lib/i18n.ts";
import { Problem, Unreachable, type FieldError } from "../lib/problem.ts";
import { known, t } from "./words.ts";

/** What a person is told of an error: our own words where there are some, else the server's. */
export function describe(error: unknown): string {
  if (error instanceof Unreachable) return t("error.unreachable");
  if (!(error instanceof Problem)) return t("error.unexpected");
  const words = known(`problem.${error.code}`) ?? error.message;
  const wait = error.retryAfterSeconds;
  const retry = wait !== null && (error.status === 429 || error.status === 503) ? t("error.retry", { n: wait }) : "";
  return [words, retry].filter(Boolean).join(" ");
}

const zhRules: readonly [RegExp, string][] = [
  [/at least (\d+) characters/, "至少需要 $1 个字符。"],
  [/at least (\d+) entries/, "至少选择 $1 项。"],
  [/at most (\d+) characters/, "最多 $1 个字符。"],
  [/at least (-?\d+)$/, "不得小于 $1。"],
  [/at most (-?\d+)$/, "不得大于 $1。"],
  [/valid email/, "请输入有效的电子邮箱。"],
  [/characters or a form/, "包含不允许的字符或格式。"],
  [/one of/, "不在允许的范围内。"],
  [/type (integer|number)/, "请输入数字。"],
];

/** What is wrong with a field, as a sentence beside it. The server's words read on from the field's name. */
export function describeField({ code, message }: FieldError): string {
  const words = known(`field.${code}`);
  if (words !== null) return words;
  if (language.value === "zh") {
    for (const [pattern, text] of zhRules) {
      const found = pattern.exec(message);
      if (found) return text.replace("$1", found[1] ?? "");
    }
  }
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.!?。]$/.test(message) ? "" : "."}`;
}
