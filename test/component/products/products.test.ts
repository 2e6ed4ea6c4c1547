import { contracts, type ActionName, type Actions } from "../../../contracts/bus.ts";
import { newId } from "../../../lib/ids.ts";
import { compileSchema } from "../../../lib/validator.ts";
import products from "../../../services/products/products.service.ts";
import { admin, customer, neighbour, startBroker, type TestBroker } from "../../support/broker.ts";

const boss = admin(newId());
const world = { levels: new Map<string, number>(), down: false };
const inventory = neighbour("inventory", {
  levels: ({ skus }: { skus: string[] }) => {
    if (world.down) throw Object.assign(new Error("no inventory"), { code: 503 });
    return skus.map((sku) => ({ sku, available: world.levels.get(sku) ?? 0 }));
  },
  stockNew: () => {
    if (world.down) throw Object.assign(new Error("no inventory"), { code: 503 });
    return null;
  },
});
let node: TestBroker;

beforeAll(async () => {
  node = await startBroker([products, inventory]);
});
afterAll(() => node.stop());
beforeEach(() => {
  world.down = false;
  inventory.asked.length = 0;
});

/** Calls an action and checks its answer against the contract. */
async function call<N extends ActionName>(name: N, params: Actions[N]["params"], user = boss) {
  const broker = node.broker as never as { call(name: string, params: unknown, options: object): Promise<unknown> };
  const answer = await broker.call(name, params, node.as(user));
  expect(compileSchema(contracts[name].result)(structuredClone(answer))).toBe(true);
  return answer as Actions[N]["result"];
}

let counter = 0;
const create = (over: Partial<Actions["products.create"]["params"]> = {}) =>
  call("products.create", { sku: `P-${(counter += 1)}`, name: "Toy 玩具", priceCents: 250, ...over });

describe("a product", () => {
  it("is created, and reads back the same to anybody", async () => {
    const product = await create({ description: "A toy\nfor all 🎁" });

    expect(product).toMatchObject({ name: "Toy 玩具", currency: "GBP", status: "active", available: 0 });
    expect(await node.broker.call("products.get", { sku: product.sku })).toEqual(product);
  });

  it("has a stock code of its own, of which upper and lower case differ", async () => {
    await create({ sku: "case-a" });

    expect(await create({ sku: "case-A" })).toMatchObject({ sku: "case-A" });
    await expect(create({ sku: "case-a" })).rejects.toMatchObject({ code: 409, type: "SKU_TAKEN" });
  });

  it("is changed field by field", async () => {
    const { sku, id, createdAt } = await create();

    expect(await call("products.update", { sku, priceCents: 0 })).toMatchObject({
      id,
      priceCents: 0,
      name: "Toy 玩具",
    });
    expect(await call("products.update", { sku, name: "Ball", description: "round" })).toMatchObject({
      id,
      createdAt,
      name: "Ball",
      description: "round",
      priceCents: 0,
    });
  });

  it("is gone for customers when archived, and can be brought back", async () => {
    const { sku } = await create();
    await call("products.update", { sku, status: "archived" });

    await expect(call("products.get", { sku })).rejects.toMatchObject({ code: 404 });
    expect(await call("products.quote", { skus: [sku] })).toEqual([]);
    await call("products.update", { sku, status: "active" });
    expect(await call("products.get", { sku })).toMatchObject({ status: "active" });
  });

  it("that is unlisted can be read and ordered, and is in no list", async () => {
    const { sku } = await create({ name: "Hidden charge" });
    await call("products.update", { sku, status: "unlisted" });

    expect(await call("products.get", { sku })).toMatchObject({ status: "unlisted" });
    expect(await call("products.quote", { skus: [sku] })).toHaveLength(1);
    expect((await call("products.list", { search: "hidden charge" })).items).toEqual([]);
  });

  it("that is none answers 404", async () => {
    await expect(call("products.get", { sku: "none" })).rejects.toMatchObject({ code: 404, type: "NOT_FOUND" });
    await expect(call("products.update", { sku: "none", priceCents: 1 })).rejects.toMatchObject({ code: 404 });
  });

  it.each(["products.create", "products.update", "products.import"] as const)(
    "is not a customer's to write by %s",
    async (action) => {
      const params = { "products.create": { sku: "x", name: "x", priceCents: 1 }, "products.import": { csv: "x" } };
      const wanted = { "products.update": { sku: "x", name: "x" }, ...params }[action];
      await expect(call(action, wanted as never, customer(newId()))).rejects.toMatchObject({ code: 403 });
    },
  );

  it("never leaves by the actions of the package below", async () => {
    for (const action of ["find", "insert", "remove", "count"]) {
      await expect(call(`products.${action}` as never, {} as never)).rejects.toMatchObject({
        type: "SERVICE_NOT_FOUND",
      });
    }
  });
});

describe("a list", () => {
  it("asks the inventory once for a page", async () => {
    await Promise.all(Array.from({ length: 5 }, (_, i) => create({ sku: `once-${i}`, name: "Once" })));
    world.levels.set("once-3", 7);
    inventory.asked.length = 0;

    const { items } = await call("products.list", { search: "once", limit: 4 });

    expect(items).toHaveLength(4);
    expect(items.find(({ sku }) => sku === "once-3")?.available).toBe(7);
    expect(inventory.asked).toMatchObject([{ action: "levels", params: { skus: { length: 4 } } }]);
  });

  it("refuses a cursor of another order, and one that was never given", async () => {
    await Promise.all([create({ name: "Cursed" }), create({ name: "Cursed" })]);
    const { nextCursor } = await call("products.list", { search: "cursed", sort: "price", limit: 1 });
    const cursor = nextCursor ?? "";
    expect(cursor).not.toBe("");

    for (const [sort, given] of [
      ["name", cursor],
      ["-price", cursor],
      ["newest", cursor],
      ["price", "bm9uZQ"],
      ["price", "%%%"],
    ] as const) {
      await expect(call("products.list", { sort, cursor: given })).rejects.toMatchObject({
        code: 422,
        data: { errors: [{ field: "cursor", code: "INVALID_CURSOR" }] },
      });
    }
    expect((await call("products.list", { search: "cursed", sort: "price", cursor })).items).toHaveLength(1);
  });

  it("says that it cannot answer rather than making numbers up, when the inventory cannot be reached", async () => {
    const { sku } = await create({ name: "Lonely" });
    world.down = true;

    await expect(call("products.list", { search: "lonely" })).rejects.toMatchObject({ code: 503 });
    await expect(call("products.get", { sku })).rejects.toMatchObject({ code: 503 });
    await expect(create({ sku: "not-made" })).rejects.toMatchObject({ code: 503 });
    world.down = false;
    await expect(call("products.get", { sku: "not-made" })).rejects.toMatchObject({ code: 404 });
  });

  it("needs no inventory for prices", async () => {
    const { sku } = await create({ priceCents: 12 });
    world.down = true;

    expect(await call("products.quote", { skus: [sku, "none"] })).toEqual([
      { sku, name: "Toy 玩具", priceCents: 12, currency: "GBP" },
    ]);
  });
});

describe("an import", () => {
  it("that broke off before the stock was there is completed by the next one", async () => {
    const csv = "sku,name,priceCents\nbroken,Broken,1\n";
    world.down = true;
    await expect(call("products.import", { csv, initialStock: 9 })).rejects.toMatchObject({ code: 503 });
    world.down = false;
    inventory.asked.length = 0;

    expect(await call("products.import", { csv, initialStock: 9 })).toMatchObject({ imported: 0, unchanged: 1 });

    expect(inventory.asked).toEqual([{ action: "stockNew", params: { skus: ["broken"], onHand: 9 } }]);
  });

  it("without initial stock leaves the stock alone", async () => {
    await call("products.import", { csv: "sku,name,priceCents\nno-stock,None,1\n" });
    expect(inventory.asked).toEqual([]);
  });

  it("reports every line that it skips", async () => {
    const report = await call("products.import", { csv: "sku,name,priceCents\n?,None,1\n" });
    expect(report).toMatchObject({ read: 1, imported: 0, skipped: [{ line: 2, code: "BAD_STOCK_CODE" }] });
  });

  it("refuses a file with an unknown header, naming the columns", async () => {
    await expect(call("products.import", { csv: "a,b\n1,2\n" })).rejects.toMatchObject({
      code: 422,
      data: { errors: [{ field: "csv", code: "MISSING_COLUMNS" }] },
    });
  });
});
