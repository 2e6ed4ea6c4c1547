import { delay } from "../../../lib/time.ts";
import { ProviderUnavailable } from "./provider.ts";

/** How long a provider has for one answer. */
export const answerWithinMs = 2_000;

/** How long both attempts have together. */
const bothWithinMs = 2_100;
const pauseMs = 150;

/** Also where nearly all of the caller's time is gone: most answers come within this. */
const leastMs = 300;

/** What is stored after the answer takes so long on a node that has much to do. */
const storedWithinMs = 800;

/** By when a provider must have answered for whoever waits until `deadlineMs` to be told; 202 beats a time-out. */
export const answerBy = ({ deadlineMs }: { deadlineMs?: number | undefined }): number =>
  deadlineMs === undefined ? Infinity : deadlineMs - storedWithinMs;

/**
 * Asks a provider within a deadline, and once more when it answered with an error of its own. The request must carry an
 * idempotency key. After a time-out it is not repeated: the customer waits, and the reconciler finds out. `byMs`: when the caller needs it.
 */
export async function ask<T>(request: (signal: AbortSignal) => Promise<T>, byMs = Infinity): Promise<T> {
  const startedMs = performance.now();
  const withinMs = Math.max(leastMs, Math.min(bothWithinMs, byMs - Date.now()));
  try {
    return await request(AbortSignal.timeout(Math.min(answerWithinMs, withinMs)));
  } catch (error) {
    if (!(error instanceof ProviderUnavailable) || !error.answered) throw error;
    await delay(pauseMs);
    const leftMs = withinMs - (performance.now() - startedMs);
    if (leftMs <= 0) throw error;
    return await request(AbortSignal.timeout(Math.min(answerWithinMs, Math.ceil(leftMs))));
  }
}

/** Asks a provider once, within the deadline; for callers that come again by themselves. */
export const askOnce = <T>(request: (signal: AbortSignal) => Promise<T>): Promise<T> =>
  request(AbortSignal.timeout(answerWithinMs));
