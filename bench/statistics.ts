import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

/** How long requests took, in milliseconds. */
export interface Latency {
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
}

export interface LatencyRecorder {
  record(ms: number): void;
  readonly count: number;
  latency(): Latency;
}

const longestMs = 600_000;

/** Durations to the microsecond, with three significant figures, in a fixed amount of memory. */
export function latencyRecorder(): LatencyRecorder {
  const histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: longestMs * 1_000, figures: 3 });
  const at = (percentile: number): number => (histogram.count === 0 ? 0 : histogram.percentile(percentile) / 1_000);
  return {
    record: (ms) => histogram.record(Math.min(longestMs * 1_000, Math.max(1, Math.round(ms * 1_000)))),
    get count() {
      return histogram.count;
    },
    latency: () => ({ p50Ms: at(50), p95Ms: at(95), p99Ms: at(99), p999Ms: at(99.9), maxMs: at(100) }),
  };
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The times, in milliseconds from the start, at which independent callers come who are so many a second (Poisson). */
export function* arrivals(perSecond: number, random: () => number): Generator<number, never> {
  for (let atMs = 0; ;) {
    atMs += (-Math.log(1 - random()) / perSecond) * 1_000;
    yield atMs;
  }
}

/** What happened at one rate of an open load. */
export interface CurvePoint {
  /** What was asked for, a second. */
  offered: number;
  /** What came by chance, a second. */
  came: number;
  /** What was completed, a second. */
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  errors: number;
}

const keptShare = 0.95;

/** Whether a rate was held: nothing failed, and what came in went out. */
export const holds = ({ came, perSecond, errors }: Pick<CurvePoint, "came" | "perSecond" | "errors">): boolean =>
  errors === 0 && perSecond >= came * keptShare;

/**
 * Where more load begins to cost more latency than it brings work: the point farthest below the line from the first to
 * the last (Kneedle). Points that did not hold count as the last of the curve, by the first of them. Null without a bend.
 */
export function knee(points: readonly CurvePoint[]): CurvePoint | null {
  const sorted = points.toSorted((a, b) => a.offered - b.offered);
  const broken = sorted.findIndex((point) => !holds(point));
  const curve = broken === -1 ? sorted : sorted.slice(0, broken + 1);
  const [first] = curve;
  const last = curve.at(-1);
  if (!first || !last || curve.length < 3 || last.p99Ms <= first.p99Ms) return null;
  const bend = ({ offered, p99Ms }: CurvePoint): number =>
    (offered - first.offered) / (last.offered - first.offered) - (p99Ms - first.p99Ms) / (last.p99Ms - first.p99Ms);
  const best = curve.reduce((a, b) => (bend(b) > bend(a) ? b : a));
  return bend(best) > 0 ? best : null;
}

/** The highest rate that was held before the first that was not; null when even the lowest was not. */
export function highestHeld(points: readonly CurvePoint[]): CurvePoint | null {
  const sorted = points.toSorted((a, b) => a.offered - b.offered);
  const broken = sorted.findIndex((point) => !holds(point));
  return (broken === -1 ? sorted : sorted.slice(0, broken)).at(-1) ?? null;
}

/** By how much values at equal distances grow from one to the next: the line of least squares. 0 of fewer than two. */
export function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const [together, alone] = values.reduce(
    ([xy, xx], value, i) => [xy + (i - middle) * (value - mean), xx + (i - middle) ** 2],
    [0, 0],
  );
  return alone === 0 ? 0 : together / alone;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [a = NaN, b = NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (a + b) / 2;
}
