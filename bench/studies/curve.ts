import { highestHeld, holds, knee, type CurvePoint } from "../statistics.ts";
import type { Bench } from "../measure.ts";
import { checkoutAt } from "../scenarios/checkout.ts";

/** Latency over load, and where it bends. */
export interface Curve {
  name: string;
  /** With what failed at each, and how often. */
  points: (CurvePoint & { errorKinds: Record<string, number> })[];
  knee: CurvePoint | null;
  highestHeld: CurvePoint | null;
}

const firstRate = 25;
const growth = 1.5;
const mostPoints = 12;

/** Checkouts at rates that grow by half until one cannot be held. */
export async function checkoutCurve(bench: Bench): Promise<Curve> {
  const points: Curve["points"] = [];
  for (let rate = firstRate; points.length < mostPoints; rate = Math.round(rate * growth)) {
    const { duePerSecond: came, perSecond, p50Ms, p99Ms, errors, errorKinds } = await checkoutAt(bench, rate);
    const [done, middle, late] = [perSecond ?? 0, p50Ms ?? 0, p99Ms ?? 0];
    const point = { offered: rate, came, perSecond: done, p50Ms: middle, p99Ms: late, errors, errorKinds };
    points.push(point);
    await bench.world.settle();
    if (!holds(point)) break;
  }
  return { name: "checkout", points, knee: knee(points), highestHeld: highestHeld(points) };
}
