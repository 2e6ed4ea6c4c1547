import { hasRow, type Database, type Tx } from "../../lib/database.ts";
import { notFound } from "../../lib/errors.ts";
import { backoffMs } from "../../lib/time.ts";
import type { Payment } from "./payment.ts";
import type { PaymentsRepository } from "./payments.repository.ts";
import {
  assertSameRefund,
  failRefund,
  finishRefund,
  refundLeaseMs,
  requestRefund,
  type NewRefund,
  type Refund,
  type RefundStatus,
} from "./refund.ts";

export interface RefundState {
  refund: Refund;
  payment: Payment;
}

export interface RefundsRepository {
  find(id: string): Promise<Refund | null>;
  /** Keeps a refund that the payment allows, or answers with the one that has this id. Committed when it resolves. */
  request(asked: NewRefund, nowMs: number): Promise<RefundState>;
  /** The provider has taken it on: books it, once. */
  finish(id: string, providerRef: string, nowMs: number): Promise<RefundState>;
  /** The provider refused it for good. */
  fail(id: string, failureCode: string, nowMs: number): Promise<RefundState>;
  /** The provider could not be reached; it is sent again after a growing time. */
  postpone(refund: Refund, nowMs: number): Promise<void>;
  /** Refunds due to be sent, each given to one caller for the length of a lease. */
  claimDue(nowMs: number, limit: number): Promise<Refund[]>;
}

const firstRetryMs = 2_500;
const mostRetryMs = 60_000;

export function refundsRepository(db: Database, payments: PaymentsRepository): RefundsRepository {
  const skipLocked = db.dialect === "mysql" ? " FOR UPDATE SKIP LOCKED" : "";

  const select = async (where: string, values: readonly unknown[], tx?: Tx): Promise<Refund[]> =>
    (await db.select<Row>(`SELECT * FROM refunds WHERE ${where}`, values, tx)).map(toRefund);
  const find = async (id: string, tx?: Tx): Promise<Refund | null> => (await select("id = ?", [id], tx))[0] ?? null;

  const lockPayment = async (id: string, tx: Tx): Promise<Payment> => {
    const payment = await payments.lock(id, tx);
    if (!payment) throw notFound("payment");
    return payment;
  };

  /** Ends a refund that is still REQUESTED; one that ended before stays as it is. The payment's lock guards both. */
  const end = (
    id: string,
    nowMs: number,
    ending: Pick<Refund, "status" | "providerRef" | "failureCode">,
    changeOf: (payment: Payment, refund: Refund) => Parameters<PaymentsRepository["save"]>[0],
  ): Promise<RefundState> =>
    db.transaction(async (tx) => {
      const known = await find(id, tx);
      if (!known) throw notFound("refund");
      const payment = await lockPayment(known.paymentId, tx);
      const refund = (await find(id, tx)) ?? known;
      if (refund.status !== "REQUESTED") return { refund, payment };
      await db.execute(
        "UPDATE refunds SET status = ?, provider_ref = ?, failure_code = ?, next_attempt_at = NULL WHERE id = ?",
        [ending.status, ending.providerRef, ending.failureCode, id],
        tx,
      );
      return {
        refund: { ...refund, ...ending, nextAttemptAt: null },
        payment: await payments.save(changeOf(payment, refund), nowMs, tx),
      };
    });

  return {
    find,
    request: (asked, nowMs) =>
      db.transaction(async (tx) => {
        const payment = await payments.lock(asked.paymentId, tx);
        const made = await find(asked.id, tx);
        if (made) assertSameRefund(made, asked);
        if (!payment) throw notFound("payment");
        if (made) return { refund: made, payment };
        const before = await select("payment_id = ?", [asked.paymentId], tx);
        const refund = requestRefund(payment, before, asked, nowMs);
        await db.execute(
          "INSERT INTO refunds (id, payment_id, amount_cents, reason, status, attempts, next_attempt_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
          [
            refund.id,
            refund.paymentId,
            refund.amountCents,
            refund.reason,
            refund.status,
            refund.attempts,
            refund.nextAttemptAt,
            refund.createdAt,
          ],
          tx,
        );
        return { refund, payment };
      }),
    finish: (id, providerRef, nowMs) =>
      end(id, nowMs, { status: "DONE", providerRef, failureCode: null }, finishRefund),
    fail: (id, failureCode, nowMs) =>
      end(id, nowMs, { status: "FAILED", providerRef: null, failureCode }, (payment, refund) =>
        failRefund(payment, refund, failureCode),
      ),
    async postpone({ id, attempts }, nowMs) {
      await db.execute("UPDATE refunds SET attempts = ?, next_attempt_at = ? WHERE id = ? AND status = 'REQUESTED'", [
        attempts + 1,
        nowMs + backoffMs(attempts + 1, firstRetryMs, mostRetryMs),
        id,
      ]);
    },
    async claimDue(nowMs, limit) {
      if (!(await hasRow(db, "refunds WHERE next_attempt_at <= ?", [nowMs]))) return [];
      return db.transaction(async (tx) => {
        const due = await select(
          `next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ${limit}${skipLocked}`,
          [nowMs],
          tx,
        );
        for (const { id } of due) {
          await db.execute("UPDATE refunds SET next_attempt_at = ? WHERE id = ?", [nowMs + refundLeaseMs, id], tx);
        }
        return due;
      });
    },
  };
}

interface Row {
  id: string;
  payment_id: string;
  amount_cents: number | string;
  reason: string;
  status: string;
  provider_ref: string | null;
  failure_code: string | null;
  attempts: number | string;
  next_attempt_at: number | string | null;
  created_at: number | string;
}

const toRefund = (row: Row): Refund => ({
  id: row.id,
  paymentId: row.payment_id,
  amountCents: Number(row.amount_cents),
  reason: row.reason,
  status: row.status as RefundStatus,
  providerRef: row.provider_ref,
  failureCode: row.failure_code,
  attempts: Number(row.attempts),
  nextAttemptAt: row.next_attempt_at === null ? null : Number(row.next_attempt_at),
  createdAt: Number(row.created_at),
});
