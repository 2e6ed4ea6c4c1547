import type { OrderStatus } from "../../contracts/orders.ts";
import type { TimelineEntry } from "../../contracts/payments.ts";
import { marks, type Database } from "../../lib/database.ts";
import type { GroupMeter } from "../../lib/metrics.ts";
import type { Outbox } from "../../lib/outbox.ts";
import { currentTraceparent } from "../../lib/request-context.ts";
import { decodeCursor, toPage, type Page } from "../../lib/page.ts";
import { toIso } from "../../lib/time.ts";
import { storedAnswers } from "./answered-keys.ts";
import { orderChanges, type Along, type Changed } from "./change-orders.ts";
import type { KeyedRequest, StoredResponse, StoredResponses } from "./idempotency.ts";
import { orderInserts } from "./insert-orders.ts";
import { expire, type Change, type OrderState } from "./order.ts";
import { orderReads } from "./order-reads.ts";
import { historyPosition, orderColumns, toOrder, type OrderRow } from "./order-rows.ts";
import { orderWrites } from "./order-writes.ts";

export interface ListFilter {
  customerId?: string;
  status?: OrderStatus;
  limit: number;
  cursor?: string;
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
   * AlreadyServed when the request's answer is stored already. Those that come at once share a transaction.
   */
  change(id: string, decide: (order: OrderState) => Change | null, now: number, along?: Along): Promise<Changed>;
  /**
   * Expires up to `limit` unpaid orders past their deadline, those that are late by most first; answers with
   * how many, and by how many milliseconds the first of them was late.
   */
  expireDue(now: number, limit: number): Promise<{ expired: number; lateMs: number }>;
  history(orderId: string): Promise<TimelineEntry[]>;
  historiesOf(customerId: string): Promise<(TimelineEntry & { orderId: string })[]>;
  /** Resolves when everyone who asked for a change or a new order has an answer. */
  stop(): Promise<void>;
}

/** `mostInGroup`: how many new orders, or changes of orders, may share a transaction. */
export function ordersRepository(db: Database, outbox: Outbox, mostInGroup = 64, meter?: GroupMeter): OrdersRepository {
  const writes = orderWrites(db, outbox);
  const reads = orderReads(db);
  const inserts = orderInserts(db, writes, mostInGroup, meter);
  const changes = orderChanges(db, reads, writes, mostInGroup, meter);
  const answers = storedAnswers(db);
  const skipLocked = db.dialect === "mysql" ? "FOR UPDATE SKIP LOCKED" : "";

  const position = historyPosition(db.dialect);
  return {
    insert: (change, request, response) =>
      inserts.submit({ change, request, response, traceparent: currentTraceparent() }),
    find: (id) => reads.find(id),
    async list({ customerId, status, limit, cursor }) {
      const conditions = ["1 = 1"];
      const values: unknown[] = [];
      if (customerId !== undefined) values.push((conditions.push("customer_id = ?"), customerId));
      if (status !== undefined) values.push((conditions.push("status = ?"), status));
      if (cursor !== undefined) values.push((conditions.push("id < ?"), decodeCursor(cursor, ["string"])[0]));
      const orders = await reads.where(
        `${conditions.join(" AND ")} ORDER BY id DESC LIMIT ${limit + 1}`,
        values,
        undefined,
        // Among a million MariaDB goes through the newest until enough of the status are found, which took 113 ms.
        status !== undefined && customerId === undefined ? "orders_status" : undefined,
      );
      return toPage(
        orders,
        limit,
        ({ id }) => [id],
        (order) => order,
      );
    },
    ofCustomer: (customerId) => reads.where("customer_id = ? ORDER BY id", [customerId]),
    async states(ids) {
      if (ids.length === 0) return [];
      const rows = await db.select<OrderRow>(
        `SELECT ${orderColumns} FROM orders WHERE id IN (${marks(ids.length)})`,
        ids,
      );
      return rows.map((row) => toOrder(row, []));
    },
    change: (id, decide, now, along = {}) =>
      changes.submit({ id, decide, now, along, traceparent: currentTraceparent() }),
    expireDue: (now, limit) =>
      db.transaction(async (tx) => {
        // SKIP LOCKED: what another node is expiring, or a customer paying, is not waited for
        const orders = await reads.where(
          `status = 'CREATED' AND expires_at <= ? ORDER BY expires_at LIMIT ${limit} ${skipLocked}`,
          [now],
          tx,
        );
        if (orders.length === 0) return { expired: 0, lateMs: 0 };
        const changes = orders.map((order) => ({ change: expire(order), at: now }));
        await db.write(
          `UPDATE orders SET status = 'EXPIRED', event_sequence = event_sequence + 1 WHERE id IN (${marks(orders.length)})`,
          orders.map(({ id }) => id),
          tx,
        );
        await writes.history(tx, changes);
        await writes.facts(tx, changes);
        return { expired: orders.length, lateMs: now - Math.min(...orders.map(({ expiresAt }) => expiresAt)) };
      }),
    storedResponse: (userId, key) => answers.find({ userId, key }),
    async history(orderId) {
      const rows = await db.select<HistoryRow>(
        `SELECT at, type, by_whom, detail FROM order_history WHERE order_id = ? ORDER BY ${position}`,
        [orderId],
      );
      return rows.map(toEntry);
    },
    async historiesOf(customerId) {
      const rows = await db.select<HistoryRow & { order_id: string }>(
        `SELECT h.order_id, h.at, h.type, h.by_whom, h.detail FROM order_history AS h
         JOIN orders AS o ON o.id = h.order_id WHERE o.customer_id = ? ORDER BY h.${position}`,
        [customerId],
      );
      return rows.map((row) => ({ orderId: row.order_id, ...toEntry(row) }));
    },
    async stop() {
      await Promise.all([inserts, changes, answers, reads].map((group) => group.stop()));
    },
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
