import type { Database } from "../../../lib/database.ts";
import { indexAll } from "../../../services/products/index-all.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { contracts } from "../../../contracts/bus.ts";
import type { Product } from "../../../contracts/products.ts";
import { newId } from "../../../lib/ids.ts";
import { compileSchema } from "../../../lib/validator.ts";
import inventory from "../../../services/inventory/inventory.service.ts";
import products from "../../../services/products/products.service.ts";
import { admin, neighbour, startBroker, type TestBroker } from "../../support/broker.ts";
import { testConfig } from "../../support/config.ts";
import { dropDatabases, testDatabaseUrl, uniquePrefix } from "../../support/stores.ts";

const prefix = uniquePrefix();
const boss = admin(newId());
type List = (typeof contracts)["products.list"];
const isPage = compileSchema(contracts["products.list"].result satisfies List["result"]);

describe.each([
  ["SQLite", () => testConfig()],
  ["MySQL", () => testConfig({ DATABASE_URL: testDatabaseUrl(), DATABASE_PREFIX: prefix })],
] as const)("the catalogue on %s", (store, config) => {
  let node: TestBroker;

  beforeAll(async () => {
    node = await startBroker([products, inventory, neighbour("orders", { states: () => [] })], config());
  });
  afterAll(async () => {
    await node.stop();
    if (store === "MySQL") await dropDatabases(testDatabaseUrl(), prefix);
  });

  const load = (csv: string, initialStock?: number) =>
    node.broker.call("products.import", { csv, initialStock }, node.as(boss));
  const get = (sku: string) => node.broker.call("products.get", { sku });
  const onHand = async (sku: string) => (await node.broker.call("inventory.get", { sku }, node.as(boss))).onHand;

  interface Query {
    search?: string;
    sort?: "name" | "price" | "-price" | "newest";
    inStock?: boolean;
    limit?: number;
    cursor?: string;
  }
  const list = async (query: Query) => {
    const page = await node.broker.call("products.list", query);
    expect(isPage(structuredClone(page))).toBe(true);
    return page;
  };
  /** Every page of a list, one after the other. */
  const walk = async (query: Query): Promise<{ items: Product[]; pages: number }> => {
    const items: Product[] = [];
    for (let pages = 1, cursor: string | null = null; ; pages += 1) {
      const page: Awaited<ReturnType<typeof list>> = await list({ ...query, ...(cursor ? { cursor } : {}) });
      items.push(...page.items);
      if (page.nextCursor === null) return { items, pages };
      cursor = page.nextCursor;
    }
  };

  describe("loaded from the demo file", () => {
    const csv = readFileSync(join(process.cwd(), "demo/online-retail-2010-12.csv"), "utf8");

    beforeAll(async () => {
      expect(await load(csv, 100)).toMatchObject({ read: 9_999, imported: 1_990, unchanged: 0 });
    });

    it("stocks every product, also those that are not listed", async () => {
      expect(await get("85123A")).toMatchObject({ available: 100, priceCents: 295, currency: "GBP", status: "active" });
      expect(await get("85123a")).toMatchObject({ available: 100, priceCents: 677 });
      expect(await get("POST")).toMatchObject({ available: 100, status: "unlisted" });
    });

    it("changes nothing the second time, and leaves the stock as it is", async () => {
      await node.broker.call("inventory.set", { sku: "85123A", onHand: 3 }, node.as(boss));

      expect(await load(csv, 100)).toMatchObject({ read: 9_999, imported: 0, unchanged: 1_990 });
      expect(await onHand("85123A")).toBe(3);
      await node.broker.call("inventory.set", { sku: "85123A", onHand: 100 }, node.as(boss));
    });

    it.each([
      [
        "name",
        (a: Product, b: Product) => compare(a.name.toLowerCase(), b.name.toLowerCase()) || compare(a.sku, b.sku),
      ],
      ["price", (a: Product, b: Product) => a.priceCents - b.priceCents || compare(a.sku, b.sku)],
      ["-price", (a: Product, b: Product) => b.priceCents - a.priceCents || compare(b.sku, a.sku)],
      ["newest", (a: Product, b: Product) => compare(b.id, a.id)],
    ] as const)("is listed by %s, each product once", async (sort, order) => {
      const { items, pages } = await walk({ sort, limit: 100 });

      expect(items).toHaveLength(1_985);
      expect(pages).toBe(20);
      expect(new Set(items.map(({ sku }) => sku)).size).toBe(1_985);
      expect(items.map(({ sku }) => sku)).toEqual(items.toSorted(order).map(({ sku }) => sku));
    });

    it("finds what has every word, whatever its case", async () => {
      const { items } = await walk({ search: "  hanging heart 85123", limit: 100 });

      expect(items.map(({ sku }) => sku).sort()).toEqual(["85123A", "85123a"]);
      expect((await list({ search: "no such thing" })).items).toEqual([]);
    });

    it("changes prices and names of products that the file has otherwise, and not their status", async () => {
      await node.broker.call("products.update", { sku: "22423", status: "unlisted", description: "x" }, node.as(boss));

      const report = await load("sku,name,priceCents\n22423,CAKESTAND,1\n22197,SMALL POPCORN HOLDER,85\nnew-1,New,5\n");

      expect(report).toEqual({ read: 3, imported: 2, unchanged: 1, skipped: [] });
      expect(await get("22423")).toMatchObject({
        name: "CAKESTAND",
        priceCents: 1,
        status: "unlisted",
        description: "x",
      });
      expect(await get("new-1")).toMatchObject({ available: 0 });
    });
  });

  describe("filtered by stock", () => {
    beforeAll(async () => {
      const lines = Array.from({ length: 450 }, (_, i) => `stock-${i},Zebra ${String(i).padStart(3, "0")},${i}`);
      await load(["sku,name,priceCents", ...lines].join("\n"));
      await node.broker.call("inventory.stockNew", {
        skus: Array.from({ length: 45 }, (_, i) => `stock-${i * 10}`),
        onHand: 1,
      });
    });

    it.each([
      [true, 45],
      [false, 405],
    ])("inStock=%s finds each of them once, in full pages", async (inStock, count) => {
      const { items, pages } = await walk({ search: "zebra", inStock, limit: 20 });

      expect(items).toHaveLength(count);
      expect(items.every(({ available }) => available > 0 === inStock)).toBe(true);
      expect(new Set(items.map(({ sku }) => sku)).size).toBe(count);
      expect(pages).toBe(Math.ceil(count / 20));
    });

    it("ends with the last page, without an empty one after it", async () => {
      const { pages } = await walk({ search: "zebra", inStock: true, limit: 45 });
      expect(pages).toBe(1);
    });
  });

  describe("searched for what very many have", () => {
    const count = 1_200;
    const names = Array.from({ length: count }, (_, i) => `Yak ${String((i * 7) % count).padStart(4, "0")}`);

    beforeAll(() =>
      load(["sku,name,priceCents", ...names.map((name, i) => `yak-${i},${name},${(i * 11) % 97}`)].join("\n")),
    );

    it.each([
      ["name", names.toSorted()],
      ["newest", names.toReversed()],
    ] as const)("finds each of them once, by %s", async (sort, inOrder) => {
      const { items } = await walk({ search: "yak", sort, limit: 100 });
      expect(items.map(({ name }) => name)).toEqual(inOrder);
    });

    it("finds of them those that have another word, too", async () => {
      const { items } = await walk({ search: "ya 11", limit: 100 });
      // in the name or in the stock code
      const found = names.filter((name, i) => `${name} yak-${i}`.includes("11"));
      expect(items.map(({ name }) => name)).toEqual(found.toSorted());
    });
  });

  describe("searched for what would be a pattern", () => {
    beforeAll(() =>
      load("sku,name,description,priceCents\npct-1,100% wool_soft,It's ½ \\ price,1\npct-2,100 wools soft,,2\n"),
    );

    it.each([
      ["100%", ["pct-1"]],
      ["wool_", ["pct-1"]],
      ["it's", ["pct-1"]],
      ["\\", ["pct-1"]],
      ["WOOL", ["pct-1", "pct-2"]],
      ["ＰＣＴ", ["pct-1", "pct-2"]],
      ["%", ["pct-1"]],
      ["' OR 1=1 --", []],
    ])("%s is looked for as it is", async (search, found) => {
      const { items } = await walk({ search: `pct ${search}` });
      expect(items.map(({ sku }) => sku).sort()).toEqual(found);
    });
  });

  describe("searched for a part of a word", () => {
    beforeAll(() =>
      load(
        "sku,name,description,priceCents\nzh-1,红色灯笼,手工制作的纸灯笼，适合节日,1\nzh-2,红茶杯,,2\nzh-3,Quokkaboards 黑板,for a kitchen,3\n",
      ),
    );

    it.each([
      ["灯笼", ["zh-1"]],
      ["红", ["zh-1", "zh-2"]],
      ["红 杯", ["zh-2"]],
      ["节日", ["zh-1"]],
      ["红笼", []],
      ["okkaboar", ["zh-3"]],
      ["ITCHE 黑", ["zh-3"]],
      ["board kitchens", []],
    ])("%s is found", async (search, found) => {
      const { items } = await walk({ search, sort: "price" });
      expect(items.map(({ sku }) => sku)).toEqual(found);
    });

    it("finds what a product is called now, and not what it was called", async () => {
      await node.broker.call("products.update", { sku: "zh-2", name: "Gaiwan", description: "蓝色" }, node.as(boss));

      expect((await list({ search: "蓝" })).items.map(({ sku }) => sku)).toEqual(["zh-2"]);
      expect((await list({ search: "aiwa" })).items.map(({ sku }) => sku)).toEqual(["zh-2"]);
      expect((await list({ search: "茶杯" })).items).toEqual([]);
    });

    it("finds what was there before there was an index", async () => {
      const { db } = node.broker.getLocalService("products") as unknown as { db: Database };
      for (const table of ["word_parts", "product_words"]) await db.execute(`DELETE FROM ${table}`);
      expect((await list({ search: "黑板" })).items).toEqual([]);

      await indexAll(db);
      await indexAll(db);

      expect((await list({ search: "黑板" })).items.map(({ sku }) => sku)).toEqual(["zh-3"]);
    });
  });

  describe("at once", () => {
    it("makes one product of 20 with the same stock code", async () => {
      const made = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) =>
          node.broker.call("products.create", { sku: "race", name: `Race ${i}`, priceCents: i }, node.as(boss)),
        ),
      );

      expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const one of made) if (one.status === "rejected") expect(one.reason).toMatchObject({ type: "SKU_TAKEN" });
    });

    it("imports the same file twice without failing either", async () => {
      const lines = Array.from({ length: 300 }, (_, i) => `twice-${i},Twice ${i},${i}`);
      const csv = ["sku,name,priceCents", ...lines].join("\n");

      const reports = await Promise.all([load(csv, 5), load(csv, 5)]);

      // which of the two brings a batch is chance; each product is brought once, and found there once
      const sumOf = (what: "imported" | "unchanged"): number => reports.reduce((sum, report) => sum + report[what], 0);
      expect([sumOf("imported"), sumOf("unchanged")]).toEqual([300, 300]);
      expect(await onHand("twice-299")).toBe(5);
    });

    it("loses no part of two changes to one product", async () => {
      await load("sku,name,priceCents\nboth,Before,1\n");

      await Promise.all([
        node.broker.call("products.update", { sku: "both", name: "After" }, node.as(boss)),
        node.broker.call("products.update", { sku: "both", description: "described" }, node.as(boss)),
        node.broker.call("products.update", { sku: "both", priceCents: 2 }, node.as(boss)),
      ]);

      expect(await get("both")).toMatchObject({ name: "After", description: "described", priceCents: 2 });
      expect((await list({ search: "both after described" })).items).toHaveLength(1);
    });
  });
});

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
