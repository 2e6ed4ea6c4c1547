import { highestHeld, holds, knee, type CurvePoint } from "../statistics.ts";
import type { Bench } from "../measure.ts";
import { checkoutAt } from "../scenarios/checkout.ts";

/** Latency over load, and where it bends. */
export interface Curve {
  name: string;
  points: CurvePoint[];
  knee: CurvePoint | null;
  highestHeld: CurvePoint | null;
}

const firstRate = 25;
const growth = 1.5;
const mostPoints = 12;

/** Checkouts at rates that grow by half until one cannot be held. */
export async function checkoutCurve(bench: Bench): Promise<Curve> {
  const points: CurvePoint[] = [];
  for (let rate = firstRate; points.length < mostPoints; rate = Math.round(rate * growth)) {
    const { duePerSecond: came, perSecond, p50Ms, p99Ms, errors } = await checkoutAt(bench, rate);
    const point = { offered: rate, came, perSecond: perSecond ?? 0, p50Ms: p50Ms ?? 0, p99Ms: p99Ms ?? 0, errors };
    points.push(point);
    await bench.world.settle();
    if (!holds(point)) break;
  }
  return { name: "checkout", points, knee: knee(points), highestHeld: highestHeld(points) };
}
