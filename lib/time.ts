/** RFC 3339 in UTC with milliseconds; databases and domain code hold milliseconds since the epoch. */
export const toIso = (atMs: number): string => new Date(atMs).toISOString();

export const toIsoOrNull = (atMs: number | null): string | null => (atMs === null ? null : toIso(atMs));

/** Resolves after `ms`, or at once when the signal aborts; never rejects. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/**
 * The wait before attempt `attempt` + 1: doubles from `firstMs` up to `mostMs`. With `jitter` (0..1, drawn by the
 * caller) it is spread over the upper half, so that what failed together does not return together.
 */
export function backoffMs(attempt: number, firstMs: number, mostMs: number, jitter = 1): number {
  const full = Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(full / 2 + (full / 2) * jitter);
}
