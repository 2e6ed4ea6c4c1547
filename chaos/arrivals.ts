import { delay } from "../lib/time.ts";
import type { Random } from "./random.ts";

export interface ArrivalsOptions {
  random: Random;
  /** Asked anew for each arrival. */
  ratePerSecond: () => number;
  /** Somebody has come; never waited for. */
  arrive: () => void;
  signal: AbortSignal;
  now?: () => number;
}

/**
 * People who come by themselves, as a Poisson process: how slowly the ones before are served changes nothing. Those who
 * were due while this process was busy come together, late but all of them.
 */
export async function arrivals({
  random,
  ratePerSecond,
  arrive,
  signal,
  now = Date.now,
}: ArrivalsOptions): Promise<void> {
  for (let dueMs = now(); !signal.aborted;) {
    dueMs += -Math.log(1 - random.int(0, 999_999) / 1_000_000) * (1_000 / ratePerSecond());
    const earlyMs = dueMs - now();
    if (earlyMs > 1) await delay(earlyMs, signal);
    if (!signal.aborted) arrive();
  }
}
