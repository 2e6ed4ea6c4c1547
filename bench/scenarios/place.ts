import type { Bench } from "../measure.ts";
import { closed, measureRow, type Row, type Scenario } from "./scenario.ts";

async function place(bench: Bench, name: string, clients: number): Promise<Row> {
  const { world } = bench;
  const work = { kind: "place" as const, tokens: await world.tokens(), skus: world.products, lines: 2 };
  return (await measureRow(bench, { name, work, load: closed(clients) })).row;
}

const scenario = (name: string, clients: number, ungrouped?: true): Scenario => ({
  name,
  ...(ungrouped ? { ungrouped } : {}),
  run: (bench) => place(bench, name, clients),
});

/** Two lines of 1,000 products. */
export const placeMany = scenario("place", 64);
export const placeManyUngrouped = scenario("place-ungrouped", 64, true);

/** Who comes alone must not wait for others. */
export const placeSingle = scenario("place-single", 1);
export const placeSingleUngrouped = scenario("place-single-ungrouped", 1, true);
