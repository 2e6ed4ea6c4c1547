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

/** For people: `formatMoney(255, "GBP", "en")` is `£2.55`. Minor units per currency come from CLDR through Intl. */
export function formatMoney(cents: number, currency: string, locale: string): string {
  const format = new Intl.NumberFormat(locale, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(cents / 10 ** digits);
}
