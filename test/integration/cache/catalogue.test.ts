import { setImmediate } from "node:timers/promises";
import { Redis } from "ioredis";
import { eventually } from "../../support/wait.ts";
import { startCatalogue, timed, type Catalogue } from "./support.ts";

let catalogue: Catalogue;
let redis: Redis;
beforeAll(async () => {
  catalogue = await startCatalogue();
  redis = new Redis(catalogue.servers.redis.url, { lazyConnect: true });
  // some tests end its server
  redis.on("error", () => {});
  await redis.connect();
});
afterAll(async () => {
  redis.disconnect();
  await catalogue.dispose();
});
afterEach(() => {
  expect(catalogue.unhandled).toEqual([]);
});

/** True once Redis has what this node read of a product. */
const isKept = (sku: string, node: 0 | 1 = 0) =>
  eventually(async () => {
    await catalogue.nameOf(sku, catalogue.nodes[node]);
    return (await redis.exists(keyOf(sku))) === 1;
  });
const keyOf = (sku: string) => `${catalogue.redisPrefix}:["${sku}"]`;
const sees = (sku: string, name: string, node: 0 | 1, withinMs = 1_000) =>
  eventually(async () => (await catalogue.nameOf(sku, catalogue.nodes[node])) === name, withinMs);
describe("a product that was read", () => {
  it("is known to every node without asking the database", async () => {
    const [first, second] = catalogue.nodes;
    const sku = await catalogue.create();
    expect(await catalogue.nameOf(sku, first)).toBe("as made");
    await isKept(sku);
    await catalogue.renameInDatabase(sku, "changed behind the back");

    expect(await catalogue.nameOf(sku, first)).toBe("as made");
    expect(await catalogue.nameOf(sku, second)).toBe("as made");
  });

  it("has the stock of now", async () => {
    const [first] = catalogue.nodes;
    const sku = await catalogue.create();
    catalogue.stock.units = 5;
    expect(await first.call("products.get", { sku })).toMatchObject({ available: 5 });
    catalogue.stock.units = 0;

    expect(await first.call("products.get", { sku })).toMatchObject({ available: 0 });
  });

  it("is ordered at the price the database has", async () => {
    const [first] = catalogue.nodes;
    const sku = await catalogue.create();
    await catalogue.nameOf(sku, first);
    await catalogue.renameInDatabase(sku, "as stored");

    expect(await first.call("products.quote", { skus: [sku] })).toMatchObject([{ name: "as stored" }]);
  });

  it("is found as soon as it is there, however often it was missed", async () => {
    const [first, second] = catalogue.nodes;
    await expect(first.call("products.get", { sku: "C-none" })).rejects.toMatchObject({ code: 404 });
    await expect(first.call("products.get", { sku: "C-none" })).rejects.toMatchObject({ code: 404 });
    expect(await redis.exists(keyOf("C-none"))).toBe(0);

    const sku = await catalogue.create();

    expect(await catalogue.nameOf(sku, second)).toBe("as made");
  });
});

describe("a product that was changed", () => {
  it("is so at once where that was done, and within a second everywhere", async () => {
    const [first, second] = catalogue.nodes;
    const sku = await catalogue.create();
    for (let round = 0; round < 10; round += 1) {
      await Promise.all([catalogue.nameOf(sku, first), catalogue.nameOf(sku, second)]);
      await catalogue.rename(sku, `round ${round}`);

      expect(await catalogue.nameOf(sku, first)).toBe(`round ${round}`);
      await sees(sku, `round ${round}`, 1);
    }
  });

  it("is so for readers that never cease", async () => {
    const [first, second] = catalogue.nodes;
    const sku = await catalogue.create();
    let reading = true;
    const readers = [first, second, first, second].map(async (node) => {
      // a cached answer comes without letting anything else happen
      for (; reading; await setImmediate()) await catalogue.nameOf(sku, node);
    });
    for (let round = 0; round < 20; round += 1) {
      await catalogue.rename(sku, `busy ${round}`, catalogue.nodes[round % 2]);
      await Promise.all([sees(sku, `busy ${round}`, 0), sees(sku, `busy ${round}`, 1)]);
    }
    reading = false;
    await Promise.all(readers);
  });

  it("is so after an import", async () => {
    const [first] = catalogue.nodes;
    const sku = await catalogue.create();
    await catalogue.nameOf(sku, first);

    await catalogue.import(`sku,name,priceCents\n${sku},imported,7\n`);

    expect(await catalogue.nameOf(sku, first)).toBe("imported");
    await sees(sku, "imported", 1);
  });

  it("is so within a second also where nobody could be told", async () => {
    const sku = await catalogue.create();
    await sees(sku, "as made", 1);
    await catalogue.servers.nats.pause();

    await catalogue.rename(sku, "told to nobody");

    await sees(sku, "told to nobody", 1, 1_500);
    await catalogue.servers.nats.resume();
  });
});

describe("what somebody else wrote into Redis", () => {
  const stampOf = async () => (await redis.get(catalogue.redisPrefix)) ?? "";

  it.each([
    ["no JSON", (stamp: string) => `${stamp} {`],
    ["no product", (stamp: string) => `${stamp} {"name":"poison"}`],
    ["a price that is none", (stamp: string) => `${stamp} {"sku":"X","priceCents":-1}`],
    ["another stamp", () => `other {"name":"poison"}`],
    ["nothing", () => ""],
  ])("is not believed and replaced: %s", async (_what, entry) => {
    const [first] = catalogue.nodes;
    await isKept(await catalogue.create());
    const sku = await catalogue.create();
    await redis.set(keyOf(sku), entry(await stampOf()));

    expect(await catalogue.nameOf(sku, first)).toBe("as made");
    expect(await eventually(async () => (await redis.get(keyOf(sku)))?.includes("as made"))).toBe(true);
  });

  it("does no harm where it is of another type", async () => {
    const sku = await catalogue.create();
    await redis.lpush(keyOf(sku), "poison");
    await redis.del(catalogue.redisPrefix);
    await redis.lpush(catalogue.redisPrefix, "poison");

    await sees(sku, "as made", 0);
    await sees(sku, "as made", 1);
    await isKept(sku);
  });
});

describe("without Redis", () => {
  it("reads and changes go on, and what changed is known once it is back", async () => {
    const { redis: server } = catalogue.servers;
    const sku = await catalogue.create();
    await Promise.all([sees(sku, "as made", 0), sees(sku, "as made", 1)]);
    await server.kill();

    const { ms } = await timed(() => catalogue.rename(sku, "while it was away"));
    expect(ms).toBeLessThan(1_000);
    expect(await catalogue.nameOf(sku, catalogue.nodes[0])).toBe("while it was away");
    await sees(sku, "while it was away", 1);

    await server.restart();
    const another = await catalogue.create();
    await Promise.all([isKept(sku, 0), isKept(another, 1)]);
    expect(await catalogue.nameOf(sku, catalogue.nodes[0])).toBe("while it was away");
    expect(await catalogue.nameOf(sku, catalogue.nodes[1])).toBe("while it was away");
  });

  it("answers within a second while it hangs, and nothing old comes out of it afterwards", async () => {
    const { redis: server } = catalogue.servers;
    const [first, second] = catalogue.nodes;
    const sku = await catalogue.create();
    await Promise.all([sees(sku, "as made", 0), sees(sku, "as made", 1)]);
    await isKept(sku);
    await server.pause();

    const change = await timed(() => catalogue.rename(sku, "while it hung"));
    const reads = [];
    for (let i = 0; i < 50; i += 1) reads.push(await timed(() => catalogue.nameOf(sku, i % 2 === 0 ? first : second)));
    await sees(sku, "while it hung", 1);
    await server.resume();

    expect(Math.max(change.ms, ...reads.map(({ ms }) => ms))).toBeLessThan(1_000);
    for (let i = 0; i < 50; i += 1)
      expect(await catalogue.nameOf(sku, i % 2 === 0 ? first : second)).toBe("while it hung");
    await isKept(await catalogue.create());
  });
});
