import type { Delivery } from "../../contracts/bus.ts";
import type { Note } from "../../lib/audit-log.ts";
import { insertRows, type Database, type Tx } from "../../lib/database.ts";
import { isOutage, isUniqueViolation } from "../../lib/database-errors.ts";
import { notFound } from "../../lib/errors.ts";
import { groupCommit, type GroupCommit } from "../../lib/group-commit.ts";
import { recordDeliveries } from "../../lib/inbox.ts";
import type { GroupMeter } from "../../lib/metrics.ts";
import { AlreadyServed, type KeyedRequest, type StoredResponse } from "./idempotency.ts";
import type { Change, OrderState, Refund } from "./order.ts";
import type { OrderReads } from "./order-reads.ts";
import { changedColumns, orderColumns, orderValues } from "./order-rows.ts";
import type { Answered, Dated, OrderWrites } from "./order-writes.ts";

/** What is committed together with a change of an order. */
export interface Along {
  /** The event that causes the change; when it was applied before, nothing is done. */
  delivery?: Delivery;
  /** The request that causes it, and what it is answered. */
  request?: KeyedRequest | null;
  /** Null: the request has not come to its end yet, and nothing is stored. */
  respond?: (order: OrderState, change: Change | null) => StoredResponse | null;
  /** A payment that may have been returned already; then nothing is done. */
  returning?: string;
  /** Ends a refund, as done or as refused with the reason; when it has ended already, nothing is decided again. */
  refund?: { id: string; status: "DONE" | "REFUSED"; error?: string };
  /** Notes in the audit log that a refund was asked for. */
  noteRefund?: (refund: Refund) => Note;
}

export interface OrderChange {
  id: string;
  decide: (order: OrderState) => Change | null;
  now: number;
  along: Along;
  /** Its own request, which others may share the transaction with; null when that is not traced. */
  traceparent: string | null;
}

/** The order as it is after a decision, and the decision. */
export interface Changed {
  order: OrderState;
  change: Change | null;
}

const longestQueue = 4_096;

/**
 * Changes orders, those that come at once in one transaction: each as if it had come after the one before. One that is
 * refused leaves nothing behind, and refuses nobody else.
 */
export function orderChanges(
  db: Database,
  reads: OrderReads,
  writes: OrderWrites,
  most: number,
  meter?: GroupMeter,
): GroupCommit<OrderChange, Changed> {
  const isReturned = async (tx: Tx, paymentId: string): Promise<boolean> =>
    (await db.select("SELECT id FROM refunds WHERE stray_payment_id = ?", [paymentId], tx)).length > 0;

  const endRefund = async (tx: Tx, { id, status, error }: NonNullable<Along["refund"]>, now: number) => {
    const changed = await db.execute(
      "UPDATE refunds SET status = ?, done_at = ?, last_error = ? WHERE id = ? AND status = 'REQUESTED'",
      [status, now, error ?? null, id],
      tx,
    );
    return changed === 1;
  };

  /** Whether there is anything to decide; ends the refund that comes along. */
  const isOpen = async (tx: Tx, order: OrderState, { along: { returning, refund }, now }: OrderChange) => {
    if (returning !== undefined && order.status !== "CREATED" && (await isReturned(tx, returning))) return false;
    return !refund || endRefund(tx, refund, now);
  };

  const changeTogether = async (tx: Tx, asked: readonly OrderChange[]): Promise<(Changed | Error)[]> => {
    const found = await reads.lock(
      tx,
      asked.map(({ id }) => id),
    );
    const now = new Map(found.map((order) => [order.id, order]));
    const fresh = await recordDeliveries(
      tx,
      asked.flatMap(({ id, along: { delivery } }) => (delivery && now.has(id) ? delivery : [])),
    );
    const made: Made[] = [];
    const answers: (Changed | Error)[] = [];
    for (const one of asked) {
      const before = now.get(one.id);
      if (!before) answers.push(notFound("order"));
      else if (one.along.delivery && !fresh.has(one.along.delivery)) answers.push({ order: before, change: null });
      else {
        const change = (await isOpen(tx, before, one)) ? attempt(() => one.decide(before)) : null;
        if (change instanceof Error) {
          // what was written for it already must not stay
          if (one.along.delivery || one.along.refund) throw change;
          answers.push(change);
          continue;
        }
        const order = change ? { ...change.order, eventSequence: before.eventSequence + change.facts.length } : before;
        now.set(order.id, order);
        made.push({ asked: one, change, order });
        answers.push({ order, change });
      }
    }
    await save(tx, made);
    return answers;
  };

  const save = async (tx: Tx, made: readonly Made[]): Promise<void> => {
    const changed = made.flatMap(({ asked: { now: at, traceparent }, change }): Dated[] =>
      change ? [{ change, at, traceparent }] : [],
    );
    const last = new Map(made.flatMap(({ change, order }) => (change ? [[order.id, order] as const] : [])));
    await insertRows(db, tx, `orders (${orderColumns})`, [...last.values()].map(orderValues), overOrder);
    await writes.history(tx, changed);
    await writes.facts(tx, changed);
    const refunds = made.flatMap(({ asked, change }) => (change?.refund ? [{ refund: change.refund, asked }] : []));
    await writes.refunds(
      tx,
      refunds.map(({ refund, asked: { along, now: at } }) => ({ refund, request: along.request ?? null, at })),
    );
    for (const { refund, asked } of refunds) await asked.along.noteRefund?.(refund)(tx);
    await writes.responses(
      tx,
      made.flatMap(({ asked: { along, now: at }, order, change }): Answered[] => {
        const response = along.request ? along.respond?.(order, change) : null;
        return along.request && response ? [{ request: along.request, response, at }] : [];
      }),
    );
  };

  // the rows are there and locked: nothing is ever inserted
  const overOrder =
    db.dialect === "mysql"
      ? `ON DUPLICATE KEY UPDATE ${changedColumns.map((column) => `${column} = VALUES(${column})`).join(", ")}`
      : `ON CONFLICT (id) DO UPDATE SET ${changedColumns.map((column) => `${column} = excluded.${column}`).join(", ")}`;

  const run = async (asked: readonly OrderChange[]): Promise<(Changed | Error)[]> => {
    try {
      return await db.transaction((tx) => changeTogether(tx, asked));
    } catch (error) {
      if (asked.length === 1 && asked[0]?.along.request && isUniqueViolation(error)) return [new AlreadyServed()];
      throw error;
    }
  };

  return groupCommit({
    most,
    longest: longestQueue,
    // SQLite has one writer
    atOnce: db.dialect === "mysql" ? 2 : 1,
    run,
    isBlameless: isOutage,
    meter,
  });
}

interface Made extends Changed {
  asked: OrderChange;
}

function attempt<T>(decide: () => T): T | Error {
  try {
    return decide();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
