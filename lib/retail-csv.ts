import { columnsOf, missingColumns, readCsv, type CsvTable } from "./csv.ts";
import { parseCents } from "./money.ts";

// The export of a shop's till: one line for each position of each invoice. A catalogue can be made from it, and its
// invoices can be ordered again.

export const retailColumns = [
  "InvoiceNo",
  "StockCode",
  "Description",
  "Quantity",
  "InvoiceDate",
  "UnitPrice",
  "CustomerID",
  "Country",
] as const;

export interface RetailLine {
  /** 1-based in the file, the header being line 1. */
  line: number;
  invoice: string;
  stockCode: string;
  /** Trimmed, blanks inside collapsed; empty when there is none. */
  description: string;
  quantity: number;
  /** Null when the price is negative, has more than two decimals, or is beyond what a product may cost. */
  unitCents: number | null;
  customerId: string | null;
  country: string;
  /** As the file has it: `12/1/2010 8:26`. */
  date: string;
}

export type SkipCode =
  | "BAD_LINE"
  | "BAD_STOCK_CODE"
  | "CANCELLATION"
  | "DUPLICATE"
  | "NOT_A_SALE"
  | "NO_DESCRIPTION"
  | "NO_NAME"
  | "NO_PRICE";

/** A line that is not used, and why. */
export interface Skipped {
  line: number;
  code: SkipCode;
  reason: string;
}

export interface CatalogueProduct {
  sku: string;
  name: string;
  priceCents: number;
  status: "active" | "unlisted";
}

export const maxPriceCents = 10_000_000_000;
export const maxNameLength = 200;
const stockCode = /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]*[A-Za-z0-9._-])?$/;

export const isStockCode = (text: string): boolean => text.length <= 40 && stockCode.test(text);

/**
 * Goods have a number of four or more digits in their stock code (`85123A`, `DCGS0058`, `gift_0001_40`). What has none
 * is a charge that tills book as a line: `POST`, `DOT`, `D`, `M`, `C2`, `BANK CHARGES`.
 */
export const isGoods = (sku: string): boolean => /\d{4}/.test(sku);

/** One line of text out of what people typed: no control characters, no blanks at its ends, single ones inside. */
export const oneLine = (text: string): string => text.replace(/[\s\u0000-\u001f\u007f]+/g, " ").trim();

export const isRetailHeader = (header: readonly string[]): boolean =>
  header.includes("StockCode") || header.includes("InvoiceNo");

/** The lines of a retail export, and those that cannot be read as one. Refuses a file that lacks columns. */
export function readRetailLines(text: string): { lines: RetailLine[]; bad: Skipped[] } {
  return retailLinesOf(readCsv(text));
}

export function retailLinesOf({ header, records }: CsvTable): { lines: RetailLine[]; bad: Skipped[] } {
  const missing = retailColumns.filter((column) => !header.includes(column));
  if (missing.length > 0) throw missingColumns(missing);
  const at = columnsOf(header, retailColumns);
  const lines: RetailLine[] = [];
  const bad: Skipped[] = [];
  for (const { line, cells } of records) {
    const cell = (column: (typeof retailColumns)[number]): string => cells[at[column]] ?? "";
    const description = oneLine(cell("Description"));
    const wrong =
      cells.length === header.length
        ? (problemOf(cell("InvoiceNo"), description, cell("Quantity"), cell("UnitPrice")) ??
          dateProblem(cell("InvoiceDate")))
        : `It has ${cells.length} columns where the header has ${header.length}.`;
    if (wrong !== null) {
      bad.push({ line, code: "BAD_LINE", reason: wrong });
      continue;
    }
    lines.push({
      line,
      invoice: cell("InvoiceNo"),
      stockCode: cell("StockCode"),
      description,
      quantity: Number(cell("Quantity")),
      unitCents: priceOf(cell("UnitPrice")),
      customerId: cell("CustomerID") || null,
      country: cell("Country"),
      date: cell("InvoiceDate"),
    });
  }
  return { lines, bad };
}

function problemOf(invoice: string, description: string, quantity: string, unitPrice: string): string | null {
  if (invoice === "") return "It names no invoice.";
  if (!/^-?\d{1,9}$/.test(quantity)) return `The quantity "${shortened(quantity)}" is not a whole number.`;
  if (!/^-?\d+(\.\d+)?$/.test(unitPrice)) return `The unit price "${shortened(unitPrice)}" is not a number.`;
  if (description.length > maxNameLength) return `The description has more than ${maxNameLength} characters.`;
  return null;
}

const dates = [
  /^(?<month>\d{1,2})\/(?<day>\d{1,2})\/(?<year>\d{2}|\d{4}) (?<hour>\d{1,2}):(?<minute>\d{2})(?::\d{2})?$/,
  /^(?<day>\d{1,2})\/(?<month>\d{1,2})\/(?<year>\d{2}|\d{4}) (?<hour>\d{1,2}):(?<minute>\d{2})(?::\d{2})?$/,
  /^(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})[ T](?<hour>\d{2}):(?<minute>\d{2})(?::\d{2})?$/,
];

/** Exports write the day or the month first, as their country does: one of both must be a day there was. */
function dateProblem(text: string): string | null {
  return dates.some((shape) => isMoment(shape.exec(text)?.groups))
    ? null
    : `The invoice date "${shortened(text)}" is not a date with a time.`;
}

function isMoment(groups: Record<string, string> | undefined): boolean {
  if (!groups) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = ["year", "month", "day", "hour", "minute"].map((part) =>
    Number(groups[part]),
  );
  const date = new Date(Date.UTC(year < 100 ? 2000 + year : year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60;
}

export const shortened = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

function priceOf(unitPrice: string): number | null {
  const cents = parseCents(unitPrice);
  return cents !== null && cents <= maxPriceCents ? cents : null;
}

/**
 * One product for each stock code of the lines that are sales, with the price and the description that most of its
 * lines have; of equally frequent ones the first. Charges that are no goods come out unlisted.
 */
export function catalogueOf(lines: readonly RetailLine[]): { products: CatalogueProduct[]; skipped: Skipped[] } {
  const skipped: Skipped[] = [];
  const seen = new Map<string, Tallies>();
  for (const line of lines) {
    const refusal = whyNotUsable(line);
    if (refusal !== null) {
      skipped.push({ line: line.line, ...refusal });
      continue;
    }
    const tallies: Tallies = seen.get(line.stockCode) ?? { prices: new Map(), names: new Map() };
    seen.set(line.stockCode, tallies);
    count(tallies.prices, line.unitCents ?? 0);
    count(tallies.names, line.description);
  }
  const products = [...seen].map(([sku, { prices, names }]) => ({
    sku,
    name: mostFrequent(names),
    priceCents: mostFrequent(prices),
    status: isGoods(sku) ? ("active" as const) : ("unlisted" as const),
  }));
  return { products, skipped };
}

/** Why a line says nothing about the catalogue; null when it is a sale of a product at a price. */
export function whyNotUsable(line: RetailLine): Omit<Skipped, "line"> | null {
  if (line.invoice.startsWith("C"))
    return { code: "CANCELLATION", reason: `Invoice ${line.invoice} is a cancellation.` };
  if (line.quantity <= 0) return { code: "NOT_A_SALE", reason: `The quantity is ${line.quantity}.` };
  if (line.unitCents === null || line.unitCents === 0) {
    return { code: "NO_PRICE", reason: "The unit price is not an amount above 0 with at most two decimals." };
  }
  if (line.description === "") return { code: "NO_DESCRIPTION", reason: "The description is empty." };
  if (!isStockCode(line.stockCode)) {
    return { code: "BAD_STOCK_CODE", reason: `The stock code "${shortened(line.stockCode)}" cannot be used.` };
  }
  return null;
}

type Tally<T> = Map<T, number>;

interface Tallies {
  prices: Tally<number>;
  names: Tally<string>;
}

function count<T>(tally: Tally<T>, value: T): void {
  tally.set(value, (tally.get(value) ?? 0) + 1);
}

/** A Map keeps the order of first sight, so the first of equally frequent values wins. */
function mostFrequent<T>(tally: Tally<T>): T {
  const [first, ...others] = [...tally];
  if (first === undefined) throw new Error("nothing was counted");
  return others.reduce((best, one) => (one[1] > best[1] ? one : best), first)[0];
}
