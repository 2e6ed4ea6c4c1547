import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { planOf, totalsOf } from "../../../scripts/replay/plan.ts";

const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
const csv = (...lines: string[]): string => [header, ...lines].join("\n");
const line = (invoice: string, sku: string, quantity: number, price = "1.00", customer = "7"): string =>
  `${invoice},${sku},Thing,${quantity},12/1/2010 8:26,${price},${customer},France`;

describe("the plan of a replay", () => {
  it("counts the demo's clean invoices and their money as the file does, and accounts for every line", () => {
    const file = resolve(import.meta.dirname, "../../../demo/online-retail-2010-12.csv");
    const plan = planOf(readFileSync(file, "utf8"));

    expect(totalsOf(plan.orders)).toMatchObject({ orders: 400, lines: 7_591, fileCents: 14_791_183 });
    expect(plan.largest).toMatchObject({ invoice: "536876", customer: "walk-in", lines: 593 });
    expect(plan.read).toBe(9_999);
    expect(plan.leftOut).toHaveLength(9_999 - 7_591 - 593);
  });

  it("merges equal stock codes and prices them as the catalogue does", () => {
    const text = csv(line("1", "A1001", 2, "1.00"), line("1", "A1001", 3, "1.00"), line("2", "A1001", 1, "9.00"));

    const { orders } = planOf(text);

    expect(orders).toEqual([
      {
        invoice: "1",
        customer: "7",
        items: [{ sku: "A1001", quantity: 5 }],
        lines: 2,
        totalCents: 500,
        fileCents: 500,
      },
      {
        invoice: "2",
        customer: "7",
        items: [{ sku: "A1001", quantity: 1 }],
        lines: 1,
        totalCents: 100,
        fileCents: 900,
      },
    ]);
  });

  it("leaves out invoices that are no clean sale, and says why of each line", () => {
    const text = csv(
      line("1", "A1001", 1),
      line("C2", "A1001", -1),
      line("3", "A1001", 1, "1.00", ""),
      line("4", "A1001", 1),
      line("4", "A1002", -1),
      line("5", "A1003", 1, "0.00"),
      "6,A1001,Thing,one,12/1/2010 8:26,1.00,7,France",
      "8,A1001,Thing,1,2/30/2010 8:26,1.00,7,France",
      ...["A1001", "A1002", "A1003"].map((sku) => line("7", sku, 1, "1.00", "")),
    );

    const { orders, largest, leftOut, read } = planOf(text);

    expect(orders.map(({ invoice }) => invoice)).toEqual(["1"]);
    expect(largest).toMatchObject({ invoice: "7", lines: 3 });
    expect(leftOut.toSorted((a, b) => a.line - b.line)).toEqual([
      { line: 3, reason: "CANCELLATION" },
      { line: 4, reason: "NO_CUSTOMER" },
      { line: 5, reason: "INVOICE_NOT_CLEAN" },
      { line: 6, reason: "NOT_A_SALE" },
      { line: 7, reason: "NO_PRICE" },
      { line: 8, reason: "cannot be read" },
      { line: 9, reason: "cannot be read" },
    ]);
    expect(read).toBe(11);
  });

  it("has no largest invoice apart when the largest one is clean", () => {
    const text = csv(line("1", "A1001", 1), line("1", "A1002", 1), line("2", "A1001", 1, "1.00", ""));

    expect(planOf(text)).toMatchObject({ largest: null, leftOut: [{ line: 4, reason: "NO_CUSTOMER" }] });
  });

  it("keeps an order within what an order may hold", () => {
    const many = Array.from({ length: 1_002 }, (_, i) => line("1", `A${10_000 + i}`, 1));
    const text = csv(...many, line("2", "B1001", 99_999), line("2", "B1001", 2));

    const { orders, leftOut } = planOf(text);

    expect(orders.map(({ items }) => items.length)).toEqual([1_000, 1]);
    expect(leftOut.map(({ reason }) => reason)).toEqual([
      "MORE_THAN_1000_ITEMS",
      "MORE_THAN_1000_ITEMS",
      "MORE_THAN_100000_UNITS",
    ]);
  });
});
