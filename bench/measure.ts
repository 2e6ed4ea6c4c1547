import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Job, Load, Measured, Work } from "./generator/protocol.ts";
import { cpuMs, rssMb } from "./meters.ts";
import type { Inside } from "./probe.ts";
import type { World } from "./world.ts";

export interface Times {
  warmMs: number;
  measureMs: number;
}

/** What a measurement cost: processor time of all nodes and of their servers, memory of the largest node. */
export interface Cost {
  nodeCpuMs: number;
  serversCpuMs: number;
  rssMb: number;
  inside: Inside;
}

export interface Bench {
  world: World;
  times: Times;
  /** Where processor profiles go, one of each measurement; null for none. */
  profileDir: string | null;
  /** Old orders to fill in, where there are to be many. */
  orders: number;
  /** For how long memory is looked at. */
  minutes: number;
}

export interface Asked {
  name: string;
  work: Work;
  load: Load;
  times?: Times;
}

let seed = 1;

/** Loads the node, and measures what came of it and what it took. */
export async function measure(
  { world, times: usual, profileDir }: Bench,
  { name, work, load, times = usual }: Asked,
): Promise<{ measured: Measured; cost: Cost }> {
  const { nodes, probe } = world;
  const job: Job = { urls: world.urls, work, load, ...times, seed: (seed += 1) };
  const used = (): [number, number] => [nodes.reduce((sum, { pid }) => sum + cpuMs(pid), 0), world.serversCpuMs()];
  let before: [number, number] = [0, 0];
  let after: [number, number] = [0, 0];
  let started: Promise<void> = Promise.resolve();
  let stopped: Promise<Inside> | null = null;
  const measured = await world.generator.run(job, (mark) => {
    if (mark === "measuring") {
      before = used();
      started = probe.start({ profile: profileDir !== null });
    } else {
      after = used();
      stopped = started.then(() => probe.stop());
    }
  });
  const inside = await (stopped ?? probe.stop());
  if (profileDir !== null) writeFileSync(join(profileDir, `${name}.cpuprofile`), JSON.stringify(inside.profile));
  const [nodeCpuMs, serversCpuMs] = [after[0] - before[0], after[1] - before[1]];
  return {
    measured,
    cost: { nodeCpuMs, serversCpuMs, rssMb: Math.max(...nodes.map(({ pid }) => rssMb(pid))), inside },
  };
}
