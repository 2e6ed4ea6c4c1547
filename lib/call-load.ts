import type { ActionSchema, Context, Middleware } from "moleculer";
import { isRefusal } from "./errors.ts";

/** What a node has done since somebody first asked: how often each action ran, failed, and how long it took. */
export interface NodeLoad {
  /** When this was counted, on the node's own steady clock. */
  atMs: number;
  actions: Record<string, ActionLoad>;
}

export interface ActionLoad {
  calls: number;
  /** Ours, not refusals. */
  failed: number;
  /** Calls by how long they took; `bucketMs(i)` says how long that is at most. */
  buckets: number[];
}

/** Eight buckets for each doubling, so a percentile is at most 9 % too high. */
const perDoubling = 8;
const firstMs = 0.01;
/** The last one takes everything above ten minutes. */
const bucketCount = 26 * perDoubling;

export const bucketMs = (index: number): number => firstMs * 2 ** ((index + 1) / perDoubling);

export function bucketOf(ms: number): number {
  if (ms <= firstMs) return 0;
  return Math.min(bucketCount - 1, Math.floor(Math.log2(ms / firstMs) * perDoubling));
}

/** The time within which `share` of the calls ended; null where there were none. */
export function percentileMs(buckets: readonly number[], share: number): number | null {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let left = total * share;
  for (const [index, count] of buckets.entries()) {
    left -= count;
    if (left <= 0) return bucketMs(index);
  }
  return bucketMs(buckets.length - 1);
}

/** Counting ends this long after the last question: a node that nobody watches has nothing to do for it. */
const watchedMs = 15_000;

type Handler = (ctx: Context) => Promise<unknown>;

export interface CallLoad {
  middleware: Middleware;
  /** Counts one that was answered without a call. */
  note(action: string, tookMs: number): void;
  /** Counts from now on, and answers with what was counted so far. */
  read(): NodeLoad;
}

export function callLoad(now: () => number = () => performance.now()): CallLoad {
  let counted: Record<string, ActionLoad> = {};
  let watchedUntil = -Infinity;
  const count = (action: string, tookMs: number, failed: boolean): void => {
    const load = (counted[action] ??= { calls: 0, failed: 0, buckets: new Array<number>(bucketCount).fill(0) });
    const bucket = bucketOf(tookMs);
    load.calls += 1;
    if (failed) load.failed += 1;
    load.buckets[bucket] = (load.buckets[bucket] ?? 0) + 1;
  };
  return {
    middleware: {
      name: "CallLoad",
      localAction(next: Handler, { name: action = "" }: ActionSchema) {
        if (action.startsWith("$")) return next;
        return (ctx: Context) => {
          const startedMs = now();
          if (startedMs > watchedUntil) return next(ctx);
          return next(ctx).then(
            (result) => {
              count(action, now() - startedMs, false);
              return result;
            },
            (error: unknown) => {
              count(action, now() - startedMs, !isRefusal(error));
              throw error;
            },
          );
        };
      },
    },
    note(action, tookMs) {
      if (now() <= watchedUntil) count(action, tookMs, false);
    },
    read() {
      const atMs = now();
      // what was counted before a pause would not add up with what comes
      if (atMs > watchedUntil) counted = {};
      watchedUntil = atMs + watchedMs;
      // a copy: whoever asks in this process compares it with the next
      return { atMs, actions: structuredClone(counted) };
    },
  };
}

export interface ActionRate {
  action: string;
  callsPerSecond: number;
  failedPerSecond: number;
  p50Ms: number | null;
  p99Ms: number | null;
}

/** What all nodes did between two looks at each; a node that was seen once is left out. */
export function ratesBetween(
  before: ReadonlyMap<string, NodeLoad>,
  after: ReadonlyMap<string, NodeLoad>,
): ActionRate[] {
  const rates = new Map<string, { calls: number; failed: number; buckets: number[] }>();
  for (const [node, { atMs, actions }] of after) {
    const first = before.get(node);
    const seconds = first ? (atMs - first.atMs) / 1000 : 0;
    if (!first || seconds <= 0) continue;
    for (const [action, { calls, failed, buckets }] of Object.entries(actions)) {
      const old = first.actions[action];
      const rate = rates.get(action) ?? { calls: 0, failed: 0, buckets: new Array<number>(bucketCount).fill(0) };
      rate.calls += (calls - (old?.calls ?? 0)) / seconds;
      rate.failed += (failed - (old?.failed ?? 0)) / seconds;
      for (const [i, count] of buckets.entries())
        rate.buckets[i] = (rate.buckets[i] ?? 0) + count - (old?.buckets[i] ?? 0);
      rates.set(action, rate);
    }
  }
  return [...rates]
    .map(([action, { calls, failed, buckets }]) => ({
      action,
      callsPerSecond: calls,
      failedPerSecond: failed,
      p50Ms: percentileMs(buckets, 0.5),
      p99Ms: percentileMs(buckets, 0.99),
    }))
    .filter(({ callsPerSecond }) => callsPerSecond > 0)
    .sort((a, b) => b.callsPerSecond - a.callsPerSecond);
}
