import type { StockLevel } from "../../contracts/inventory.ts";
import type { Bench } from "../measure.ts";
import type { World } from "../world.ts";
import { closed, measureRow, type Row, type Scenario } from "./scenario.ts";

const clients = 256;
/** How much longer than expected a sale may take. */
const patience = 10;
const leastMs = 30_000;
const fewest = 500;

/** Everybody wants the same product until none is left; then exactly the stock must have been sold. */
async function sell(bench: Bench, name: string): Promise<Row> {
  const { world, times } = bench;
  const tokens = await world.tokens();
  const rush = (sku: string) => ({
    kind: "place" as const,
    tokens,
    skus: [sku],
    lines: 1,
    untilSoldOut: true,
  });
  const trial = await world.generator.run({
    urls: world.urls,
    work: rush(await world.addProduct(1_000_000)),
    load: closed(clients),
    warmMs: times.warmMs,
    measureMs: times.warmMs,
    seed: 1,
  });
  const stock = Math.max(fewest, Math.round((trial.perSecond * times.measureMs) / 1_000));
  const sku = await world.addProduct(stock);
  const { row, measured } = await measureRow(bench, {
    name,
    work: rush(sku),
    load: closed(clients),
    times: { warmMs: 0, measureMs: Math.max(leastMs, patience * times.measureMs) },
  });
  const level = await levelOf(world, sku);
  const sold = measured.placed.length;
  const isExact = sold === stock && level.reserved === stock && level.available === 0;
  row.notes.push(`${stock} units, ${sold} sold`);
  if (!isExact) {
    row.errors += 1;
    row.errorKinds[`${stock} units, but ${sold} sold, ${level.reserved} held, ${level.available} left`] = 1;
  }
  return row;
}

async function levelOf(world: World, sku: string): Promise<StockLevel> {
  return (await world.rest.send<StockLevel>(`/inventory/${sku}`, { token: await world.adminToken() })).body;
}

export const flashSale: Scenario = { name: "flash-sale", run: (bench) => sell(bench, "flash-sale") };
export const flashSaleUngrouped: Scenario = {
  name: "flash-sale-ungrouped",
  ungrouped: true,
  run: (bench) => sell(bench, "flash-sale-ungrouped"),
};
