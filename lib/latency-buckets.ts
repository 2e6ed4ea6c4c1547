// How long things took, as counts in classes of 19 %: small enough to be kept for every second, and to be added up over
// nodes, which percentiles are not.

const classesPerDoubling = 4;
const leastMs = 0.25;

/** Up to half a minute; what took longer is in the last one. */
export const bucketCount = Math.ceil(Math.log2(30_000 / leastMs) * classesPerDoubling) + 1;

export function bucketOf(ms: number): number {
  if (!(ms > leastMs)) return 0;
  return Math.min(bucketCount - 1, Math.floor(Math.log2(ms / leastMs) * classesPerDoubling) + 1);
}

/** The middle of a class, at most a tenth away from what it stands for. */
export const msOf = (bucket: number): number => leastMs * 2 ** ((bucket - 0.5) / classesPerDoubling);

/** Class and count, of those that have any, the quickest first. */
export type Counts = [bucket: number, count: number][];

export function sparse(counts: ArrayLike<number>): Counts {
  const found: Counts = [];
  for (let bucket = 0; bucket < counts.length; bucket += 1) {
    const count = counts[bucket] ?? 0;
    if (count > 0) found.push([bucket, count]);
  }
  return found;
}

export function addedCounts(a: Counts, b: Counts): Counts {
  const sum = new Uint32Array(bucketCount);
  for (const [bucket, count] of [...a, ...b]) sum[bucket] = (sum[bucket] ?? 0) + count;
  return sparse(sum);
}

/** What this share of all took at most; null where there are none. */
export function percentile(counts: Counts, share: number): number | null {
  let total = 0;
  for (const [, count] of counts) total += count;
  let left = Math.ceil(total * share);
  for (const [bucket, count] of counts) {
    left -= count;
    if (left <= 0) return Math.round(msOf(bucket) * 100) / 100;
  }
  return null;
}
