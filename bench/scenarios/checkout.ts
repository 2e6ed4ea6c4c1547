import { holds } from "../statistics.ts";
import type { Bench } from "../measure.ts";
import { measureRow, type Row, type Scenario } from "./scenario.ts";

const connections = 128;
const slower = 0.7;
const slowest = 5;

/** Place, pay, and be told that it is paid, at a rate that does not depend on how fast the system is. */
export async function checkoutAt(bench: Bench, perSecond: number): Promise<Row> {
  const { world } = bench;
  const { row } = await measureRow(bench, {
    name: "checkout",
    work: { kind: "checkout", tokens: await world.tokens(), skus: world.products, lines: 2 },
    load: { model: "open", perSecond, connections },
  });
  return row;
}

/** At `perSecond`, or the first of ever slower rates that can be held. */
export const checkout = (perSecond: number): Scenario => ({
  name: "checkout",
  async run(bench) {
    const notes: string[] = [];
    for (let rate = perSecond; ; rate = Math.round(rate * slower)) {
      const row = await checkoutAt(bench, rate);
      if (holds({ came: row.duePerSecond, perSecond: row.perSecond ?? 0, errors: row.errors })) {
        return { ...row, notes: [...notes, `held ${rate}/s`] };
      }
      notes.push(`could not hold ${rate}/s`);
      if (rate <= slowest) return { ...row, perSecond: null, p50Ms: null, p99Ms: null, p999Ms: null, notes };
      await bench.world.settle();
    }
  },
});
