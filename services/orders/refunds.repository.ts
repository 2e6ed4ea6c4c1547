import { hasRow, marks, type Database } from "../../lib/database.ts";
import { backoffMs } from "../../lib/time.ts";
import type { Refund } from "./order.ts";
import { toRefund, type RefundRow } from "./order-rows.ts";

export interface RefundsRepository {
  /** The refund that a request with this digest asked for, whether it is done, and the request's fingerprint. */
  byRequest(digest: string): Promise<{ refund: Refund; status: RefundStatus; fingerprint: string | null } | null>;
  /** The refund by which a cancellation of this order is under way. */
  openCancellation(orderId: string): Promise<Refund | null>;
  /** Takes due refunds for this node for `leaseMs`; others leave them alone so long. */
  claimDue(now: number, limit: number, leaseMs: number): Promise<Refund[]>;
  /** Keeps why a try failed, and when the next one is. */
  failed(id: string, error: string, now: number): Promise<void>;
  /** Makes every refund that waits for its next try due now. */
  hasten(now: number): Promise<void>;
}

export type RefundStatus = "REQUESTED" | "DONE" | "REFUSED";

const columns = "id, order_id, payment_id, kind, amount_cents, reason, by_whom, status, attempts";
const firstRetryMs = 1_000;
const mostRetryMs = 60_000;

export function refundsRepository(db: Database): RefundsRepository {
  const skipLocked = db.dialect === "mysql" ? "FOR UPDATE SKIP LOCKED" : "";
  return {
    async byRequest(digest) {
      const [row] = await db.select<RefundRow & { request_fingerprint: string | null }>(
        `SELECT ${columns}, request_fingerprint FROM refunds WHERE request_digest = ?`,
        [digest],
      );
      if (!row) return null;
      return { refund: toRefund(row), status: row.status as RefundStatus, fingerprint: row.request_fingerprint };
    },
    async openCancellation(orderId) {
      const [row] = await db.select<RefundRow>(
        `SELECT ${columns} FROM refunds WHERE order_id = ? AND kind = 'cancel' AND status = 'REQUESTED' ORDER BY id LIMIT 1`,
        [orderId],
      );
      return row ? toRefund(row) : null;
    },
    async claimDue(now, limit, leaseMs) {
      if (!(await hasRow(db, "refunds WHERE status = 'REQUESTED' AND due_at <= ?", [now]))) return [];
      return db.transaction(async (tx) => {
        const rows = await db.select<RefundRow>(
          `SELECT ${columns} FROM refunds WHERE status = 'REQUESTED' AND due_at <= ? ORDER BY due_at LIMIT ${limit} ${skipLocked}`,
          [now],
          tx,
        );
        if (rows.length === 0) return [];
        await db.execute(
          `UPDATE refunds SET due_at = ? WHERE id IN (${marks(rows.length)})`,
          [now + leaseMs, ...rows.map(({ id }) => id)],
          tx,
        );
        return rows.map(toRefund);
      });
    },
    async failed(id, error, now) {
      const [row] = await db.select<{ attempts: number | string }>("SELECT attempts FROM refunds WHERE id = ?", [id]);
      const attempts = Number(row?.attempts ?? 0) + 1;
      await db.execute(
        "UPDATE refunds SET attempts = ?, due_at = ?, last_error = ? WHERE id = ? AND status = 'REQUESTED'",
        [attempts, now + backoffMs(attempts, firstRetryMs, mostRetryMs, Math.random()), error.slice(0, 1_000), id],
      );
    },
    async hasten(now) {
      await db.execute("UPDATE refunds SET due_at = ? WHERE status = 'REQUESTED' AND due_at > ?", [now, now]);
    },
  };
}
