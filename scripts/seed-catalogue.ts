import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Config } from "../config.ts";
import type { AppBroker, Identity } from "../contracts/bus.ts";
import type { ImportReport } from "../contracts/products.ts";
import { newId } from "../lib/ids.ts";

export const demoFile = resolve(import.meta.dirname, "../demo/online-retail-2010-12.csv");
export const demoStock = 100;

const neighboursWithinMs = 30_000;

/** Loads the demo catalogue where it is wanted and there is no product yet; null when it did not. */
export async function seedCatalogue(broker: AppBroker, config: Config): Promise<ImportReport | null> {
  if (!config.demoCatalogue) return null;
  await broker.waitForServices(["products", "inventory"], neighboursWithinMs);
  const { items } = await broker.call("products.list", { limit: 1 });
  if (items.length > 0) return null;
  const user: Identity = { id: newId(), roles: ["admin"], sessionId: newId() };
  const csv = await readFile(demoFile, "utf8");
  return broker.call("products.import", { csv, initialStock: demoStock }, { meta: { user } });
}
