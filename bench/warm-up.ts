import type { Load, Work } from "./generator/protocol.ts";
import type { World } from "./world.ts";

const clients = 64;
const checkoutsPerSecond = 80;

/** Uses nodes for so long, by what takes the most code: orders in large groups, and all that follows from an order. */
export async function warmUp(world: World, forMs: number): Promise<void> {
  const [tokens, skus] = [await world.tokens(), world.products];
  const loads: { work: Work; load: Load }[] = [
    { work: { kind: "place", tokens, skus, lines: 2 }, load: { model: "closed", clients } },
    {
      work: { kind: "checkout", tokens, skus, lines: 2 },
      load: { model: "open", perSecond: checkoutsPerSecond, connections: 2 * clients },
    },
  ];
  for (const { work, load } of loads) {
    await world.generator.run({ urls: world.urls, work, load, warmMs: 0, measureMs: forMs / loads.length, seed: 1 });
    await world.settle();
  }
}
