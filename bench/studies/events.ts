import type { RowDataPacket } from "mysql2/promise";
import { delay } from "../../lib/time.ts";
import type { Measured, Work } from "../generator/protocol.ts";
import type { Bench } from "../measure.ts";
import { checkoutAt } from "../scenarios/checkout.ts";
import { closed } from "../scenarios/scenario.ts";
import { latencyRecorder, type Latency } from "../statistics.ts";
import type { World } from "../world.ts";

/** How a backlog of events goes away while people go on buying. */
export interface Drain {
  /** Outbox rows not published and inbox rows not applied, when the peak was over. */
  behind: number;
  checkoutsPerSecond: number;
  /** Until nothing was behind. */
  seconds: number;
  /** Publications and applications. */
  perSecond: number;
  /** That failed while the backlog went away. */
  errors: number;
}

/** From an order's commit to the notification about it, as the databases' rows say. */
export interface Lag extends Latency {
  ordersPerSecond: number;
  orders: number;
}

const peakClients = 256;
const drainCheckouts = 25;
const lagOrders = 100;
const drainsWithinMs = 120_000;

/**
 * A node that keeps up leaves nothing behind; so RabbitMQ is away during the peak, and all of it is. The clock runs from when
 * the first of it leaves.
 */
export async function drain(bench: Bench): Promise<Drain> {
  const { world, times } = bench;
  await world.settle();
  await world.rabbitmq.kill();
  const peakOf = (work: Work): Promise<Measured> =>
    world.generator.run({
      urls: world.urls,
      work,
      load: closed(peakClients),
      warmMs: 0,
      measureMs: times.measureMs / 2,
      seed: 1,
    });
  const { placed } = await peakOf({ kind: "place", tokens: await world.tokens(), skus: world.products, lines: 2 });
  await peakOf({ kind: "pay", orders: placed });
  const deadline = Date.now() + drainsWithinMs;
  const peak = await world.behind();
  await world.rabbitmq.restart();
  while ((await world.behind()) >= peak && Date.now() < deadline) await delay(20);
  const [before, fromMs] = [await world.behind(), Date.now()];
  const checkouts = checkoutAt(bench, drainCheckouts);
  let left = before;
  // what the checkouts add is always a little under way
  while (left > drainCheckouts && Date.now() < deadline) {
    await delay(50);
    left = await world.behind();
  }
  const untilMs = Date.now();
  const seconds = (untilMs - fromMs) / 1_000;
  const { errors } = await checkouts;
  await world.settle();
  const done = before + (await cameIn(world, fromMs, untilMs)) - left;
  return { behind: before, checkoutsPerSecond: drainCheckouts, seconds, perSecond: done / seconds, errors };
}

/** Events that came to an outbox, or from one to an inbox, in that time. */
async function cameIn(world: World, fromMs: number, untilMs: number): Promise<number> {
  const [tables] = await world.database.query<RowDataPacket[]>(
    "SELECT table_schema AS db, table_name AS name FROM information_schema.tables WHERE table_name IN ('outbox', 'inbox')",
  );
  const counts = tables.map(({ db, name }) => {
    const at = name === "outbox" ? "created_at" : "received_at";
    return `(SELECT COUNT(*) FROM ${String(db)}.${String(name)} WHERE ${at} > ${fromMs} AND ${at} <= ${untilMs})`;
  });
  const [rows] = await world.database.query<RowDataPacket[]>(`SELECT ${counts.join(" + ")} AS came`);
  return Number(rows[0]?.came ?? 0);
}

export async function lag({ world, times }: Bench): Promise<Lag> {
  const { placed } = await world.generator.run({
    urls: world.urls,
    work: { kind: "place", tokens: await world.tokens(), skus: world.products, lines: 2 },
    load: { model: "open", perSecond: lagOrders, connections: 64 },
    ...times,
    seed: 1,
  });
  await world.settle();
  const ids = placed.map(({ id }) => id);
  const [rows] = await world.database.query<RowDataPacket[]>(
    `SELECT n.created_at - o.created_at AS ms FROM hub_notify.notifications AS n
     JOIN hub_orders.outbox AS o ON o.id = n.event_id WHERE o.subject IN (?)`,
    [ids],
  );
  const recorder = latencyRecorder();
  for (const { ms } of rows) recorder.record(Number(ms));
  return { ordersPerSecond: lagOrders, orders: ids.length, ...recorder.latency() };
}
