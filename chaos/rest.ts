import type { Config } from "../config.ts";
import { subscriptions } from "../contracts/events.ts";
import type { QueueDepth } from "../contracts/ops.ts";
import { openDatabase, type StoreConfig } from "../lib/database.ts";
import { messageOf } from "../lib/errors.ts";
import { delay } from "../lib/time.ts";
import type { Auditor } from "./evidence.ts";
import { Check, type Verdict } from "./verdict.ts";

const wholeWithinMs = 60_000;
/** What may come after an order's deadline: I6. */
const deadlineSlackMs = 60_000;
/** A backlog may take its time as long as it becomes less. */
const stuckAfterMs = 60_000;
const atMostMs = 900_000;
const lookEveryMs = 1_000;
/** What the queues hold is told as it was less than so long ago. */
const oldestCountMs = 3_500;

interface Resting {
  world: { isWhole(): Promise<boolean>; config: Pick<Config, "store" | "orderTtlSeconds"> };
  auditor: Auditor;
}

/** What is still on its way, and how much of it. */
interface OnItsWay {
  what: string;
  count: number;
}

/** Resolves when all orders have come to an end, and everything they caused with them, or when that takes too long. */
export async function comesToRest({ world, auditor }: Resting): Promise<Verdict[]> {
  const orders = new Check("I6", "Every order comes to an end within its deadline and 60 s");
  const events = new Check("I8", "What waited is caught up with");
  for (const check of [orders, events]) check.see(1);
  const { store, orderTtlSeconds } = world.config;
  const wholeBy = Date.now() + wholeWithinMs;
  while (!(await world.isWhole())) {
    if (Date.now() > wholeBy) {
      events.violated("not every node is ready");
      break;
    }
    await delay(lookEveryMs);
  }
  const endedBy = Date.now() + orderTtlSeconds * 1_000 + deadlineSlackMs;
  while (await waits(auditor)) {
    if (Date.now() > endedBy) {
      orders.violated("orders wait for their payment past their deadline");
      break;
    }
    await delay(lookEveryMs);
  }
  // a charge whose answer was lost is in the provider's books alone until the reconciler has asked for it
  while (Date.now() < endedBy && (await asksProviders(store))) await delay(lookEveryMs);
  for (const { what, count } of await drained(auditor, store)) events.violated(`${count} ${what}`);
  return [orders.verdict, events.verdict];
}

const waits = (auditor: Auditor): Promise<boolean> =>
  auditor.get<{ items: unknown[] }>("/orders?status=CREATED&limit=1").then(
    ({ items }) => items.length > 0,
    () => true,
  );

/** Whether a payment is open that no person has to approve. */
const asksProviders = (store: StoreConfig): Promise<boolean> =>
  countIn(store, "payments", "payments WHERE status = 'PENDING' AND redirect_url IS NULL").then(
    (count) => count > 0,
    () => true,
  );

/** What is left when all is empty, or when nothing has become less for long. */
async function drained(auditor: Auditor, store: StoreConfig): Promise<OnItsWay[]> {
  const giveUpAtMs = Date.now() + atMostMs;
  let least = Infinity;
  let leastAtMs = Date.now();
  let emptySinceMs = Infinity;
  for (;;) {
    const left = await onItsWay(auditor, store).catch((error: unknown) => [{ what: messageOf(error), count: 1 }]);
    const sum = left.reduce((total, { count }) => total + count, 0);
    if (sum < least) [least, leastAtMs] = [sum, Date.now()];
    emptySinceMs = sum === 0 ? Math.min(emptySinceMs, Date.now()) : Infinity;
    if (Date.now() - emptySinceMs > oldestCountMs || Date.now() > giveUpAtMs || Date.now() - leastAtMs > stuckAfterMs)
      return left;
    await delay(lookEveryMs);
  }
}

async function onItsWay(auditor: Auditor, store: StoreConfig): Promise<OnItsWay[]> {
  const { items, queues, queuesProblem } = await auditor.get<{
    items: { service: string; rows: number }[];
    queues: QueueDepth[] | null;
    queuesProblem: string | null;
  }>("/ops/outbox");
  if (queuesProblem !== null) throw new Error(`the queues cannot be counted: ${queuesProblem}`);
  const inboxes = await Promise.all(
    Object.keys(subscriptions).map(async (consumer) => ({
      what: `events in the inbox of ${consumer}`,
      count: await countIn(store, consumer, "inbox WHERE status = 'WAITING'"),
    })),
  );
  return [
    ...items.map(({ service, rows }) => ({ what: `events in the outbox of ${service}`, count: rows })),
    ...(queues ?? []).flatMap(({ name, messages }) =>
      name.endsWith(".dead") ? [] : [{ what: `messages in ${name}`, count: messages }],
    ),
    ...inboxes,
    {
      what: "messages to send",
      count: await countIn(store, "notify", "deliveries WHERE status = 'PENDING'"),
    },
  ].filter(({ count }) => count > 0);
}

async function countIn(store: StoreConfig, service: string, from: string): Promise<number> {
  const db = await openDatabase(store, service);
  try {
    const [row] = await db.select<{ n: number | string }>(`SELECT COUNT(*) AS n FROM ${from}`);
    return Number(row?.n ?? 0);
  } finally {
    await db.close();
  }
}
