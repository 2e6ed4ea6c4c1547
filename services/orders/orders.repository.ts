import type { Note } from "../../lib/audit-log.ts";
import type { Delivery } from "../../contracts/bus.ts";
import type { OrderStatus } from "../../contracts/orders.ts";
import type { TimelineEntry } from "../../contracts/payments.ts";
import { isUniqueViolation, marks, tuples, type Database, type Tx } from "../../lib/database.ts";
import { notFound } from "../../lib/errors.ts";
import type { GroupMeter } from "../../lib/metrics.ts";
import type { Outbox } from "../../lib/outbox.ts";
import { currentTraceparent } from "../../lib/request-context.ts";
import { decodeCursor, toPage, type Page } from "../../lib/page.ts";
import { toIso } from "../../lib/time.ts";
import { AlreadyServed, type KeyedRequest, type StoredResponse, type StoredResponses } from "./idempotency.ts";
import { orderInserts } from "./insert-orders.ts";
import { expire, type Change, type OrderState, type Refund } from "./order.ts";
import { orderColumns, toOrder, type LineRow, type OrderRow } from "./order-rows.ts";
import { orderWrites } from "./order-writes.ts";

export interface ListFilter {
  customerId?: string;
  status?: OrderStatus;
  limit: number;
  cursor?: string;
}

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

export interface OrdersRepository extends StoredResponses {
  /**
   * Stores a new order; null when its id or its request's key is there already, because the request was served before.
   * Those that come at once share a transaction.
   */
  insert(change: Change, request: KeyedRequest | null, response: StoredResponse): Promise<OrderState | null>;
  find(id: string): Promise<OrderState | null>;
  list(filter: ListFilter): Promise<Page<OrderState>>;
  ofCustomer(customerId: string): Promise<OrderState[]>;
  /** The orders among `ids`, without their lines. */
  states(ids: readonly string[]): Promise<OrderState[]>;
  /**
   * Locks an order, lets `decide` say what becomes of it, and stores that with its history, facts, refund and what
   * comes along. A decision of null changes nothing. Answers with the order as it is then, and the decision. Throws
   * AlreadyServed when the request's answer is stored already.
   */
  change(
    id: string,
    decide: (order: OrderState) => Change | null,
    now: number,
    along?: Along,
  ): Promise<{ order: OrderState; change: Change | null }>;
  /** Expires up to `limit` unpaid orders past their deadline; answers with how many. */
  expireDue(now: number, limit: number): Promise<number>;
  history(orderId: string): Promise<TimelineEntry[]>;
  historiesOf(customerId: string): Promise<(TimelineEntry & { orderId: string })[]>;
  /** Resolves when every order that was to be inserted has its answer. */
  stop(): Promise<void>;
}

/** `mostInGroup`: how many new orders may share a transaction. */
export function ordersRepository(db: Database, outbox: Outbox, mostInGroup = 64, meter?: GroupMeter): OrdersRepository {
  const writes = orderWrites(db, outbox);
  const inserts = orderInserts(db, writes, mostInGroup, meter);
  const forUpdate = db.dialect === "mysql" ? "FOR UPDATE" : "";
  const skipLocked = db.dialect === "mysql" ? "FOR UPDATE SKIP LOCKED" : "";

  const withLines = async (rows: OrderRow[], tx?: Tx): Promise<OrderState[]> => {
    if (rows.length === 0) return [];
    const lines = await db.select<LineRow>(
      `SELECT order_id, sku, name, quantity, unit_price_cents, line_total_cents FROM order_lines
       WHERE order_id IN (${marks(rows.length)}) ORDER BY order_id, position`,
      rows.map(({ id }) => id),
      tx,
    );
    const byOrder = Map.groupBy(lines, ({ order_id }) => order_id);
    return rows.map((row) => toOrder(row, byOrder.get(row.id) ?? []));
  };

  const select = async (where: string, values: unknown[], tx?: Tx): Promise<OrderState[]> =>
    withLines(await db.select<OrderRow>(`SELECT ${orderColumns} FROM orders WHERE ${where}`, values, tx), tx);

  const saveRefund = async (tx: Tx, { refund }: Change, request: KeyedRequest | null | undefined, now: number) => {
    if (!refund) return;
    const { id, orderId, paymentId, kind, amountCents, reason, by } = refund;
    await db.execute(
      `INSERT INTO refunds (id, order_id, payment_id, kind, amount_cents, reason, by_whom, status, request_digest,
        request_fingerprint, stray_payment_id, created_at, due_at) VALUES ${tuples(1, 13)}`,
      [
        ...[id, orderId, paymentId, kind, amountCents, reason, by, "REQUESTED"],
        ...[request?.digest ?? null, request?.fingerprint ?? null],
        // its own asker tries first, and the sweep comes when that one is gone; a stray payment's return nobody asks for
        ...(kind === "stray" ? [paymentId, now, now] : [null, now, now + askerTriesForMs]),
      ],
      tx,
    );
  };

  const updateOrder = (tx: Tx, order: OrderState) =>
    db.execute(
      `UPDATE orders SET status = ?, refunded_cents = ?, refunding_cents = ?, payment_id = ?, carrier = ?,
         tracking_number = ?, paid_at = ?, shipped_at = ?, completed_at = ?, cancelled_at = ?, event_sequence = ?
       WHERE id = ?`,
      [
        ...[order.status, order.refundedCents, order.refundingCents, order.paymentId],
        ...[order.shipment?.carrier ?? null, order.shipment?.trackingNumber ?? null],
        ...[order.paidAt, order.shippedAt, order.completedAt, order.cancelledAt, order.eventSequence, order.id],
      ],
      tx,
    );

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

  const changeIn = async (
    tx: Tx,
    id: string,
    decide: (order: OrderState) => Change | null,
    now: number,
    along: Along,
  ): Promise<{ order: OrderState; change: Change | null }> => {
    const [before] = await select(`id = ? ${forUpdate}`, [id], tx);
    if (!before) throw notFound("order");
    if (along.delivery && !(await along.delivery.record(tx))) return { order: before, change: null };
    const { returning } = along;
    if (returning !== undefined && before.status !== "CREATED" && (await isReturned(tx, returning)))
      return { order: before, change: null };
    const ended = along.refund ? !(await endRefund(tx, along.refund, now)) : false;
    const change = ended ? null : decide(before);
    const after = change ? { ...change.order, eventSequence: before.eventSequence + change.facts.length } : before;
    if (change) {
      await updateOrder(tx, after);
      await writes.history(tx, [{ change, at: now }]);
      await writes.facts(tx, [{ change, at: now }]);
      await saveRefund(tx, change, along.request, now);
      if (change.refund) await along.noteRefund?.(change.refund)(tx);
    }
    const response = along.request ? along.respond?.(after, change) : null;
    if (along.request && response) await writes.responses(tx, [{ request: along.request, response, at: now }]);
    return { order: after, change };
  };

  return {
    insert: (change, request, response) =>
      inserts.submit({ change, request, response, traceparent: currentTraceparent() }),
    async find(id) {
      const [order] = await select("id = ?", [id]);
      return order ?? null;
    },
    async list({ customerId, status, limit, cursor }) {
      const conditions = ["1 = 1"];
      const values: unknown[] = [];
      if (customerId !== undefined) values.push((conditions.push("customer_id = ?"), customerId));
      if (status !== undefined) values.push((conditions.push("status = ?"), status));
      if (cursor !== undefined) values.push((conditions.push("id < ?"), decodeCursor(cursor, ["string"])[0]));
      const orders = await select(`${conditions.join(" AND ")} ORDER BY id DESC LIMIT ${limit + 1}`, values);
      return toPage(
        orders,
        limit,
        ({ id }) => [id],
        (order) => order,
      );
    },
    ofCustomer: (customerId) => select("customer_id = ? ORDER BY id", [customerId]),
    async states(ids) {
      if (ids.length === 0) return [];
      const rows = await db.select<OrderRow>(
        `SELECT ${orderColumns} FROM orders WHERE id IN (${marks(ids.length)})`,
        ids,
      );
      return rows.map((row) => toOrder(row, []));
    },
    async change(id, decide, now, along = {}) {
      try {
        return await db.transaction((tx) => changeIn(tx, id, decide, now, along));
      } catch (error) {
        if (along.request && isUniqueViolation(error)) throw new AlreadyServed();
        throw error;
      }
    },
    expireDue: (now, limit) =>
      db.transaction(async (tx) => {
        // SKIP LOCKED: what another node is expiring, or a customer paying, is not waited for
        const orders = await select(
          `status = 'CREATED' AND expires_at <= ? ORDER BY expires_at LIMIT ${limit} ${skipLocked}`,
          [now],
          tx,
        );
        if (orders.length === 0) return 0;
        const changes = orders.map((order) => ({ change: expire(order), at: now }));
        await db.execute(
          `UPDATE orders SET status = 'EXPIRED', event_sequence = event_sequence + 1 WHERE id IN (${marks(orders.length)})`,
          orders.map(({ id }) => id),
          tx,
        );
        await writes.history(tx, changes);
        await writes.facts(tx, changes);
        return orders.length;
      }),
    async storedResponse(userId, key) {
      const [row] = await db.select<{ fingerprint: string; status: number | string; body: string }>(
        "SELECT fingerprint, status, body FROM idempotency_keys WHERE user_id = ? AND idempotency_key = ?",
        [userId, key],
      );
      if (!row) return null;
      return {
        fingerprint: row.fingerprint,
        status: Number(row.status),
        body: JSON.parse(row.body) as StoredResponse["body"],
      };
    },
    async history(orderId) {
      const rows = await db.select<HistoryRow>(
        "SELECT at, type, by_whom, detail FROM order_history WHERE order_id = ? ORDER BY id",
        [orderId],
      );
      return rows.map(toEntry);
    },
    async historiesOf(customerId) {
      const rows = await db.select<HistoryRow & { order_id: string }>(
        `SELECT h.order_id, h.at, h.type, h.by_whom, h.detail FROM order_history AS h
         JOIN orders AS o ON o.id = h.order_id WHERE o.customer_id = ? ORDER BY h.id`,
        [customerId],
      );
      return rows.map((row) => ({ orderId: row.order_id, ...toEntry(row) }));
    },
    stop: () => inserts.stop(),
  };
}

interface HistoryRow {
  at: number | string;
  type: string;
  by_whom: string;
  detail: string;
}

const toEntry = ({ at, type, by_whom, detail }: HistoryRow): TimelineEntry => ({
  at: toIso(Number(at)),
  type,
  by: by_whom,
  detail: JSON.parse(detail) as Record<string, unknown>,
});

/** How long a refund is left to the request that asked for it before the sweep takes it up. */
const askerTriesForMs = 10_000;
