import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../config.ts";
import { openDatabase } from "../../lib/database.ts";
import { freePort } from "../support/config.ts";
import { startHub, type Hub, type StoreName } from "../support/hub.ts";
import { runScript, type Ended } from "../support/script.ts";

const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
const line = (invoice: string, sku: string, quantity: number, price: string, customer: string): string =>
  `${invoice},${sku},Thing ${sku},${quantity},12/1/2010 8:26,${price},${customer},United Kingdom`;

const till = [
  header,
  line("900001", "R1001", 3, "1.00", "71"),
  line("900001", "R1001", 2, "1.00", "71"),
  line("900001", "R1002", 1, "2.50", "71"),
  // more than there is
  line("900002", "R1001", 120, "1.00", "71"),
  line("900003", "R1002", 4, "2.50", "72"),
  // dearer here than in the catalogue
  line("900004", "R1002", 2, "5.00", "73"),
  line("C900005", "R1002", -1, "2.50", "72"),
  line("900006", "R1001", 2, "0.00", "72"),
  // the largest invoice, which names nobody
  line("900007", "R1001", 1, "1.00", ""),
  line("900007", "R1002", 1, "2.50", ""),
  line("900007", "R1003", 1, "0.99", ""),
  line("900007", "R1003", 2, "0.99", ""),
].join("\n");

describe.each<StoreName>(["SQLite", "MySQL"])("npm run replay on %s", (store) => {
  let hub: Hub;
  let directory: string;
  let file: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "hub-replay-"));
    file = join(directory, "till.csv");
    writeFileSync(file, till);
    hub = await startHub(store);
    const imported = await runScript("import", { env: hub.env, args: [file, "--stock", "10"] });
    expect(imported).toMatchObject({ code: 0, err: "" });
  });
  afterAll(async () => {
    await hub.dispose();
    rmSync(directory, { recursive: true, force: true });
  });

  const replay = (...args: string[]): Promise<Ended> => runScript("replay", { env: hub.env, args });
  const ordersStored = async (): Promise<number> => {
    const db = await openDatabase(readConfig(hub.env).store, "orders");
    const [row] = await db.select<{ n: number | string }>("SELECT COUNT(*) AS n FROM orders");
    await db.close();
    return Number(row?.n);
  };

  it("places and pays every clean invoice, restocks what is missing, and finds that all sums agree", async () => {
    const { code, out, err } = await replay(file);

    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/customers +3$/m);
    expect(out).toMatch(/orders +4 of 4$/m);
    expect(out).toMatch(/lines +6, 5 once equal stock codes/m);
    // 5 + 120 of R1001 at £1.00 and 7 of R1002 at £2.50
    expect(out).toMatch(/money +£142\.50 as ordered/m);
    expect(out).toMatch(/in the file +£147\.50/m);
    expect(out).toMatch(/largest +invoice 900007: 4 lines, 3 items in one order, £6\.47/m);
    expect(out).toMatch(/left out +2 of 12 lines/m);
    expect(out).toMatch(/1 {2}CANCELLATION/);
    expect(out).toMatch(/1 {2}NO_PRICE/);
    expect(out).toMatch(/ 1 {2}restock/);
    expect(out).toContain("The file, the answers and the database agree; all 5 orders are paid.");
    expect(await ordersStored()).toBe(5);
  });

  it("places nothing new the second time, and agrees again", async () => {
    await replay(file);

    const { code, out } = await replay(file);

    expect(code).toBe(0);
    expect(out).toContain("all 5 orders are paid");
    expect(await ordersStored()).toBe(5);
  });

  it("names the difference, and ends with 1, when the database says something else", async () => {
    await replay(file);
    const db = await openDatabase(readConfig(hub.env).store, "orders");
    await db.execute("UPDATE orders SET total_cents = total_cents + 1 WHERE total_cents = 647");

    const { code, err } = await replay(file);
    await db.execute("UPDATE orders SET total_cents = total_cents - 1 WHERE total_cents = 648");
    await db.close();

    expect(code).toBe(1);
    expect(err).toContain("database against the answers: totalCents is 14898, but must be 14897");
  });

  it("tells what could not be ordered, and ends with 1, when a product is not there", async () => {
    const other = join(directory, "other.csv");
    writeFileSync(other, `${header}\n${line("910001", "R2001", 1, "1.00", "71")}`);

    const { code, out, err } = await replay(other);

    expect(code).toBe(1);
    expect(out).toMatch(/not ordered +1 lines of 1 invoices/);
    expect(out).toContain("UNKNOWN_PRODUCT");
    expect(err).toContain("answers against the file: orders is 0, but must be 1");
  });

  it("orders nothing when its settings name another store than the system's", async () => {
    const before = await ordersStored();

    const { code, err } = await runScript("replay", {
      env: { ...hub.env, DATA_DIR: directory, DATABASE_URL: "" },
      args: [file],
    });

    expect(code).toBe(1);
    expect(err).toContain(`the system at ${hub.url} keeps its data elsewhere than these settings say`);
    expect(await ordersStored()).toBe(before);
  });

  it("says so when nothing runs, and when a file is not what it should be", async () => {
    const notATill = join(directory, "notes.csv");
    writeFileSync(notATill, "a,b\n1,2\n");

    const url = `http://127.0.0.1:${await freePort()}`;
    const nobody = await replay(file, "--url", url);
    const wrongFile = await replay(notATill);
    const noFile = await replay(join(directory, "none.csv"));

    expect(nobody).toMatchObject({ code: 1 });
    expect(nobody.err).toContain(`nothing listens at ${url}`);
    expect(wrongFile).toMatchObject({ code: 1, err: expect.stringContaining("The header lacks InvoiceNo") as string });
    expect(noFile).toMatchObject({ code: 1, err: expect.stringContaining("there is no such file") as string });
  });
});
