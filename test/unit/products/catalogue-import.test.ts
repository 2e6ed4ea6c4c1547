import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { catalogueOf, isGoods, readRetailLines, type SkipCode } from "../../../lib/retail-csv.ts";
import { readCatalogue } from "../../../services/products/catalogue-import.ts";

const retailHeader = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
const retail = (...lines: string[]): string => [retailHeader, ...lines].join("\n");
const sale = (stockCode: string, description = "THING", price = "2.55", quantity = "1"): string =>
  `536365,${stockCode},${description},${quantity},12/1/2010 8:26,${price},17850,United Kingdom`;

const codesOf = (csv: string): [number, SkipCode][] => readCatalogue(csv).skipped.map(({ line, code }) => [line, code]);
const missing = (columns: string): Error =>
  expect.objectContaining({
    kind: "invalid",
    data: { errors: [{ field: "csv", code: "MISSING_COLUMNS", message: `The header lacks ${columns}.` }] },
  }) as Error;

describe("the demo file", () => {
  const csv = readFileSync(join(process.cwd(), "demo/online-retail-2010-12.csv"), "utf8");
  // counted by another program, which shares no code with this one
  const { read, products, skipped } = readCatalogue(csv);

  it("is accounted for line by line", () => {
    const byCode = Map.groupBy(skipped, ({ code }) => code);

    expect(read).toBe(9_999);
    expect([...byCode].map(([code, lines]) => [code, lines.length]).sort()).toEqual([
      ["CANCELLATION", 100],
      ["NOT_A_SALE", 30],
      ["NO_PRICE", 16],
    ]);
    expect(byCode.get("CANCELLATION")?.at(-1)?.line).toBe(9_496);
    expect(byCode.get("NOT_A_SALE")?.map(({ line }) => line)).toEqual(expect.arrayContaining([2_408, 7_315]));
    expect(byCode.get("NO_PRICE")?.[0]?.line).toBe(624);
    const { lines, bad } = readRetailLines(csv);
    expect(lines.length + bad.length).toBe(read);
    expect(lines.length - catalogueOf(lines).skipped.length).toBe(9_853);
  });

  it("makes 1,990 products with the prices and names that most lines have", () => {
    const bySku = new Map(products.map((product) => [product.sku, product]));

    expect(products).toHaveLength(1_990);
    expect(products.reduce((sum, { priceCents }) => sum + priceCents, 0)).toBe(812_040);
    expect(products.reduce((sum, { name }) => sum + name.length, 0)).toBe(52_935);
    expect(bySku.get("85123A")).toMatchObject({ priceCents: 295, status: "active" });
    expect(bySku.get("85123a")).toMatchObject({ priceCents: 677, status: "active" });
    expect(bySku.get("22632")).toMatchObject({ name: "HAND WARMER RED RETROSPOT" });
    expect(bySku.get("22310")).toMatchObject({ priceCents: 165 });
  });

  it("lists goods and leaves charges unlisted", () => {
    expect(products.filter(({ status }) => status === "unlisted").map(({ sku }) => sku)).toEqual([
      "POST",
      "C2",
      "DOT",
      "M",
      "BANK CHARGES",
    ]);
  });

  it("is read in well under a second", () => {
    const before = performance.now();
    readCatalogue(csv);
    expect(performance.now() - before).toBeLessThan(1_000);
  });
});

describe("a retail export", () => {
  it("gives each line that is not used the first reason that holds", () => {
    const csv = retail(
      "C536379,D,Discount,-1,12/1/2010 9:41,27.5,14527,United Kingdom",
      sale("21777", "THING", "0", "-10"),
      sale("21777", "THING", "0"),
      sale("21777", "", "2.55"),
      sale("?", "THING"),
      sale("21777", "THING", "0.001"),
      sale("21777", "THING", "-5"),
      sale("21777", "THING", "99999999999"),
      sale("21777", "  "),
    );

    expect(codesOf(csv)).toEqual([
      [2, "CANCELLATION"],
      [3, "NOT_A_SALE"],
      [4, "NO_PRICE"],
      [5, "NO_DESCRIPTION"],
      [6, "BAD_STOCK_CODE"],
      [7, "NO_PRICE"],
      [8, "NO_PRICE"],
      [9, "NO_PRICE"],
      [10, "NO_DESCRIPTION"],
    ]);
    for (const { reason } of readCatalogue(csv).skipped) expect(reason).toMatch(/^[A-Z].*\.$/);
  });

  it("reports lines that are none, and uses the others", () => {
    const csv = retail(
      "536365,21777",
      `${sale("21777")},one too many`,
      sale("21777", "THING", "free"),
      sale("21777", "THING", "1", "1.5"),
      sale("21777", "THING", "1", "1e3"),
      sale("21777", "X".repeat(201)),
      `,21777,THING,1,12/1/2010 8:26,2.55,,France`,
      sale("21777"),
    );

    const { read, products, skipped } = readCatalogue(csv);

    expect(read).toBe(8);
    expect(skipped.map(({ line, code }) => [line, code])).toEqual(
      [2, 3, 4, 5, 6, 7, 8].map((line) => [line, "BAD_LINE"]),
    );
    expect(products).toEqual([{ sku: "21777", name: "THING", description: null, priceCents: 255, status: "active" }]);
  });

  it("counts lines as the file has them, whatever is in quotes and between them", () => {
    const csv = `\uFEFF${retail(
      `536365,22041,"RECORD FRAME 7"" SINGLE, SIZE ",1,12/1/2010 8:26,2.55,,"Korea, Republic of"`,
      "",
      sale("22042", 'FRAME 7" X'),
      sale("22043", "", "1"),
    ).replaceAll("\n", "\r\n")}\r\n`;

    const { read, products, skipped } = readCatalogue(csv);

    expect(read).toBe(3);
    expect(products.map(({ name }) => name)).toEqual(['RECORD FRAME 7" SINGLE, SIZE', 'FRAME 7" X']);
    expect(skipped).toMatchObject([{ line: 5 }]);
  });

  it("takes the most frequent price and description, and the first of equals", () => {
    const csv = retail(
      sale("1", "A", "3.00"),
      sale("1", "B  B", "1.00"),
      sale("1", " B B ", "1.00"),
      sale("1", "A", "3.00"),
      sale("a1", "X", "5"),
      sale("A1", "Y", "6"),
    );

    expect(readCatalogue(csv).products).toMatchObject([
      { sku: "1", name: "A", priceCents: 300 },
      { sku: "a1", name: "X", priceCents: 500 },
      { sku: "A1", name: "Y", priceCents: 600 },
    ]);
  });

  it("knows the customer, or that there is none", () => {
    const { lines } = readRetailLines(retail(sale("21777"), "536366,21777,T,2,12/1/2010 8:28,1.85,,France"));

    expect(lines).toMatchObject([
      { line: 2, invoice: "536365", customerId: "17850", unitCents: 255, date: "12/1/2010 8:26" },
      { line: 3, customerId: null, country: "France", quantity: 2 },
    ]);
  });

  it("names the columns that are missing", () => {
    expect(() => readCatalogue("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,Price")).toThrow(
      missing("UnitPrice, CustomerID, Country"),
    );
  });

  it.each([
    ["85123A", true],
    ["DCGS0058", true],
    ["gift_0001_40", true],
    ["POST", false],
    ["C2", false],
    ["BANK CHARGES", false],
  ])("takes %s for goods: %s", (sku, expected) => {
    expect(isGoods(sku)).toBe(expected);
  });
});

describe("a catalogue file", () => {
  it("is read in any order of columns, with a description or without", () => {
    expect(readCatalogue("name,priceCents,sku\n 玩具 toy ,250,T-1\n").products).toEqual([
      { sku: "T-1", name: "玩具 toy", description: null, priceCents: 250, status: "active" },
    ]);
    expect(readCatalogue('sku,name,description,priceCents\nT-1,Toy,"two\r\nlines",0\n').products).toMatchObject([
      { description: "two\nlines", priceCents: 0 },
    ]);
  });

  it("reports each line it cannot use", () => {
    const csv = [
      "sku,name,description,priceCents",
      "-x,Toy,,1",
      "T-1,,,1",
      "T-1,Toy,,1.50",
      "T-1,Toy,,99999999999",
      "T-1,Toy",
      `T-1,Toy,${"x".repeat(4_001)},1`,
      `T-1,${"x".repeat(201)},,1`,
      "T-1,Toy,,1",
      "T-1,Toy again,,2",
    ].join("\n");

    expect(codesOf(csv)).toEqual([
      [2, "BAD_STOCK_CODE"],
      [3, "NO_NAME"],
      [4, "NO_PRICE"],
      [5, "NO_PRICE"],
      [6, "BAD_LINE"],
      [7, "BAD_LINE"],
      [8, "BAD_LINE"],
      [10, "DUPLICATE"],
    ]);
    expect(readCatalogue(csv).skipped.at(-1)?.reason).toContain("line 9");
  });

  it.each([
    ["sku,price", "name, priceCents"],
    ["", "sku, name, priceCents"],
    ["what,is,this\n1,2,3", "sku, name, priceCents"],
  ])("with the header %j is refused, naming what it lacks", (csv, columns) => {
    expect(() => readCatalogue(csv)).toThrow(missing(columns));
  });

  it("is refused when a quote is never closed", () => {
    const problem = expect.objectContaining({ field: "csv", code: "INVALID_CSV" }) as object;

    expect(() => readCatalogue('sku,name,priceCents\nA,"oops,1\n')).toThrow(
      expect.objectContaining({ kind: "invalid", data: { errors: [problem] } }) as Error,
    );
  });
});

describe("any file with a known header", () => {
  const cell = fc.oneof(
    fc.constantFrom("536365", "C1", "21777", "2.55", "0", "-1", "", "POST", '"quoted, ""text"""', "é心"),
    fc.stringMatching(/^[A-Za-z0-9 .-]{0,12}$/),
  );

  it.each([retailHeader, "sku,name,description,priceCents"])("%s: has each line used or skipped", (header) => {
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 1, maxLength: 9 }), { maxLength: 12 }), (lines) => {
        const text = [header, ...lines.map((cells) => cells.join(","))].join("\n");
        const { read, products, skipped } = readCatalogue(text);
        const lost = new Set(skipped.map(({ line }) => line));
        expect(lost.size).toBe(skipped.length);
        expect(read - skipped.length).toBeGreaterThanOrEqual(products.length);
        for (const { name, priceCents } of products) {
          expect(name).not.toBe("");
          expect(Number.isSafeInteger(priceCents)).toBe(true);
        }
      }),
    );
  });
});
