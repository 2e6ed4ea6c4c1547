import type { Delivery } from "../../contracts/bus.ts";
import { marks, type Database, type Tx } from "../../lib/database.ts";
import type { OrderStatus } from "../../contracts/orders.ts";

/** Takes people whose accounts are erased out of their orders, which stay. */
export interface ErasuresRepository {
  /**
   * Takes out what tells of a customer, at once where nothing is left to be sent. What may still have to be sent keeps
   * its address and note until it is, or has ended; `sweep` takes them out then.
   */
  begin(customerId: string, delivery: Delivery, nowMs: number): Promise<void>;
  /** Looks after up to `limit` customers of whom something may be left; answers with how many it looked after. */
  sweep(nowMs: number, limit: number): Promise<number>;
}

/** What may still be sent. A payment that comes after an order expired finds no address: staff return the money. */
const open: readonly OrderStatus[] = ["CREATED", "PAID"];

const lookAgainMs = 5_000;

/** By then no request from before the erasure can store an order any more. */
const lateOrdersMs = 10 * 60_000;

interface Row {
  customer_id: string;
  erased_at: number | string;
}

export function erasuresRepository(db: Database): ErasuresRepository {
  const ifNew = db.dialect === "mysql" ? "ON DUPLICATE KEY UPDATE due_at = due_at" : "ON CONFLICT DO NOTHING";
  const skipLocked = db.dialect === "mysql" ? "FOR UPDATE SKIP LOCKED" : "";

  /** What customers say of why they cancel is kept nowhere but in the history. */
  const takeOutWords = async (tx: Tx, customerId: string): Promise<void> => {
    const entries = await db.select<{ id: string; detail: string }>(
      `SELECT h.id, h.detail FROM order_history AS h JOIN orders AS o ON o.id = h.order_id
       WHERE o.customer_id = ? AND h.by_whom = ? AND h.type IN ('order.cancelled', 'order.refund_requested')`,
      [customerId, customerId],
      tx,
    );
    for (const { id, detail } of entries) {
      const { reason: _reason, ...kept } = JSON.parse(detail) as Record<string, unknown>;
      await db.execute("UPDATE order_history SET detail = ? WHERE id = ?", [JSON.stringify(kept), id], tx);
    }
  };

  /** Answers with whether anything stays for now. */
  const takeOut = async (tx: Tx, customerId: string): Promise<boolean> => {
    await db.execute(
      `UPDATE orders SET address = NULL, note = NULL
       WHERE customer_id = ? AND status NOT IN (${marks(open.length)}) AND (address IS NOT NULL OR note IS NOT NULL)`,
      [customerId, ...open],
      tx,
    );
    await takeOutWords(tx, customerId);
    // in this order: what is moved in between is in the second when that is looked at
    for (const table of ["idempotency_keys", "idempotency_keys_archive"])
      await db.execute(`DELETE FROM ${table} WHERE user_id = ?`, [customerId], tx);
    const left = await db.select(
      `SELECT id FROM orders WHERE customer_id = ? AND status IN (${marks(open.length)}) LIMIT 1`,
      [customerId, ...open],
      tx,
    );
    return left.length > 0;
  };

  return {
    begin: (customerId, delivery, nowMs) =>
      db.transaction(async (tx) => {
        if (!(await delivery.record(tx))) return;
        await db.execute(
          `INSERT INTO erasures (customer_id, erased_at, due_at) VALUES (${marks(3)}) ${ifNew}`,
          [customerId, nowMs, nowMs + lookAgainMs],
          tx,
        );
        await takeOut(tx, customerId);
      }),
    sweep: (nowMs, limit) =>
      db.transaction(async (tx) => {
        const rows = await db.select<Row>(
          `SELECT customer_id, erased_at FROM erasures WHERE due_at <= ? ORDER BY due_at LIMIT ${limit} ${skipLocked}`,
          [nowMs],
          tx,
        );
        for (const { customer_id: id, erased_at } of rows) {
          const stays = await takeOut(tx, id);
          if (stays || nowMs < Number(erased_at) + lateOrdersMs)
            await db.execute("UPDATE erasures SET due_at = ? WHERE customer_id = ?", [nowMs + lookAgainMs, id], tx);
          else await db.execute("DELETE FROM erasures WHERE customer_id = ?", [id], tx);
        }
        return rows.length;
      }),
  };
}
