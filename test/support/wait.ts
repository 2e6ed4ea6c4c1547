import { delay } from "../../lib/time.ts";

/** Resolves with the first answer of `probe` that is neither null, undefined nor false; rejects after `withinMs`. */
export async function eventually<T>(
  probe: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  withinMs = 10_000,
  everyMs = 20,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await probe();
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`this did not become true within ${withinMs} ms: ${probe.toString()}`);
    await delay(everyMs);
  }
}
