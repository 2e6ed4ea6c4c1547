import { isAnswered, wasRefused, type History } from "./history.ts";

/** So many in a row are a recovery. */
export const successesNeeded = 20;

/**
 * Resolves with the time at which the 20th order in a row was answered, of those asked for after `afterMs`; null when the
 * signal came first. A connection that was refused is no request: whoever asks turns to the next gateway.
 */
export function successesInARow(
  history: Pick<History, "listen">,
  { afterMs, signal, now = Date.now }: { afterMs: number; signal: AbortSignal; now?: () => number },
): Promise<number | null> {
  return new Promise((resolve) => {
    let length = 0;
    const end = (atMs: number | null): void => {
      unlisten();
      signal.removeEventListener("abort", aborted);
      resolve(atMs);
    };
    const aborted = (): void => end(null);
    const unlisten = history.listen(({ kind }, one) => {
      if (kind !== "place" || one.startedAtMs < afterMs || wasRefused(one) || one.why === "HUNG_UP") return;
      // one that is being answered elsewhere was asked for twice at once
      if (one.why === "IDEMPOTENCY_KEY_IN_FLIGHT") return;
      length = isAnswered(one) ? length + 1 : 0;
      if (length === successesNeeded) end(now());
    });
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
  });
}
