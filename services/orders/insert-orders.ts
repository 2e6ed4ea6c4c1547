import { insertRows, insertTransaction, marks, type Database, type Tx } from "../../lib/database.ts";
import { isOutage, isUniqueViolation } from "../../lib/database-errors.ts";
import { reach } from "../../lib/failpoints.ts";
import { groupCommit, type GroupCommit } from "../../lib/group-commit.ts";
import type { GroupMeter } from "../../lib/metrics.ts";
import { answeredKeys, oneOfKeys, refuseArchived } from "./answered-keys.ts";
import type { KeyedRequest, StoredResponse } from "./idempotency.ts";
import type { Change, OrderState } from "./order.ts";
import { orderColumns, orderValues } from "./order-rows.ts";
import type { OrderWrites } from "./order-writes.ts";

/** An order to be stored with the answer its request gets. */
export interface NewOrder {
  change: Change;
  request: KeyedRequest | null;
  response: StoredResponse;
  /** Its own request, which others may share the transaction with; null when that is not traced. */
  traceparent: string | null;
}

const longestQueue = 4_096;
const mostLinesInGroup = 1_000;

/** Stores new orders, those that come at once in one transaction; null for one that is there already. */
export function orderInserts(
  db: Database,
  writes: OrderWrites,
  most: number,
  meter?: GroupMeter,
): GroupCommit<NewOrder, OrderState | null> {
  /** What of these orders and requests is stored already, as `namesOf` calls it. */
  const storedOf = async (tx: Tx, orders: readonly NewOrder[]): Promise<Set<string>> => {
    const requests = orders.flatMap(({ request }) => request ?? []);
    const asked = requests.flatMap(({ userId, key }) => [userId, key]);
    const rows = await db.select<{ id: string; request_key: string | null }>(
      `SELECT id, NULL AS request_key FROM orders WHERE id IN (${marks(orders.length)})
       UNION ALL ${answeredKeys("user_id, idempotency_key", oneOfKeys(requests))}`,
      [...orders.map(({ change }) => change.order.id), ...asked, ...asked],
      tx,
    );
    return new Set(rows.map(({ id, request_key }) => (request_key === null ? id : requestName(id, request_key))));
  };

  const insertNew = async (tx: Tx, orders: readonly NewOrder[]): Promise<void> => {
    await insertRows(
      db,
      tx,
      `orders (${orderColumns})`,
      orders.map((order) => orderValues(stored(order))),
    );
    await insertRows(
      db,
      tx,
      "order_lines (order_id, position, sku, name, quantity, unit_price_cents, line_total_cents)",
      orders.flatMap(({ change: { order } }) =>
        order.lines.map(({ sku, name, quantity, unitPriceCents, lineTotalCents }, position) => [
          ...[order.id, position, sku, name, quantity, unitPriceCents, lineTotalCents],
        ]),
      ),
    );
    const decisions = orders.map(({ change, traceparent }) => ({ change, at: change.order.createdAt, traceparent }));
    await writes.history(tx, decisions);
    await writes.facts(tx, decisions);
    await writes.responses(
      tx,
      orders.flatMap(({ change, request, response }) =>
        request ? [{ request, response, at: change.order.createdAt }] : [],
      ),
    );
    await refuseArchived(
      db,
      tx,
      orders.flatMap(({ request }) => request ?? []),
    );
  };

  /** Those that are stored already, or come a second time, get null. `looksFirst`: some may be stored. */
  const insertTogether = async (
    tx: Tx,
    orders: readonly NewOrder[],
    looksFirst: boolean,
  ): Promise<(OrderState | null)[]> => {
    const taken = looksFirst ? await storedOf(tx, orders) : new Set<string>();
    const isNew = orders.map((order) => {
      const names = namesOf(order);
      if (names.some((name) => taken.has(name))) return false;
      for (const name of names) taken.add(name);
      return true;
    });
    const fresh = orders.filter((_, i) => isNew[i]);
    if (fresh.length > 0) await insertNew(tx, fresh);
    await reach("place.before-commit");
    return orders.map((order, i) => (isNew[i] ? stored(order) : null));
  };

  const run = async (orders: readonly NewOrder[]): Promise<(OrderState | null)[]> => {
    try {
      // Hardly ever is one stored since its key was looked for, and then its keys are in the way: a group is one way to
      // the database so, and not two.
      return await db.transaction((tx) => insertTogether(tx, orders, false));
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      if (orders.length === 1) return [null];
    }
    return insertTransaction(db, (tx) => insertTogether(tx, orders, true));
  };

  return groupCommit({
    most,
    weight: { of: ({ change }) => change.order.lines.length, most: mostLinesInGroup },
    longest: longestQueue,
    // SQLite has one writer
    atOnce: db.dialect === "mysql" ? 2 : 1,
    run,
    isBlameless: isOutage,
    meter,
  });
}

const stored = ({ change: { order, facts } }: NewOrder): OrderState => ({ ...order, eventSequence: facts.length });

/** What no second order may have. */
const namesOf = ({ change: { order }, request }: NewOrder): string[] =>
  request ? [order.id, requestName(request.userId, request.key)] : [order.id];

const requestName = (userId: string, key: string): string => `${userId}\n${key}`;
