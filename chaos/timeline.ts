import { wasRefused, type History } from "./history.ts";

/** What clients saw, second by second. */
export interface Timeline {
  /** Orders acknowledged. */
  acknowledged: number[];
  /** Requests that came to nothing. */
  failed: number[];
  /** Of requests that were answered; null in seconds without any. */
  p99Ms: (number | null)[];
}

/** By the second in which a request ended. */
export function timelineOf({ operations }: Pick<History, "operations">, startedAtMs: number): Timeline {
  const acknowledged: number[] = [];
  const failed: number[] = [];
  const tookMs: number[][] = [];
  for (const { kind, tries } of operations) {
    for (const one of tries) {
      const second = Math.floor((one.startedAtMs + (one.tookMs ?? 0) - startedAtMs) / 1_000);
      if (second < 0 || wasRefused(one)) continue;
      if (one.ending === "info") failed[second] = (failed[second] ?? 0) + 1;
      if (kind === "place" && one.ending === "ok") acknowledged[second] = (acknowledged[second] ?? 0) + 1;
      if (one.status !== null) (tookMs[second] ??= []).push(one.tookMs ?? 0);
    }
  }
  const seconds = Math.max(acknowledged.length, failed.length, tookMs.length);
  const filled = (counts: readonly number[]): number[] => Array.from({ length: seconds }, (_, i) => counts[i] ?? 0);
  return {
    acknowledged: filled(acknowledged),
    failed: filled(failed),
    p99Ms: Array.from({ length: seconds }, (_, i) => percentile(tookMs[i] ?? [], 0.99)),
  };
}

/** By the nearest rank; null of nothing. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}
