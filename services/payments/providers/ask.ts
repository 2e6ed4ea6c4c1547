import { delay } from "../../../lib/time.ts";
import { ProviderUnavailable } from "./provider.ts";

/** How long a provider has for one answer. */
export const answerWithinMs = 2_000;

/** How long both attempts have together: a caller waits 2.5 s and needs time around this. */
const bothWithinMs = 2_200;
const pauseMs = 150;

/**
 * Asks a provider within a deadline, and once more when it answered with an error of its own. The request must carry an
 * idempotency key. After a time-out it is not repeated: the customer waits, and the reconciler finds out.
 */
export async function ask<T>(request: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  try {
    return await request(AbortSignal.timeout(answerWithinMs));
  } catch (error) {
    if (!(error instanceof ProviderUnavailable) || !error.answered) throw error;
    await delay(pauseMs);
    const leftMs = bothWithinMs - (performance.now() - startedMs);
    if (leftMs <= 0) throw error;
    return await request(AbortSignal.timeout(Math.min(answerWithinMs, Math.ceil(leftMs))));
  }
}

/** Asks a provider once, within the deadline; for callers that come again by themselves. */
export const askOnce = <T>(request: (signal: AbortSignal) => Promise<T>): Promise<T> =>
  request(AbortSignal.timeout(answerWithinMs));
