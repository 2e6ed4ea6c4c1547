import type { Order, OrderBrief, OrderRefund, OrderStatus } from "../../contracts/orders.ts";
import { hotAndArchived, pageOfBoth } from "../../lib/archive.ts";
import { nextKey, type Findings, type Phase } from "../../lib/audit.ts";
import { marks, type Database } from "../../lib/database.ts";
import type { Clock } from "../../lib/ids.ts";
import { toIso } from "../../lib/time.ts";
import { walk, type Step } from "./history.ts";
import { historyPosition } from "./order-rows.ts";

type Int = number | string;

/** What the tables of the orders say of the invariants, and of one order. */
export interface OrdersAudit {
  phases: readonly Phase[];
  /** These orders, or a page of all after an id. */
  briefs(range: { orderIds?: readonly string[]; after?: string; limit?: number }): Promise<OrderBrief[]>;
  refundsOf(orderId: string): Promise<OrderRefund[]>;
  /** The answers stored for requests of this order's customer about it. */
  answersAbout(order: Pick<Order, "id" | "customerId">): Promise<{ key: string; status: number; createdAt: string }[]>;
}

interface AuditedRow {
  id: string;
  status: string;
  total_cents: Int;
  refunded_cents: Int;
  refunding_cents: Int;
  event_sequence: Int;
}

interface RefundRow {
  id: string;
  payment_id: string;
  kind: string;
  amount_cents: Int;
  reason: string;
  status: OrderRefund["status"];
  attempts: Int;
  due_at: Int;
  last_error: string | null;
}

const inPage = 500;
const answersOfOne = 1_000;
const shown = 1_000;

/** How long past its deadline an order may wait, and how long a refund may take. */
const graceMs = 60_000;

const sumOf = (rows: readonly { n: Int | null }[]): number => rows.reduce((sum, { n }) => sum + Number(n ?? 0), 0);

export function ordersAudit(db: Database, now: Clock): OrdersAudit {
  const among = async <R extends { order_id: string }>(
    sql: (ids: string) => string,
    ids: readonly string[],
    times = 1,
  ) =>
    Map.groupBy(
      await db.select<R>(sql(marks(ids.length)), Array.from({ length: times }, () => ids).flat()),
      ({ order_id }) => order_id,
    );

  const position = historyPosition(db.dialect);

  const orders: Phase = async (after, found) => {
    const rows = await db.select<AuditedRow>(
      `SELECT id, status, total_cents, refunded_cents, refunding_cents, event_sequence FROM orders
       WHERE id > ? ORDER BY id LIMIT ${inPage}`,
      [after ?? ""],
    );
    if (rows.length === 0) return null;
    const ids = rows.map(({ id }) => id);
    const lines = await among<{ order_id: string; n: Int; odd: Int }>(
      (list) => `SELECT order_id, SUM(line_total_cents) AS n,
        SUM(CASE WHEN line_total_cents <> quantity * unit_price_cents THEN 1 ELSE 0 END) AS odd
        FROM order_lines WHERE order_id IN (${list}) GROUP BY order_id`,
      ids,
    );
    const refunding = await among<{ order_id: string; n: Int }>(
      (list) => `SELECT order_id, SUM(amount_cents) AS n FROM refunds
        WHERE order_id IN (${list}) AND status = 'REQUESTED' AND kind <> 'stray' GROUP BY order_id`,
      ids,
    );
    const history = await among<{ order_id: string; type: string; detail: string }>(
      (list) =>
        `SELECT order_id, type, detail FROM order_history WHERE order_id IN (${list}) ORDER BY order_id, ${position}`,
      ids,
    );
    const events = await among<{ order_id: string; n: Int; last: Int }>(
      (list) =>
        `SELECT subject AS order_id, COUNT(*) AS n, MAX(sequence) AS last FROM (${hotAndArchived(
          "outbox",
          (from) => `SELECT subject, sequence FROM ${from} WHERE subject IN (${list})`,
        )}) AS sent GROUP BY subject`,
      ids,
      2,
    );
    for (const row of rows) {
      const steps = (history.get(row.id) ?? []).map(({ type, detail }): Step => ({
        type,
        detail: JSON.parse(detail) as Step["detail"],
      }));
      const totalCents = Number(row.total_cents);
      const { status, problem, refundedCents } = walk(steps, totalCents);
      const [line] = lines.get(row.id) ?? [];
      const [sent] = events.get(row.id) ?? [];
      const last = Number(row.event_sequence);
      found.see("orders.history", row.id, problem === null && status === row.status);
      found.see(
        "orders.sums",
        row.id,
        Number(line?.n) === totalCents &&
          Number(line?.odd) === 0 &&
          Number(row.refunded_cents) === refundedCents &&
          Number(row.refunding_cents) === sumOf(refunding.get(row.id) ?? []) &&
          (row.status === "CANCELLED" || row.status === "EXPIRED" || refundedCents <= totalCents),
      );
      found.see("orders.events", row.id, Number(sent?.n ?? 0) === last && Number(sent?.last ?? 0) === last);
    }
    return nextKey(rows, inPage, ({ id }) => id);
  };

  const answers: Phase = async (after, found) => {
    const [user, key] = after === null ? ["", ""] : (JSON.parse(after) as [string, string]);
    const rows = await db.select<{ user_id: string; idempotency_key: string; body: string }>(
      pageOfBoth(
        "idempotency_keys",
        "user_id, idempotency_key, body",
        // not as a comparison of pairs: MariaDB would read all keys of the user before each page
        "user_id >= ? AND (user_id > ? OR (user_id = ? AND idempotency_key > ?))",
        "user_id, idempotency_key",
        inPage,
      ),
      [user, user, user, key, user, user, user, key],
    );
    await checkAnswers(db, rows, found);
    return nextKey(rows, inPage, (row) => JSON.stringify([row.user_id, row.idempotency_key]));
  };

  const waiting: Phase = async (_after, found) => {
    const count = async (sql: string): Promise<number> => sumOf(await db.select<{ n: Int }>(sql));
    const late = await db.select<{ id: string }>(
      `SELECT id FROM orders WHERE status = 'CREATED' AND expires_at < ? ORDER BY expires_at LIMIT ${shown}`,
      [now() - graceMs],
    );
    found.seeAll(
      "orders.deadlines",
      await count("SELECT COUNT(*) AS n FROM orders WHERE status = 'CREATED'"),
      idsOf(late),
    );
    const stuck = await db.select<{ id: string }>(
      `SELECT id FROM refunds WHERE status = 'REQUESTED' AND created_at < ? ORDER BY id LIMIT ${shown}`,
      [now() - graceMs],
    );
    found.seeAll(
      "orders.refunds",
      await count("SELECT COUNT(*) AS n FROM refunds WHERE status = 'REQUESTED'"),
      idsOf(stuck),
    );
    return null;
  };

  return {
    phases: [orders, answers, waiting],
    async briefs({ orderIds, after = "", limit = inPage }) {
      if (orderIds?.length === 0) return [];
      const where = orderIds ? `id IN (${marks(orderIds.length)})` : `id > ? ORDER BY id LIMIT ${limit}`;
      const rows = await db.select<AuditedRow & { payment_id: string | null; shipped_at: Int | null }>(
        `SELECT id, status, total_cents, refunded_cents, payment_id, shipped_at FROM orders WHERE ${where}`,
        orderIds ?? [after],
      );
      return rows.map((row) => ({
        id: row.id,
        status: row.status as OrderStatus,
        totalCents: Number(row.total_cents),
        refundedCents: Number(row.refunded_cents),
        paymentId: row.payment_id,
        shipped: row.shipped_at !== null,
      }));
    },
    async refundsOf(orderId) {
      const rows = await db.select<RefundRow>(
        `SELECT id, payment_id, kind, amount_cents, reason, status, attempts, due_at, last_error FROM refunds
         WHERE order_id = ? ORDER BY id`,
        [orderId],
      );
      return rows.map((row) => ({
        id: row.id,
        paymentId: row.payment_id,
        kind: row.kind,
        amountCents: Number(row.amount_cents),
        reason: row.reason,
        status: row.status,
        attempts: Number(row.attempts),
        dueAt: toIso(Number(row.due_at)),
        lastError: row.last_error,
      }));
    },
    async answersAbout({ id, customerId }) {
      const rows = await db.select<{ idempotency_key: string; status: Int; body: string; created_at: Int }>(
        pageOfBoth(
          "idempotency_keys",
          "idempotency_key, status, body, created_at",
          // the database looks first: a customer may have any number of answers
          "user_id = ? AND INSTR(body, ?) > 0",
          "idempotency_key",
          answersOfOne,
        ),
        [customerId, id, customerId, id],
      );
      return rows
        .filter(({ body }) => orderIn(body) === id)
        .map((row) => ({
          key: row.idempotency_key,
          status: Number(row.status),
          createdAt: toIso(Number(row.created_at)),
        }));
    },
  };
}

const idsOf = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id);

/** The order that a stored answer tells of: the answer is that order, or a payment of it; null of a refusal. */
function orderIn(body: string): string | null {
  const { id, orderId, refusal } = JSON.parse(body) as { id?: string; orderId?: string; refusal?: object };
  return refusal ? null : (orderId ?? id ?? "");
}

async function checkAnswers(
  db: Database,
  rows: readonly { idempotency_key: string; body: string }[],
  found: Findings,
): Promise<void> {
  const told = rows.map(({ idempotency_key, body }) => ({ key: idempotency_key, orderId: orderIn(body) }));
  const ids = [...new Set(told.flatMap(({ orderId }) => (orderId === null ? [] : [orderId])))];
  const here = new Set(
    ids.length === 0
      ? []
      : idsOf(await db.select<{ id: string }>(`SELECT id FROM orders WHERE id IN (${marks(ids.length)})`, ids)),
  );
  for (const { key, orderId } of told) found.see("orders.answers", key, orderId === null || here.has(orderId));
}
