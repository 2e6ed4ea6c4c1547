import { Poller } from "../../lib/poller.ts";
import { rssMb } from "../meters.ts";
import type { Bench } from "../measure.ts";
import { slope } from "../statistics.ts";

/** What becomes of a node's memory under a load that goes on and on. */
export interface Memory {
  minutes: number;
  /** That were asked for, a second. */
  checkoutsPerSecond: number;
  completed: number;
  errors: number;
  /** What went wrong how often. */
  errorKinds: Record<string, number>;
  /** Resident, in megabytes, at equal distances in time. */
  rssMb: number[];
  mostMb: number;
  /** Of the second half, by when everything is compiled and every cache is full: megabytes a minute, by least squares. */
  slopeMbPerMinute: number;
}

const checkoutsPerSecond = 10;
const connections = 64;
const samplesPerMinute = 12;
/** Access tokens live for a quarter of an hour. */
const mostMinutesAtOnce = 5;

export async function memory({ world, minutes }: Bench): Promise<Memory> {
  const samples: number[] = [];
  const look = (): void => void samples.push(Math.max(...world.nodes.map(({ pid }) => rssMb(pid))));
  const sampling = new Poller({
    name: "memory",
    idleMs: 60_000 / samplesPerMinute,
    pass: () => Promise.resolve(look()).then(() => false),
    onError: () => undefined,
  });
  sampling.start();
  let completed = 0;
  const errorKinds: Record<string, number> = {};
  try {
    for (let left = minutes; left > 0; left -= mostMinutesAtOnce) {
      const measured = await world.generator.run({
        urls: world.urls,
        work: { kind: "checkout", tokens: await world.tokens(), skus: world.products, lines: 2 },
        load: { model: "open", perSecond: checkoutsPerSecond, connections },
        warmMs: 0,
        measureMs: Math.min(left, mostMinutesAtOnce) * 60_000,
        seed: Math.ceil(left),
      });
      completed += measured.completed;
      for (const [kind, count] of Object.entries(measured.errors)) errorKinds[kind] = (errorKinds[kind] ?? 0) + count;
    }
  } finally {
    await sampling.stop();
  }
  look();
  const late = samples.slice(Math.floor(samples.length / 2));
  return {
    minutes,
    checkoutsPerSecond,
    completed,
    errors: Object.values(errorKinds).reduce((sum, count) => sum + count, 0),
    errorKinds,
    rssMb: samples,
    mostMb: Math.max(...samples),
    slopeMbPerMinute: slope(late) * samplesPerMinute,
  };
}
