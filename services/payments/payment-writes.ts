import { insertRows, type Database, type Tx } from "../../lib/database.ts";
import { newId } from "../../lib/ids.ts";
import type { Outbox } from "../../lib/outbox.ts";
import type { Change, Payment } from "./payment.ts";
import { changedColumns, paymentColumns, paymentValues } from "./payment-rows.ts";

/** A decision and when it was made. */
export interface Dated {
  change: Change;
  at: number;
  /** What it was decided for, where that is not what runs now. */
  traceparent?: string | null;
}

/** Writes for any number of payments, with a statement a table. */
export interface PaymentWrites {
  /** New payments, without what is to be recorded of them. */
  insert(tx: Tx, payments: readonly Payment[]): Promise<void>;
  /** Of payments that are locked, as they are at last. */
  update(tx: Tx, payments: readonly Payment[]): Promise<void>;
  /** History, ledger and facts. */
  record(tx: Tx, decisions: readonly Dated[]): Promise<void>;
}

const into = `payments (${paymentColumns.join(", ")})`;

export function paymentWrites(db: Database, outbox: Outbox): PaymentWrites {
  // the rows are there: nothing is ever inserted
  const overPayment =
    db.dialect === "mysql"
      ? `ON DUPLICATE KEY UPDATE ${changedColumns.map((column) => `${column} = VALUES(${column})`).join(", ")}`
      : `ON CONFLICT (id) DO UPDATE SET ${changedColumns.map((column) => `${column} = excluded.${column}`).join(", ")}`;

  return {
    insert: (tx, payments) => insertRows(db, tx, into, payments.map(paymentValues)),
    update: (tx, payments) => insertRows(db, tx, into, payments.map(paymentValues), overPayment),
    async record(tx, decisions) {
      await insertRows(
        db,
        tx,
        "payment_history (id, payment_id, order_id, at, type, author, detail)",
        decisions.flatMap(({ change: { payment, entries }, at }) =>
          entries.map(({ type, by, detail }) => [
            ...[newId(), payment.id, payment.orderId, at, type, by, JSON.stringify(detail)],
          ]),
        ),
      );
      await insertRows(
        db,
        tx,
        "payment_ledger (id, payment_id, order_id, kind, amount_cents, currency, created_at)",
        decisions.flatMap(({ change: { payment, ledger }, at }) =>
          ledger
            ? [[ledger.id, payment.id, payment.orderId, ledger.kind, ledger.amountCents, payment.currency, at]]
            : [],
        ),
      );
      const entries = decisions.flatMap(({ change: { payment, facts }, at, traceparent }) =>
        facts.map((fact, i) => ({
          subject: payment.id,
          sequence: payment.eventSequence + i + 1,
          fact,
          atMs: at,
          traceparent,
        })),
      );
      const [first] = entries;
      if (first) await outbox.appendAll(tx, entries, first.atMs);
    },
  };
}
