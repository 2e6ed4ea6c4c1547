import { sumCents } from "../../lib/money.ts";
import { catalogueOf, readRetailLines, whyNotUsable, type RetailLine } from "../../lib/retail-csv.ts";

// What a retail export says was ordered, by whom, and what it costs at the catalogue's prices. Every line of the file
// ends up either in an order or among those left out.

export interface PlannedOrder {
  invoice: string;
  /** As the file names them; `walk-in` for the largest invoice, which need not name anybody. */
  customer: string;
  /** Equal stock codes merged, in the order of the file. */
  items: { sku: string; quantity: number }[];
  /** How many lines of the file it stands for. */
  lines: number;
  /** At catalogue prices. */
  totalCents: number;
  /** What the file's lines themselves say. */
  fileCents: number;
}

export interface Plan {
  /** Clean sales: every line with a customer, a quantity and a price. */
  orders: PlannedOrder[];
  /** The file's largest invoice, when it is a sale but not a clean one. */
  largest: PlannedOrder | null;
  leftOut: { line: number; reason: string }[];
  /** Lines of data in the file. */
  read: number;
}

const walkIn = "walk-in";
const mostItems = 1_000;
const mostUnits = 100_000;

export function planOf(text: string): Plan {
  const { lines, bad } = readRetailLines(text);
  const prices = new Map(catalogueOf(lines).products.map(({ sku, priceCents }) => [sku, priceCents]));
  const leftOut = bad.map(({ line }) => ({ line, reason: "cannot be read" }));
  const invoices = [...Map.groupBy(lines, ({ invoice }) => invoice)];
  const planned: PlannedOrder[] = [];
  const unclean: (readonly [string, RetailLine[]])[] = [];

  for (const [invoice, all] of invoices) {
    const customer = all[0]?.customerId;
    if (customer && isSale(invoice) && all.every((line) => isSold(line) && line.customerId === customer)) {
      const { order, rest } = draft(invoice, customer, all, prices);
      leftOut.push(...rest);
      if (order) planned.push(order);
    } else unclean.push([invoice, all]);
  }

  let largest: PlannedOrder | null = null;
  const [most] = unclean.filter(([invoice]) => isSale(invoice)).toSorted(([, a], [, b]) => b.length - a.length);
  const isLargest = most !== undefined && invoices.every(([, all]) => all.length <= most[1].length);
  for (const [invoice, all] of unclean) {
    if (isLargest && most[0] === invoice) {
      const { order, rest } = draft(invoice, walkIn, all, prices);
      leftOut.push(...rest);
      largest = order;
    } else leftOut.push(...all.map((line) => ({ line: line.line, reason: whyLeftOut(line) })));
  }
  return { orders: planned, largest, leftOut, read: lines.length + bad.length };
}

const isSale = (invoice: string): boolean => /^\d+$/.test(invoice);
const isSold = ({ quantity, unitCents }: RetailLine): boolean => quantity > 0 && unitCents !== null && unitCents > 0;

function whyLeftOut(line: RetailLine): string {
  const unusable = whyNotUsable(line);
  if (unusable) return unusable.code;
  if (!isSale(line.invoice)) return "NO_SALES_INVOICE";
  return line.customerId === null ? "NO_CUSTOMER" : "INVOICE_NOT_CLEAN";
}

/** One order of an invoice's lines; `rest` are those that cannot be part of it. */
function draft(
  invoice: string,
  customer: string,
  lines: readonly RetailLine[],
  prices: ReadonlyMap<string, number>,
): { order: PlannedOrder | null; rest: Plan["leftOut"] } {
  const quantities = new Map<string, number>();
  const used: RetailLine[] = [];
  const rest: Plan["leftOut"] = [];
  for (const line of lines) {
    const quantity = (quantities.get(line.stockCode) ?? 0) + line.quantity;
    const reason = isSold(line) && prices.has(line.stockCode) ? overLimit(quantities, line) : whyLeftOut(line);
    if (reason !== null) {
      rest.push({ line: line.line, reason });
      continue;
    }
    quantities.set(line.stockCode, quantity);
    used.push(line);
  }
  if (used.length === 0) return { order: null, rest };
  const items = [...quantities].map(([sku, quantity]) => ({ sku, quantity }));
  const totalCents = sumCents(items.map(({ sku, quantity }) => quantity * (prices.get(sku) ?? 0)));
  const fileCents = sumCents(used.map(({ quantity, unitCents }) => quantity * (unitCents ?? 0)));
  return { order: { invoice, customer, items, lines: used.length, totalCents, fileCents }, rest };
}

function overLimit(quantities: ReadonlyMap<string, number>, { stockCode, quantity }: RetailLine): string | null {
  const before = quantities.get(stockCode);
  if (before === undefined && quantities.size >= mostItems) return "MORE_THAN_1000_ITEMS";
  return (before ?? 0) + quantity > mostUnits ? "MORE_THAN_100000_UNITS" : null;
}

export interface Totals {
  orders: number;
  lines: number;
  items: number;
  units: number;
  totalCents: number;
  fileCents: number;
}

export function totalsOf(orders: readonly PlannedOrder[]): Totals {
  const sum = (of: (order: PlannedOrder) => number): number => sumCents(orders.map(of));
  return {
    orders: orders.length,
    lines: sum(({ lines }) => lines),
    items: sum(({ items }) => items.length),
    units: sum(({ items }) => sumCents(items.map(({ quantity }) => quantity))),
    totalCents: sum(({ totalCents }) => totalCents),
    fileCents: sum(({ fileCents }) => fileCents),
  };
}
