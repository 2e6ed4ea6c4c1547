import { delay } from "../../lib/time.ts";
import type { Bench } from "../measure.ts";
import { cpuMs } from "../meters.ts";
import { checkoutAt } from "../scenarios/checkout.ts";
import { holds } from "../statistics.ts";

/** Checkouts over so many nodes. */
export interface Scaled {
  nodes: number;
  /** That were asked for, a second, of all nodes together. */
  offered: number;
  /** Null, like the next three, where the rate could not be held. */
  perSecond: number | null;
  p99Ms: number | null;
  /** Of all nodes together, less what they use when nobody asks for anything. */
  cpuMsPerCheckout: number | null;
  serversCpuMsPerCheckout: number | null;
  /** Of a core: what all nodes use when nobody asks for anything. */
  idlePercent: number;
  errors: number;
}

const counts = [1, 2, 4];
/** A rate that a small machine holds for each of four nodes. */
const checkoutsPerSecondEach = 20;
const idleMs = 5_000;

/** Each number of nodes with as much to do for each of them as for one, and with as much to do in all as for one. */
export async function scale(bench: Bench): Promise<Scaled[]> {
  const { world } = bench;
  const found: Scaled[] = [];
  try {
    for (const nodes of counts) {
      await world.use({ nodes });
      const idle = await idleCores(world.nodes.map(({ pid }) => pid));
      for (const offered of new Set([checkoutsPerSecondEach * nodes, checkoutsPerSecondEach])) {
        const row = await checkoutAt(bench, offered);
        await world.settle();
        const perSecond = row.perSecond ?? 0;
        const isHeld = holds({ came: row.duePerSecond, perSecond, errors: row.errors });
        found.push({
          nodes,
          offered,
          perSecond: isHeld ? perSecond : null,
          p99Ms: isHeld ? row.p99Ms : null,
          cpuMsPerCheckout: isHeld ? row.cpuMsPerRequest - (idle * 1_000) / perSecond : null,
          serversCpuMsPerCheckout: isHeld ? row.serversCpuMsPerRequest : null,
          idlePercent: idle * 100,
          errors: row.errors,
        });
      }
    }
  } finally {
    await world.use();
  }
  return found;
}

async function idleCores(pids: readonly number[]): Promise<number> {
  const used = (): number => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const before = used();
  await delay(idleMs);
  return (used() - before) / idleMs;
}
