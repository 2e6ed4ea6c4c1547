import type { Actions } from "../../contracts/bus.ts";
import type { PaymentBrief, PaymentStatus } from "../../contracts/payments.ts";
import { hotAndArchived } from "../../lib/archive.ts";
import { nextKey, type Phase } from "../../lib/audit.ts";
import { marks, type Database } from "../../lib/database.ts";
import type { Clock } from "../../lib/ids.ts";
import { toIso, toIsoOrNull } from "../../lib/time.ts";
import { agrees, type OurPayment } from "./books.ts";
import type { PaymentProvider } from "./providers/provider.ts";

type Int = number | string;
type Dossier = Actions["payments.dossier"]["result"];

/** What the tables of the payments say of the invariants, and of one order. */
export interface PaymentsAudit {
  phases: readonly Phase[];
  /** Payments of these orders, or a page of all after an id. */
  briefs(range: { orderIds?: readonly string[]; after?: string; limit?: number }): Promise<PaymentBrief[]>;
  refundsOf(paymentIds: readonly string[]): Promise<Dossier["refunds"]>;
  checksOf(orderId: string): Promise<Dossier["checks"]>;
  /** Makes open payments, refunds and webhooks that wait for their next try due now. */
  hasten(): Promise<void>;
}

interface Row {
  id: string;
  order_id: string;
  status: PaymentStatus;
  amount_cents: Int;
  refunded_cents: Int;
  currency: string;
  provider_ref: string | null;
  created_at: Int;
  event_sequence: Int;
}

const inPage = 500;
const shown = 1_000;
const answerWithinMs = 10_000;

/** A check that is later than this is not being made; a charge waits for a person's approval for an hour. */
const lateMs = 60_000;
const openForMs = 3_900_000;

const columns =
  "id, order_id, status, amount_cents, refunded_cents, currency, provider_ref, created_at, event_sequence";

type Books = Pick<PaymentProvider, "name" | "journal" | "audited">;

export function paymentsAudit(db: Database, providers: readonly Books[], now: Clock): PaymentsAudit {
  const sums = async (sql: (ids: string) => string, ids: readonly string[]): Promise<Map<string, number>> => {
    if (ids.length === 0) return new Map();
    const rows = await db.select<{ id: string; n: Int }>(sql(marks(ids.length)), ids);
    return new Map(rows.map(({ id, n }) => [id, Number(n)]));
  };
  const refunds = (status: "DONE" | "REQUESTED", ids: readonly string[]) =>
    sums(
      (list) => `SELECT payment_id AS id, SUM(amount_cents) AS n FROM refunds
        WHERE payment_id IN (${list}) AND status = '${status}' GROUP BY payment_id`,
      ids,
    );

  const ours = async (rows: readonly Row[]): Promise<OurPayment[]> => {
    const ids = rows.map(({ id }) => id);
    const [returned, returning] = await Promise.all([refunds("DONE", ids), refunds("REQUESTED", ids)]);
    return rows.map((row) => ({
      id: row.id,
      status: row.status,
      amountCents: Number(row.amount_cents),
      currency: row.currency,
      providerRef: row.provider_ref,
      returnedCents: returned.get(row.id) ?? 0,
      returningCents: returning.get(row.id) ?? 0,
      createdAt: Number(row.created_at),
    }));
  };

  /** Every payment against our ledger, its refunds, its events and the provider's books. */
  const payments: Phase = async (after, found) => {
    const rows = await db.select<Row>(`SELECT ${columns} FROM payments WHERE id > ? ORDER BY id LIMIT ${inPage}`, [
      after ?? "",
    ]);
    if (rows.length === 0) return null;
    const orderIds = [...new Set(rows.map(({ order_id }) => order_id))];
    const booked = (kind: "charge" | "refund") =>
      sums(
        (list) => `SELECT payment_id AS id, SUM(amount_cents) AS n FROM payment_ledger
          WHERE order_id IN (${list}) AND kind = '${kind}' GROUP BY payment_id`,
        orderIds,
      );
    const [charged, returned] = [await booked("charge"), await booked("refund")];
    const sent = await db.select<{ subject: string; n: Int; last: Int }>(
      `SELECT subject, COUNT(*) AS n, MAX(sequence) AS last FROM (${hotAndArchived(
        "outbox",
        (from) => `SELECT subject, sequence FROM ${from} WHERE subject IN (${marks(rows.length)})`,
      )}) AS sent GROUP BY subject`,
      [...rows, ...rows].map(({ id }) => id),
    );
    const kept = await db.select<{ order_id: string }>(
      `SELECT order_id FROM payments WHERE order_id IN (${marks(orderIds.length)}) AND status = 'SUCCEEDED'
         AND refunded_cents < amount_cents GROUP BY order_id HAVING COUNT(*) > 1`,
      orderIds,
    );
    const twice = new Set(kept.map(({ order_id }) => order_id));
    const known = await ours(rows);
    const ledgerHolds = (row: Row, { returnedCents }: OurPayment): boolean => {
      const [amount, refunded] = [Number(row.amount_cents), Number(row.refunded_cents)];
      const took = row.status === "SUCCEEDED" ? amount : undefined;
      return (
        charged.get(row.id) === took &&
        (returned.get(row.id) ?? 0) === -refunded &&
        returnedCents === refunded &&
        refunded <= (took ?? 0)
      );
    };
    for (const [i, row] of rows.entries()) {
      const payment = known[i];
      if (!payment) continue;
      const events = sent.find(({ subject }) => subject === row.id);
      const last = Number(row.event_sequence);
      found.see("payments.ledger", row.id, ledgerHolds(row, payment));
      found.see("payments.events", row.id, Number(events?.n ?? 0) === last && Number(events?.last ?? 0) === last);
    }
    for (const id of orderIds) found.see("payments.once", id, !twice.has(id));
    return nextKey(rows, inPage, ({ id }) => id);
  };

  const auditedSince = ({ audited }: Books): number => Math.max(0, now() - audited.forMs);

  /** Every payment that we think succeeded must be in its provider's books. */
  const inTheirs =
    (provider: Books): Phase =>
    async (after, found) => {
      const { most } = provider.audited;
      const rows = await db.select<Row>(
        `SELECT ${columns} FROM payments WHERE id > ? AND provider = ? AND created_at >= ? ORDER BY id LIMIT ${most}`,
        [after ?? "", provider.name, auditedSince(provider)],
      );
      const known = await ours(rows);
      const { charges } = await provider.journal(
        { payments: known.map(({ id, providerRef }) => ({ paymentId: id, ref: providerRef })) },
        AbortSignal.timeout(answerWithinMs),
      );
      const byPayment = new Map(charges.map((charge) => [charge.paymentId, charge]));
      for (const payment of known) {
        found.see("payments.journal", payment.id, agrees(payment, byPayment.get(payment.id), now()));
      }
      return nextKey(rows, most, ({ id }) => id);
    };

  /** A provider's books must have no charge that we do not know of. */
  const inOurs =
    (provider: Books): Phase =>
    async (after, found) => {
      const { charges, next } = await provider.journal(
        { after, sinceMs: auditedSince(provider) },
        AbortSignal.timeout(answerWithinMs),
      );
      const ids = charges.map(({ paymentId }) => paymentId);
      const here = await sums((list) => `SELECT id, 1 AS n FROM payments WHERE id IN (${list})`, ids);
      const unknown = charges.filter(({ paymentId }) => !here.has(paymentId));
      found.seeAll(
        "payments.journal",
        charges.length,
        unknown.filter((charge) => !agrees(undefined, charge, now())).map(({ ref }) => ref),
      );
      return next;
    };

  const messages: Phase = async (after, found) => {
    const [provider, event] = after === null ? ["", ""] : (JSON.parse(after) as [string, string]);
    const rows = await db.select<{ provider: string; event_id: string; status: string; due_at: Int | null }>(
      `SELECT provider, event_id, status, due_at FROM provider_events
       WHERE provider > ? OR (provider = ? AND event_id > ?) ORDER BY provider, event_id LIMIT ${inPage}`,
      [provider, provider, event],
    );
    for (const { event_id, status, due_at } of rows) {
      const isLeft = status === "CONFLICT" || (status === "UNMATCHED" && due_at === null);
      const isLate = status === "WAITING" && Number(due_at) < now() - lateMs;
      found.see("payments.messages", event_id, !isLeft && !isLate);
    }
    return nextKey(rows, inPage, (row) => JSON.stringify([row.provider, row.event_id]));
  };

  const open: Phase = async (_after, found) => {
    const [count] = await db.select<{ n: Int }>("SELECT COUNT(*) AS n FROM payments WHERE open_order_id IS NOT NULL");
    const stuck = await db.select<{ id: string }>(
      `SELECT id FROM payments WHERE open_order_id IS NOT NULL
         AND (created_at < ? OR next_check_at IS NULL OR next_check_at < ?) ORDER BY id LIMIT ${shown}`,
      [now() - openForMs, now() - lateMs],
    );
    found.seeAll(
      "payments.open",
      Number(count?.n ?? 0),
      stuck.map(({ id }) => id),
    );
    return null;
  };

  return {
    phases: [payments, ...providers.flatMap((provider) => [inTheirs(provider), inOurs(provider)]), messages, open],
    async briefs({ orderIds, after = "", limit = inPage }) {
      if (orderIds?.length === 0) return [];
      const where = orderIds ? `order_id IN (${marks(orderIds.length)})` : `id > ? ORDER BY id LIMIT ${limit}`;
      const rows = await db.select<Row>(`SELECT ${columns} FROM payments WHERE ${where}`, orderIds ?? [after]);
      return rows.map((row) => ({
        id: row.id,
        orderId: row.order_id,
        status: row.status,
        amountCents: Number(row.amount_cents),
        refundedCents: Number(row.refunded_cents),
      }));
    },
    async refundsOf(paymentIds) {
      if (paymentIds.length === 0) return [];
      const rows = await db.select<RefundRow>(
        `SELECT id, payment_id, amount_cents, status, provider_ref, failure_code, attempts, next_attempt_at FROM refunds
         WHERE payment_id IN (${marks(paymentIds.length)}) ORDER BY id`,
        paymentIds,
      );
      return rows.map((row) => ({
        id: row.id,
        paymentId: row.payment_id,
        amountCents: Number(row.amount_cents),
        status: row.status,
        providerRef: row.provider_ref,
        failureCode: row.failure_code,
        attempts: Number(row.attempts),
        nextAttemptAt: toIsoOrNull(row.next_attempt_at === null ? null : Number(row.next_attempt_at)),
      }));
    },
    async checksOf(orderId) {
      const rows = await db.select<{
        id: string;
        checks: Int;
        next_check_at: Int | null;
        conflict_note: string | null;
      }>("SELECT id, checks, next_check_at, conflict_note FROM payments WHERE order_id = ? ORDER BY id", [orderId]);
      return rows.map((row) => ({
        paymentId: row.id,
        checks: Number(row.checks),
        nextCheckAt: row.next_check_at === null ? null : toIso(Number(row.next_check_at)),
        conflict: row.conflict_note,
      }));
    },
    async hasten() {
      const nowMs = now();
      for (const [table, column] of [
        ["payments", "next_check_at"],
        ["refunds", "next_attempt_at"],
        ["provider_events", "due_at"],
      ] as const) {
        await db.execute(`UPDATE ${table} SET ${column} = ? WHERE ${column} > ?`, [nowMs, nowMs]);
      }
    },
  };
}

interface RefundRow {
  id: string;
  payment_id: string;
  amount_cents: Int;
  status: "REQUESTED" | "DONE" | "FAILED";
  provider_ref: string | null;
  failure_code: string | null;
  attempts: Int;
  next_attempt_at: Int | null;
}
