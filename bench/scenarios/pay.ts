import { closed, measureRow, type Scenario } from "./scenario.ts";
import { placeOrders } from "./reads.ts";

const clients = 64;
const fewest = 200;

/** Pays orders that were placed before, each once. */
export const pay: Scenario = {
  name: "pay",
  async run(bench) {
    const { world, times } = bench;
    // as many as can be paid in the time at most; what is left over expires by itself
    const trial = await world.generator.run({
      urls: world.urls,
      work: { kind: "pay", orders: await placeOrders(world, fewest) },
      load: closed(clients),
      warmMs: 0,
      measureMs: times.warmMs + times.measureMs,
      seed: 1,
    });
    const seconds = (times.warmMs + times.measureMs) / 1_000;
    const orders = await placeOrders(world, fewest + Math.ceil(trial.perSecond * seconds * 2));
    const { row } = await measureRow(bench, { name: "pay", work: { kind: "pay", orders }, load: closed(clients) });
    return row;
  },
};
