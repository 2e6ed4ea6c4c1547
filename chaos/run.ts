import { monitorEventLoopDelay } from "node:perf_hooks";
import { delay } from "../lib/time.ts";
import { check, type Result } from "./checker.ts";
import { History } from "./history.ts";
import { openLoad } from "./load.ts";
import { runNemesis, type NemesisEvent } from "./nemesis.ts";
import type { Options } from "./options.ts";
import { timelineOf, type Timeline } from "./timeline.ts";
import { serversOf } from "./servers.ts";
import { startWorld, type World } from "./world.ts";

/** One whole run. */
export interface Run {
  seed: number;
  options: Options;
  startedAtMs: number;
  /** From the first order to the last. */
  loadMs: number;
  endedAtMs: number;
  /** True when a person ended it early. */
  wasCut: boolean;
  servers: string[];
  /** How late this process was: above some ten milliseconds, latencies are partly its own. */
  loopDelayP99Ms: number;
  /** Orders that were due while too many were under way. */
  turnedAway: number;
  events: NemesisEvent[];
  timeline: Timeline;
  result: Result;
  history: History;
}

export interface RunHooks {
  say: (text: string) => void;
  onEvent?: (event: NemesisEvent, history: History) => void;
  /** Gets the history's lines. */
  write?: (line: string) => void;
  onOutput?: (from: string, text: string) => void;
  /** Aborted to end the attack early. */
  signal: AbortSignal;
}

const wholeWithinMs = 120_000;
/** Load before the first fault and after the last one. */
const quietMs = 3_000;
/** Processes that have just been started are slow: their code is not compiled yet, their pools are empty. */
const rampMs = 30_000;
const graceMs = 60_000;
const stopWithinMs = 20_000;

/** Starts a world of its own, lets the nemesis loose on it, and checks what is left. */
export async function runChaos(options: Options, hooks: RunHooks): Promise<Run> {
  const { say, onOutput } = hooks;
  say("starting servers and nodes");
  const world = await startWorld({
    nodes: options.nodes,
    spares: 1,
    orderTtlSeconds: options.orderTtlSeconds,
    ...(onOutput ? { onOutput } : {}),
  });
  try {
    return await attack(world, options, hooks);
  } finally {
    say("stopping servers and nodes");
    // what was found is told all the same, and whatever is left ends with this process
    const late = new AbortController();
    const stopped = world.stop().then(() => true);
    const inTime = await Promise.race([stopped, delay(stopWithinMs, late.signal).then(() => false)]);
    late.abort();
    if (!inTime) say(`they did not stop within ${stopWithinMs / 1_000} s`);
  }
}

/** Load and nemesis over a world that is there, then the checker. */
export async function attack(world: World, options: Options, hooks: RunHooks): Promise<Run> {
  const { say, onEvent, write, signal } = hooks;
  const { seed, ratePerSecond, accounts, faults: count, only, hold } = options;
  await becomesWhole(world);
  const servers = await serversOf(world);
  const history = new History(write ? { write } : {});
  say(`registering ${accounts} customers`);
  const load = await openLoad({ ...world, history, seed, ratePerSecond, accounts });
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  const startedAtMs = Date.now();
  load.start({ rampMs });
  let events: NemesisEvent[] = [];
  try {
    await delay(rampMs + quietMs, signal);
    events = await runNemesis({
      ...{ world, load, seed, count, only, signal },
      holdFactor: hold,
      onEvent: (event) => onEvent?.(event, history),
    });
    await delay(quietMs, signal);
  } finally {
    await load.stop(graceMs);
  }
  const loadMs = Date.now() - startedAtMs;
  lag.disable();
  const result = await check({ world, load, history, events, say });
  return {
    ...{ seed, options, startedAtMs, loadMs, servers, events, result, history },
    endedAtMs: Date.now(),
    wasCut: signal.aborted,
    loopDelayP99Ms: lag.percentile(99) / 1e6,
    turnedAway: load.turnedAway,
    timeline: timelineOf(history, startedAtMs),
  };
}

async function becomesWhole(world: World): Promise<void> {
  const deadline = Date.now() + wholeWithinMs;
  while (!(await world.isWhole())) {
    if (Date.now() > deadline) throw new Error(`the nodes were not ready within ${wholeWithinMs / 1_000} s`);
    await delay(100);
  }
}
