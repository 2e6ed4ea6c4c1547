import type { DoctorReport } from "../../contracts/ops.ts";
import { messageOf } from "../../lib/errors.ts";
import { fill, sizesOf, type Sizes } from "../big-data/fill.ts";
import { ordersToRead, routesOf } from "../big-data/routes.ts";
import { measure, type Bench } from "../measure.ts";
import { placeOrders } from "../scenarios/reads.ts";
import { closed } from "../scenarios/scenario.ts";
import type { Latency } from "../statistics.ts";

export interface MeasuredRoute {
  name: string;
  empty: Latency;
  full: Latency;
}

/** What it costs that much is stored: each route asked by one client, in the system as it is new and after it was filled. */
export interface BigData extends Sizes {
  fillSeconds: number;
  routes: MeasuredRoute[];
  /** Null where it did not answer. */
  doctor: { emptySeconds: number; fullSeconds: number | null; checked: number };
}

/** Of the time that a load is measured: there are many routes. */
const share = 1 / 5;
/** The slowest of many rows is to be answered a few times, unless this is only to show that it works. */
const leastMs = 300;
/** What was not answered once in its time, on a machine that stood still or among very many rows, gets more of it. */
const longer = 4;
const patienceMs = 5_000;
const paidOrders = 300;

export async function bigData(
  bench: Bench,
  say: (text: string) => void,
): Promise<{ found: BigData; report: DoctorReport | null; problems: string[] }> {
  const { world } = bench;
  const sizes = sizesOf(bench.orders);
  const orders = await ordersToRead(world);
  const emptyDoctor = await timed(() => world.doctor());
  const empty = await measureRoutes(bench, orders);

  say(`  filling in ${sizes.orders} orders`);
  const { seconds: fillSeconds } = await timed(() => fill(world, sizes));
  say(`  filled in within ${Math.round(fillSeconds)} s`);
  const full = await measureRoutes(bench, orders);
  say("  the doctor");
  // what was measured before is good, also where this takes longer than anybody waits for an answer
  const problems: string[] = [];
  const fullDoctor = await timed(() => world.doctor()).catch((error: unknown) => {
    problems.push(`big-data: the doctor did not answer: ${messageOf(error)}`);
    return null;
  });

  return {
    problems,
    report: fullDoctor?.result ?? null,
    found: {
      ...sizes,
      fillSeconds,
      routes: [...empty].flatMap(([name, latency]) => {
        const then = full.get(name);
        return then ? [{ name, empty: latency, full: then }] : [];
      }),
      doctor: {
        emptySeconds: emptyDoctor.seconds,
        fullSeconds: fullDoctor?.seconds ?? null,
        checked: fullDoctor?.result.checks.reduce((sum, { checked }) => sum + checked, 0) ?? 0,
      },
    },
  };
}

async function measureRoutes(bench: Bench, orderIds: readonly string[]): Promise<Map<string, Latency>> {
  const { world } = bench;
  const { warmMs, measureMs } = bench.times;
  const times = { warmMs: warmMs * share, measureMs: Math.max(Math.min(leastMs, measureMs), measureMs * share) };
  const found = new Map<string, Latency>();
  const ask = async (name: string, work: Parameters<typeof measure>[1]["work"]): Promise<void> => {
    const latency = await untilAnswered(name, times.measureMs, async (measureMs) => {
      const asked = { name: name.replace(/\W+/g, "-"), work, load: closed(1), times: { ...times, measureMs } };
      const { measured } = await measure(bench, asked);
      if (Object.keys(measured.errors).length > 0) throw new Error(`${name}: ${JSON.stringify(measured.errors)}`);
      return measured.latency;
    });
    found.set(name, latency);
  };
  for (const { name, requests } of await routesOf(world, orderIds)) await ask(name, { kind: "get", requests });
  await ask("POST /orders", { kind: "place", tokens: await world.tokens(), skus: world.products, lines: 2 });
  await ask("POST /orders/:id/pay", { kind: "pay", orders: await placeOrders(world, paidOrders) });
  await world.settle();
  return found;
}

/** Asks for `firstMs`, and for longer while there is no answer in that time. Throws when there is none after patience ends. */
export async function untilAnswered(
  name: string,
  firstMs: number,
  ask: (measureMs: number) => Promise<Latency>,
): Promise<Latency> {
  for (let measureMs = firstMs; ; measureMs *= longer) {
    const latency = await ask(measureMs);
    if (latency.p50Ms > 0) return latency;
    if (measureMs > patienceMs) throw new Error(`${name}: not answered once in ${measureMs} ms`);
  }
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const startedAt = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - startedAt) / 1_000 };
}
