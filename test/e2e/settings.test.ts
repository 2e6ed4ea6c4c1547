import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { LiveReport } from "../../contracts/settings.ts";
import { startCluster, type Cluster } from "../support/cluster.ts";
import type { Answer } from "../support/rest.ts";
import type { Shop } from "../support/shop.ts";
import { eventually } from "../support/wait.ts";

/** Changes must be everywhere within a second; the rest is for a busy machine. */
const withinMs = 4_000;

describe("settings of a running cluster", () => {
  let cluster: Cluster;
  let first: Shop;
  let second: Shop;
  const directory = mkdtempSync(join(tmpdir(), "hub-live-"));
  const file = join(directory, "live.json");

  beforeAll(async () => {
    cluster = await startCluster();
    writeFileSync(file, JSON.stringify({ loginFailuresPerAccount: 4 }));
    const [one, two] = await Promise.all([
      cluster.add("first"),
      cluster.add("second", { env: { LIVE_CONFIG_FILE: file } }),
    ]);
    [first, second] = [await cluster.shopAt(one), await cluster.shopAt(two)];
  }, 120_000);
  afterAll(async () => {
    await cluster.dispose();
    rmSync(directory, { recursive: true });
  }, 60_000);

  const set = (change: object): Promise<Answer<LiveReport>> =>
    first.rest.patch<LiveReport>("/ops/config", { token: first.admin, body: change });
  const at = async (shop: Shop): Promise<LiveReport> =>
    (await shop.rest.get<LiveReport>("/ops/config", { token: shop.admin })).body;

  /** Of all whose requests are counted. */
  async function endMinute(): Promise<void> {
    const redis = new Redis(cluster.servers.redis.url);
    const counted = await redis.keys("hub:limit:*");
    expect(await redis.del(counted)).toBe(counted.length);
    redis.disconnect();
  }

  it("are changed on every node, and taken back", async () => {
    const { body } = await set({ orderTtlSeconds: 77 });
    expect(body).toMatchObject({ values: { orderTtlSeconds: 77 }, set: { orderTtlSeconds: 77 } });
    await eventually(async () => (await at(second)).values.orderTtlSeconds === 77, withinMs);

    const buyer = await second.rest.signUp();
    const order = await second.placed(buyer, await second.product(5));
    expect(Date.parse(order.expiresAt) - Date.parse(order.createdAt)).toBe(77_000);

    await set({ orderTtlSeconds: null });
    await eventually(async () => (await at(second)).values.orderTtlSeconds === 900, withinMs);
  });

  it("reach the limits and the log of the other node", async () => {
    const buyer = await second.rest.signUp();
    await set({ rateLimit: 1, logLevel: "debug" });
    const spent = await eventually(async () => {
      const { status } = await second.rest.get("/users/me", { token: buyer.token });
      return status === 429;
    }, withinMs);
    expect(spent).toBe(true);
    await eventually(() => cluster.output().includes('"level":20'), withinMs);
    // whoever set the limit too low meets it, too, and can take it back in the next minute
    const takeBack = { rateLimit: null, logLevel: null };
    await eventually(async () => (await first.rest.get("/users/me", { token: first.admin })).status === 429, withinMs);
    expect((await set(takeBack)).status).toBe(429);
    await endMinute();
    expect((await set(takeBack)).status).toBe(200);
  });

  it("that are wrong are refused by name, and the old ones stay", async () => {
    const before = (await at(first)).values;
    const refused = await set({ orderTtlSeconds: 0, logLevel: "loud", colour: "red" });

    expect(refused.status).toBe(422);
    const { errors } = refused.body as unknown as { errors: { field: string }[] };
    expect(errors.map(({ field }) => field).sort()).toEqual(["colour", "logLevel", "orderTtlSeconds"]);
    expect((await at(first)).values).toEqual(before);
  });

  it("are known to a node that joins later", async () => {
    await set({ registerRateLimit: 4321 });

    const later = await cluster.shopAt(await cluster.add("later"));

    await eventually(async () => (await at(later)).values.registerRateLimit === 4321, withinMs);
    expect((await at(later)).changedBy).toMatch(/^[0-9a-f-]{36}$/);
  }, 90_000);

  it("come from a node's file, too, which is read anew when it changes, and not when it is wrong", async () => {
    expect((await at(second)).values.loginFailuresPerAccount).toBe(4);

    writeFileSync(file, JSON.stringify({ loginFailuresPerAccount: 5 }));
    await eventually(async () => (await at(second)).values.loginFailuresPerAccount === 5, withinMs);
    writeFileSync(file, JSON.stringify({ loginFailuresPerAccount: 0 }));
    await eventually(() => /loginFailuresPerAccount.*settings refused/.test(cluster.output()), withinMs);

    expect((await at(second)).values.loginFailuresPerAccount).toBe(5);
    expect((await at(first)).values.loginFailuresPerAccount).toBe(10);
  });
});
