import type { GatewayRates } from "../../contracts/gateway.ts";
import type { LiveView } from "../../contracts/ops.ts";
import { addedCounts, percentile, type Counts } from "../../lib/latency-buckets.ts";
import { toIso } from "../../lib/time.ts";

export interface GatewayAnswer {
  node: string;
  /** Null when it did not answer in time. */
  rates: GatewayRates | null;
}

interface Sum {
  ok: number;
  refused: number;
  failed: number;
  buckets: Counts;
}

const latency = ({ buckets }: Sum) => ({ p50Ms: percentile(buckets, 0.5), p99Ms: percentile(buckets, 0.99) });

/** What all gateways saw, as one: counts are added up, and percentiles made of the sums. */
export function liveView(answers: readonly GatewayAnswer[], nowMs: number): LiveView {
  const known = answers.flatMap(({ node, rates }) => (rates ? [{ node, ...rates }] : []));
  const seconds = new Map<number, Sum>();
  const actions = new Map<string, Sum & { perSecond: number }>();
  for (const { seconds: theirs, actions: counted, overSeconds } of known) {
    for (const { second, ...sum } of theirs) seconds.set(second, added(seconds.get(second), sum));
    for (const { action, ...sum } of counted) {
      const before = actions.get(action);
      const perSecond = (before?.perSecond ?? 0) + requestsOf(sum) / overSeconds;
      actions.set(action, { ...added(before, sum), perSecond });
    }
  }
  return {
    at: toIso(nowMs),
    seconds: [...seconds]
      .sort(([a], [b]) => a - b)
      .map(([second, sum]) => ({
        at: toIso(second * 1000),
        ok: sum.ok,
        refused: sum.refused,
        failed: sum.failed,
        ...latency(sum),
      })),
    actions: [...actions]
      .map(([action, sum]) => ({
        action,
        perSecond: Math.round(sum.perSecond * 100) / 100,
        refusedShare: sum.refused / requestsOf(sum),
        failedShare: sum.failed / requestsOf(sum),
        ...latency(sum),
      }))
      .sort((a, b) => b.perSecond - a.perSecond),
    gateways: known.map(({ node, underWay, most, loopDelayMs, openBreakers }) => ({
      node,
      underWay,
      most,
      loopDelayMs,
      openBreakers,
    })),
    silent: answers.flatMap(({ node, rates }) => (rates ? [] : [node])),
  };
}

const requestsOf = ({ ok, refused, failed }: Omit<Sum, "buckets">): number => ok + refused + failed;

function added(a: Sum | undefined, b: Sum): Sum {
  if (!a) return b;
  const [ok, refused, failed] = [a.ok + b.ok, a.refused + b.refused, a.failed + b.failed];
  return { ok, refused, failed, buckets: addedCounts(a.buckets, b.buckets) };
}
