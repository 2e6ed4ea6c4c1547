import { messageOf } from "../lib/errors.ts";
import { delay } from "../lib/time.ts";
import type { Fault, FaultLimits, Heal, LoadControl } from "./fault.ts";
import { faults as allFaults } from "./faults/index.ts";
import { planFaults, type PlannedFault, type PlanOptions, type Step } from "./plan.ts";
import { seededRandom } from "./random.ts";
import type { World } from "./world.ts";

/** One fault as it went, times in milliseconds since the epoch. */
export interface NemesisEvent {
  /** Counts 1, 2, 3 … in the plan. */
  number: number;
  fault: string;
  limits: FaultLimits;
  /** The fault that was on at the same time. */
  with: string | null;
  /** Which node, how many: for people. */
  notes: string[];
  startedAtMs: number;
  /** From when on it was in force. */
  injectedAtMs: number;
  healedAtMs: number;
  /** The 20th success in a row after it and what was on with it; null when none came in time. */
  recoveredAtMs: number | null;
  /** When all regular nodes were ready again; null when they were not in time. */
  wholeAtMs: number | null;
  /** Why it could not be injected or healed. */
  error: string | null;
}

export interface NemesisOptions extends Omit<PlanOptions, "faults"> {
  world: World;
  load: LoadControl;
  faults?: readonly Fault[];
  onEvent?: (event: NemesisEvent) => void;
  /** When aborted, the fault that is on is healed, and no other begins. */
  signal?: AbortSignal;
}

/** How long a recovery is waited for; limits are for the one who judges. */
const recoveryWithinMs = 60_000;
const wholeWithinMs = 90_000;
const probeEveryMs = 200;

/** Plays the plan of this seed, one step after another, each after the world has recovered from the one before. */
export async function runNemesis(options: NemesisOptions): Promise<NemesisEvent[]> {
  const { world, onEvent, signal = new AbortController().signal } = options;
  const events: NemesisEvent[] = [];
  for (const step of planFaults({ ...options, faults: options.faults ?? allFaults })) {
    if (signal.aborted) break;
    for (const event of await play(step, { ...options, signal })) {
      events.push(event);
      onEvent?.(event);
    }
  }
  await world.restore();
  return events;
}

async function play(step: Step, run: NemesisOptions & { signal: AbortSignal }): Promise<NemesisEvent[]> {
  const { world, load, signal } = run;
  const [first, second] = step;
  const played = await Promise.all([
    playOne(first, second?.fault.name ?? null, run),
    // the second begins while the first is on
    ...(second ? [delay(first.holdMs / 2, signal).then(() => playOne(second, first.fault.name, run))] : []),
  ]);
  if (played.some(({ error }) => error !== null)) await world.restore();
  const healedAtMs = Math.max(...played.map((event) => event.healedAtMs));
  const [recoveredAtMs, wholeAtMs] = await Promise.all([
    load.recovery(healedAtMs, AbortSignal.any([signal, AbortSignal.timeout(recoveryWithinMs)])),
    becomesWhole(world, signal),
  ]);
  return played.map((event) => ({ ...event, recoveredAtMs, wholeAtMs }));
}

type Played = Omit<NemesisEvent, "recoveredAtMs" | "wholeAtMs">;

async function playOne(planned: PlannedFault, beside: string | null, run: NemesisOptions): Promise<Played> {
  const { fault, holdMs, seed, number } = planned;
  const { world, load, signal = new AbortController().signal } = run;
  const startedAtMs = Date.now();
  const notes: string[] = [];
  const site = { world, load, random: seededRandom(seed), note: (text: string) => void notes.push(text), signal };
  let injectedAtMs = startedAtMs;
  let error: string | null = null;
  let heal: Heal = () => Promise.resolve();
  try {
    heal = await fault.inject(site);
    injectedAtMs = Date.now();
    await delay(holdMs, signal);
  } catch (cause) {
    error = `cannot be injected: ${messageOf(cause)}`;
  }
  try {
    await heal();
  } catch (cause) {
    error = `cannot be healed: ${messageOf(cause)}`;
  }
  const healedAtMs = Date.now();
  const { name, limits } = fault;
  return { number, fault: name, limits, with: beside, notes, startedAtMs, injectedAtMs, healedAtMs, error };
}

/** Starts what a fault was not meant to end, too. */
async function becomesWhole(world: World, signal: AbortSignal): Promise<number | null> {
  const deadline = Date.now() + wholeWithinMs;
  while (Date.now() < deadline && !signal.aborted) {
    if (await world.isWhole()) return Date.now();
    if (world.nodes.some(({ isRegular, isUp }) => isRegular && !isUp)) await world.restore();
    await delay(probeEveryMs, signal);
  }
  return null;
}
