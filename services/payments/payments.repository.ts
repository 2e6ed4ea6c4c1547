import type { PaymentMethod, PaymentStatus, TimelineEntry } from "../../contracts/payments.ts";
import { isUniqueViolation, marks, type Database, type Tx } from "../../lib/database.ts";
import { DomainError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import type { Outbox } from "../../lib/outbox.ts";
import { toIso } from "../../lib/time.ts";
import {
  assertSameAmount,
  assertSameRequest,
  checkAfterMs,
  openPayment,
  type Change,
  type NewPayment,
  type Payment,
} from "./payment.ts";

export interface PaymentsRepository {
  find(id: string): Promise<Payment | null>;
  /** The payment that was opened under an idempotency key. */
  byKey(dedupKey: string): Promise<Payment | null>;
  ofOrder(orderId: string): Promise<Payment[]>;
  ofCustomer(customerId: string): Promise<Payment[]>;
  history(orderId: string): Promise<TimelineEntry[]>;
  /**
   * Opens a payment, or answers with the one that the same key opened before, or with the one that paid the order
   * already. Refuses with PAYMENT_OPEN while the order has another open one. Committed when it resolves.
   */
  open(asked: NewPayment, nowMs: number): Promise<Payment>;
  /** Locks the payment, lets `decide` look at it, and saves all of its change or nothing; null when there is none. */
  change<D extends { change: Change | null }>(
    id: string,
    nowMs: number,
    decide: (payment: Payment) => D,
    tx?: Tx,
  ): Promise<(D & { payment: Payment }) | null>;
  /** The payment, locked until the transaction ends. */
  lock(id: string, tx: Tx): Promise<Payment | null>;
  /** Writes a change of a payment that `lock` gave. */
  save(change: Change, nowMs: number, tx: Tx): Promise<Payment>;
  /** Open payments the provider is due to be asked about, each given to one caller for the time until its next check. */
  claimDue(nowMs: number, limit: number): Promise<Payment[]>;
}

const maxRaces = 5;

export function paymentsRepository(db: Database, outbox: Outbox): PaymentsRepository {
  const forUpdate = db.dialect === "mysql" ? " FOR UPDATE" : "";
  const skipLocked = db.dialect === "mysql" ? " FOR UPDATE SKIP LOCKED" : "";

  const one = async (where: string, values: readonly unknown[], tx?: Tx): Promise<Payment | null> => {
    const [row] = await db.select<Row>(`SELECT * FROM payments WHERE ${where}`, values, tx);
    return row ? toPayment(row) : null;
  };
  const many = async (where: string, values: readonly unknown[], tx?: Tx): Promise<Payment[]> =>
    (await db.select<Row>(`SELECT * FROM payments WHERE ${where}`, values, tx)).map(toPayment);

  const record = async ({ payment, ledger, entries, facts }: Change, nowMs: number, tx: Tx): Promise<void> => {
    const { id, orderId, currency, eventSequence } = payment;
    for (const { type, by, detail } of entries) {
      await db.execute(
        "INSERT INTO payment_history (id, payment_id, order_id, at, type, author, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [newId(), id, orderId, nowMs, type, by, JSON.stringify(detail)],
        tx,
      );
    }
    if (ledger) {
      await db.execute(
        "INSERT INTO payment_ledger (id, payment_id, order_id, kind, amount_cents, currency, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [ledger.id, id, orderId, ledger.kind, ledger.amountCents, currency, nowMs],
        tx,
      );
    }
    await outbox.append(tx, id, eventSequence, facts, nowMs);
  };

  const save: PaymentsRepository["save"] = async (change, nowMs, tx) => {
    const saved = { ...change.payment, eventSequence: change.payment.eventSequence + change.facts.length };
    const { id, ...columns } = toRow(saved);
    const assignments = Object.keys(columns).map((column) => `${column} = ?`);
    await db.execute(`UPDATE payments SET ${assignments.join(", ")} WHERE id = ?`, [...Object.values(columns), id], tx);
    await record(change, nowMs, tx);
    return saved;
  };

  const insert = (asked: NewPayment, nowMs: number): Promise<Payment> =>
    db.transaction(async (tx) => {
      const change = openPayment(asked, nowMs);
      const row = toRow(change.payment);
      await db.execute(
        `INSERT INTO payments (${Object.keys(row).join(", ")}) VALUES (${marks(Object.keys(row).length)})`,
        Object.values(row),
        tx,
      );
      // Only now, with the order's one open place taken, can no other payment of it come to an end unseen.
      const [paid] = await many(
        "order_id = ? AND status = 'SUCCEEDED' AND refunded_cents = 0 ORDER BY id LIMIT 1",
        [asked.orderId],
        tx,
      );
      if (paid) {
        assertSameAmount(paid, asked);
        await db.execute("DELETE FROM payments WHERE id = ?", [asked.id], tx);
        return paid;
      }
      await record(change, nowMs, tx);
      return change.payment;
    });

  const byKey = (dedupKey: string): Promise<Payment | null> => one("dedup_key = ?", [dedupKey]);

  const change: PaymentsRepository["change"] = async (id, nowMs, decide, tx) => {
    if (!tx) return db.transaction((own) => change(id, nowMs, decide, own));
    const payment = await one(`id = ?${forUpdate}`, [id], tx);
    if (!payment) return null;
    const decision = decide(payment);
    return { ...decision, payment: decision.change ? await save(decision.change, nowMs, tx) : payment };
  };

  return {
    save,
    change,
    find: (id) => one("id = ?", [id]),
    byKey,
    lock: (id, tx) => one(`id = ?${forUpdate}`, [id], tx),
    ofOrder: (orderId) => many("order_id = ? ORDER BY id", [orderId]),
    ofCustomer: (customerId) => many("customer_id = ? ORDER BY id", [customerId]),
    async history(orderId) {
      const rows = await db.select<{ at: number | string; type: string; author: string; detail: string }>(
        "SELECT at, type, author, detail FROM payment_history WHERE order_id = ? ORDER BY at, id",
        [orderId],
      );
      return rows.map(({ at, type, author, detail }) => ({
        at: toIso(Number(at)),
        type,
        by: author,
        detail: JSON.parse(detail) as Record<string, unknown>,
      }));
    },
    async open(asked, nowMs) {
      for (let attempt = 1; ; attempt += 1) {
        // The open payment is read first: one that the same key opens in between is then found by its key.
        const open = await one("open_order_id = ?", [asked.orderId]);
        const made = asked.dedupKey === null ? null : await byKey(asked.dedupKey);
        if (made) {
          assertSameRequest(made, asked);
          return made;
        }
        if (open) {
          throw new DomainError("conflict", "PAYMENT_OPEN", "This order has a payment under way.", {
            paymentId: open.id,
          });
        }
        try {
          return await insert(asked, nowMs);
        } catch (error) {
          // another one was faster; look again who
          if (!isUniqueViolation(error) || attempt >= maxRaces) throw error;
        }
      }
    },
    claimDue: (nowMs, limit) =>
      db.transaction(async (tx) => {
        const due = await many(`next_check_at <= ? ORDER BY next_check_at LIMIT ${limit}${skipLocked}`, [nowMs], tx);
        for (const { id, checks } of due) {
          await db.execute(
            "UPDATE payments SET next_check_at = ?, checks = ? WHERE id = ?",
            [nowMs + checkAfterMs(checks + 1), checks + 1, id],
            tx,
          );
        }
        return due;
      }),
  };
}

interface Row {
  id: string;
  order_id: string;
  open_order_id: string | null;
  customer_id: string;
  dedup_key: string | null;
  provider: string;
  method: string;
  token: string | null;
  status: string;
  amount_cents: number | string;
  refunded_cents: number | string;
  currency: string;
  provider_ref: string | null;
  redirect_url: string | null;
  failure_code: string | null;
  conflict_note: string | null;
  created_at: number | string;
  settled_at: number | string | null;
  next_check_at: number | string | null;
  checks: number | string;
  event_sequence: number | string;
}

const numberOrNull = (value: number | string | null): number | null => (value === null ? null : Number(value));

const toPayment = (row: Row): Payment => ({
  id: row.id,
  orderId: row.order_id,
  customerId: row.customer_id,
  dedupKey: row.dedup_key,
  provider: row.provider,
  method: row.method as PaymentMethod,
  token: row.token,
  status: row.status as PaymentStatus,
  amountCents: Number(row.amount_cents),
  refundedCents: Number(row.refunded_cents),
  currency: row.currency,
  providerRef: row.provider_ref,
  redirectUrl: row.redirect_url,
  failureCode: row.failure_code,
  conflict: row.conflict_note,
  createdAt: Number(row.created_at),
  settledAt: numberOrNull(row.settled_at),
  nextCheckAt: numberOrNull(row.next_check_at),
  checks: Number(row.checks),
  eventSequence: Number(row.event_sequence),
});

const toRow = (payment: Payment): Row => ({
  id: payment.id,
  order_id: payment.orderId,
  open_order_id: payment.status === "PENDING" ? payment.orderId : null,
  customer_id: payment.customerId,
  dedup_key: payment.dedupKey,
  provider: payment.provider,
  method: payment.method,
  token: payment.token,
  status: payment.status,
  amount_cents: payment.amountCents,
  refunded_cents: payment.refundedCents,
  currency: payment.currency,
  provider_ref: payment.providerRef,
  redirect_url: payment.redirectUrl,
  failure_code: payment.failureCode,
  conflict_note: payment.conflict,
  created_at: payment.createdAt,
  settled_at: payment.settledAt,
  next_check_at: payment.nextCheckAt,
  checks: payment.checks,
  event_sequence: payment.eventSequence,
});
