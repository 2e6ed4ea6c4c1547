import { randomBytes } from "node:crypto";
import { ServiceBroker } from "moleculer";
import type { AppBroker } from "../../../contracts/bus.ts";
import { newId } from "../../../lib/ids.ts";
import { brokerOptions } from "../../../moleculer.config.ts";
import { startPrivateBacking, type PrivateBacking } from "../../../scripts/backing/index.ts";
import products from "../../../services/products/products.service.ts";
import { admin, neighbour } from "../../support/broker.ts";
import { testConfig } from "../../support/config.ts";
import { dropDatabases, testDatabaseUrl } from "../../support/stores.ts";

export interface Catalogue {
  servers: PrivateBacking<"redis" | "nats">;
  /** Two nodes with the catalogue, over one database. */
  nodes: readonly [AppBroker, AppBroker];
  /** What the inventory has of everything. */
  stock: { units: number };
  /** Promises that were rejected while nobody listened. */
  unhandled: unknown[];
  redisPrefix: string;
  create(name?: string): Promise<string>;
  import(csv: string): Promise<void>;
  rename(sku: string, name: string, by?: AppBroker): Promise<void>;
  /** Behind everyone's back: who still sees the old name was answered from a cache. */
  renameInDatabase(sku: string, name: string): Promise<void>;
  nameOf(sku: string, on: AppBroker): Promise<string>;
  dispose(): Promise<void>;
}

const boss = { meta: { user: admin(newId()) } };

export async function startCatalogue(): Promise<Catalogue> {
  const servers = await startPrivateBacking(["redis", "nats"]);
  const databasePrefix = `hub_t_${randomBytes(5).toString("hex")}_`;
  const env = {
    DATABASE_URL: testDatabaseUrl(),
    DATABASE_PREFIX: databasePrefix,
    TRANSPORTER: servers.nats.url,
    REDIS_URL: servers.redis.url,
  };
  const stock = { units: 5 };
  const start = async (nodeId: string): Promise<AppBroker & ServiceBroker> => {
    const options = brokerOptions(testConfig({ ...env, NODE_ID: nodeId }));
    const broker = new ServiceBroker({ ...options, skipProcessEventRegistration: true });
    broker.createService(products);
    broker.createService(
      neighbour("inventory", {
        levels: ({ skus }: { skus: string[] }) => skus.map((sku) => ({ sku, available: stock.units })),
        stockNew: () => null,
      }),
    );
    await broker.start();
    return broker;
  };
  const first = await start("first");
  const second = await start("second");
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", onUnhandled);
  const database = first.getLocalService("products") as unknown as {
    db: { execute(sql: string, values: string[]): Promise<number> };
  };

  return {
    servers,
    nodes: [first, second],
    stock,
    unhandled,
    redisPrefix: `${first.namespace}:cache:products.details`,
    async create(name = "as made") {
      const sku = `C-${randomBytes(4).toString("hex")}`;
      await first.call("products.create", { sku, name, priceCents: 100 }, boss);
      return sku;
    },
    async import(csv) {
      await first.call("products.import", { csv }, boss);
    },
    async rename(sku, name, by = first) {
      await by.call("products.update", { sku, name }, boss);
    },
    async renameInDatabase(sku, name) {
      await database.db.execute("UPDATE products SET name = ? WHERE sku = ?", [name, sku]);
    },
    nameOf: async (sku, on) => (await on.call("products.get", { sku })).name,
    async dispose() {
      await Promise.all([first.stop(), second.stop()]);
      process.off("unhandledRejection", onUnhandled);
      await servers.stop();
      await dropDatabases(testDatabaseUrl(), databasePrefix);
    },
  };
}

/** The answer and how long it took. */
export async function timed<T>(work: () => Promise<T>): Promise<{ answer: T; ms: number }> {
  const startedMs = performance.now();
  const answer = await work();
  return { answer, ms: performance.now() - startedMs };
}
