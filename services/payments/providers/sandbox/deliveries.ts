import { askHttp } from "../../../../lib/ask-http.ts";
import { hasRow, insertRows, marks, type Database, type Tx } from "../../../../lib/database.ts";
import { messageOf } from "../../../../lib/errors.ts";
import { newId } from "../../../../lib/ids.ts";
import { backoffMs } from "../../../../lib/time.ts";
import { sign, signatureHeader } from "./signature.ts";

const batch = 20;
const answerWithinMs = 5_000;
const firstRetryMs = 250;
const mostRetryMs = 60_000;
const giveUpAfterMs = 48 * 3_600_000;

/** How long a sender has a delivery for itself; a crash gives it back after that. */
const leaseMs = 15_000;

/** A webhook, to be sent so many times. */
export interface Announcement {
  url: string;
  body: string;
  times: number;
}

/** Keeps webhooks to be sent, in the transaction that decided what they tell of. */
export function queueDeliveries(
  db: Database,
  tx: Tx,
  announcements: readonly Announcement[],
  nowMs: number,
): Promise<void> {
  const rows = announcements.flatMap(({ url, body, times }) =>
    Array.from({ length: times }, () => [newId(), url, body, 0, nowMs, nowMs]),
  );
  return insertRows(db, tx, "deliveries (id, url, body, attempts, due_at, created_at)", rows);
}

interface Delivery {
  id: string;
  url: string;
  body: string;
  attempts: number;
  createdAt: number;
}

/** Sends due webhooks, each signed afresh, again after growing delays until they are answered with 2xx; true when there may be more. */
export async function deliverDue(
  { db, webhookSecret, now }: { db: Database; webhookSecret: string; now: () => number },
  stopping: AbortSignal,
): Promise<boolean> {
  const due = await claim(db, now());
  const arrived: Delivery[] = [];
  await Promise.all(
    due.map(async (delivery) => {
      const error = await post(delivery, sign(Buffer.from(delivery.body), webhookSecret, now()), stopping);
      if (error === null) arrived.push(delivery);
      else await postpone(db, delivery, error, now());
    }),
  );
  if (arrived.length > 0) await delivered(db, arrived, now());
  return due.length === batch;
}

/** Null when the receiver has it, else what went wrong. */
async function post({ url, body }: Delivery, signature: string, stopping: AbortSignal): Promise<string | null> {
  try {
    const { status } = await askHttp(url, {
      method: "POST",
      headers: { "content-type": "application/json", [signatureHeader]: signature },
      body,
      signal: AbortSignal.any([stopping, AbortSignal.timeout(answerWithinMs)]),
    });
    return status >= 200 && status < 300 ? null : `answered ${status}`;
  } catch (error) {
    return messageOf(error);
  }
}

async function claim(db: Database, nowMs: number): Promise<Delivery[]> {
  if (!(await hasRow(db, "deliveries WHERE due_at <= ?", [nowMs]))) return [];
  return db.transaction(async (tx) => {
    const rows = await db.select<{
      id: string;
      url: string;
      body: string;
      attempts: number | string;
      created_at: number | string;
    }>(
      `SELECT * FROM deliveries WHERE due_at <= ? ORDER BY due_at LIMIT ${batch}${db.dialect === "mysql" ? " FOR UPDATE SKIP LOCKED" : ""}`,
      [nowMs],
      tx,
    );
    const ids = rows.map(({ id }) => id);
    if (ids.length === 0) return [];
    await db.write(
      `UPDATE deliveries SET due_at = ? WHERE id IN (${marks(ids.length)})`,
      [nowMs + leaseMs, ...ids],
      tx,
    );
    return rows.map(({ id, url, body, attempts, created_at }) => ({
      id,
      url,
      body,
      attempts: Number(attempts),
      createdAt: Number(created_at),
    }));
  });
}

async function delivered(db: Database, arrived: readonly Delivery[], nowMs: number): Promise<void> {
  await db.execute(
    `UPDATE deliveries SET attempts = attempts + 1, due_at = NULL, delivered_at = ?, last_error = NULL
     WHERE id IN (${marks(arrived.length)})`,
    [nowMs, ...arrived.map(({ id }) => id)],
  );
}

async function postpone(db: Database, delivery: Delivery, error: string, nowMs: number): Promise<void> {
  const attempts = delivery.attempts + 1;
  const dueAt =
    nowMs - delivery.createdAt > giveUpAfterMs ? null : nowMs + backoffMs(attempts, firstRetryMs, mostRetryMs);
  await db.execute("UPDATE deliveries SET attempts = ?, due_at = ?, last_error = ? WHERE id = ?", [
    attempts,
    dueAt,
    error.slice(0, 1_000),
    delivery.id,
  ]);
}
