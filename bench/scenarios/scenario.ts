import type { Load, Measured, Work } from "../generator/protocol.ts";
import { measure, type Bench, type Cost, type Times } from "../measure.ts";

/** One line of the results. The first fields are a format that others read. */
export interface Row {
  name: string;
  clients: number;
  /** Null where the load could not be held: then there is no such number. */
  perSecond: number | null;
  ofWeb: number | null;
  p50Ms: number | null;
  p99Ms: number | null;
  p999Ms: number | null;
  errors: number;
  cpuMsPerRequest: number;
  rssMb: number;
  serversCpuMsPerRequest: number;
  allocatedKbPerRequest: number;
  loopDelayP99Ms: number;
  gcMsPerSecond: number;
  generatorCores: number;
  errorKinds: Record<string, number>;
  notes: string[];
  /** Of an open load, how many came a second. */
  duePerSecond: number;
}

export interface Scenario {
  name: string;
  /** Groups of one, to see what grouping gives. */
  ungrouped?: true;
  run(bench: Bench): Promise<Row>;
}

export const closed = (clients: number): Load => ({ model: "closed", clients });

/** Measures a load and makes a line of it. */
export async function measureRow(
  bench: Bench,
  asked: { name: string; work: Work; load: Load; times?: Times },
): Promise<{ row: Row; measured: Measured }> {
  const { measured, cost } = await measure(bench, asked);
  const clients = asked.load.model === "closed" ? asked.load.clients : asked.load.connections;
  return { row: rowOf(asked.name, clients, measured, cost), measured };
}

function rowOf(name: string, clients: number, measured: Measured, cost: Cost): Row {
  const { perSecond, duePerSecond, latency, completed, errors, refused, seconds, generator } = measured;
  const each = (total: number): number => (completed === 0 ? 0 : total / completed);
  return {
    name,
    clients,
    perSecond,
    ofWeb: null,
    p50Ms: latency.p50Ms,
    p99Ms: latency.p99Ms,
    p999Ms: latency.p999Ms,
    errors: Object.values(errors).reduce((sum, count) => sum + count, 0),
    cpuMsPerRequest: each(cost.nodeCpuMs),
    rssMb: cost.rssMb,
    serversCpuMsPerRequest: each(cost.serversCpuMs),
    allocatedKbPerRequest: each(cost.inside.allocatedBytes / 1024),
    loopDelayP99Ms: cost.inside.loopDelayP99Ms,
    gcMsPerSecond: cost.inside.gcMs / seconds,
    generatorCores: generator.cores,
    errorKinds: errors,
    duePerSecond,
    notes: refused === 0 ? [] : [`${refused} times told to come again`],
  };
}
