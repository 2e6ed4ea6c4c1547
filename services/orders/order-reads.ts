import { groupReads } from "../../lib/group-reads.ts";
import { marks, type Database, type Query, type Tx } from "../../lib/database.ts";
import type { OrderState } from "./order.ts";
import { orderColumns, toOrder, type LineRow, type OrderRow } from "./order-rows.ts";

/** Reads of orders with their lines. */
export interface OrderReads {
  /** `clauses`: what follows WHERE. `by`: the index to go by, where MySQL may be tempted by another. */
  where(clauses: string, values: readonly unknown[], tx?: Tx, by?: string): Promise<OrderState[]>;
  /** Those who look at once share a statement. */
  find(id: string): Promise<OrderState | null>;
  /** Those among `ids` that there are, locked until the transaction ends: by all in the order of their ids. */
  lock(tx: Tx, ids: Iterable<string>): Promise<OrderState[]>;
  /** Resolves when everyone who looked has an answer. */
  stop(): Promise<void>;
}

const lineColumns = "order_id, sku, name, quantity, unit_price_cents, line_total_cents";
// Sorted here: sorted by columns of two tables, MariaDB would write the rows to a table on disk first.
const joined = [
  ...orderColumns.split(", ").map((column) => `o.${column}`),
  ...lineColumns.split(", "),
  "l.position",
].join(", ");

type Placed = LineRow & { position: number | string };
type NoLine = { sku: null };
const isLine = (row: OrderRow & (Placed | NoLine)): row is OrderRow & Placed => row.sku !== null;

export function orderReads(db: Database): OrderReads {
  const forUpdate = db.dialect === "mysql" ? "FOR UPDATE" : "";
  const byKey = db.dialect === "mysql" ? "FORCE INDEX (PRIMARY)" : "";

  /** One statement instead of two for what is asked for most; each row of a line repeats its order. */
  const joinedOnes = async (ids: readonly string[], lock = "", tx?: Tx): Promise<OrderState[]> => {
    const rows = await db.select<OrderRow & (Placed | NoLine)>(
      `SELECT ${joined} FROM orders AS o LEFT JOIN order_lines AS l ON l.order_id = o.id
       WHERE o.id IN (${marks(ids.length)}) ${lock}`,
      ids,
      tx,
    );
    return [...Map.groupBy(rows, ({ id }) => id).values()].flatMap((ofOne) => {
      const [row] = ofOne;
      const lines = ofOne.filter(isLine).sort((a, b) => Number(a.position) - Number(b.position));
      return row ? [toOrder(row, lines)] : [];
    });
  };

  const looks = groupReads<string, OrderState | null>(async (asked) => {
    const found = new Map((await joinedOnes([...new Set(asked)])).map((order) => [order.id, order]));
    return asked.map((id) => found.get(id) ?? null);
  });

  const where = async (clauses: string, values: readonly unknown[], tx?: Tx): Promise<OrderState[]> => {
    const rows = await db.select<OrderRow>(`SELECT ${orderColumns} FROM orders ${clauses}`, values, tx);
    if (rows.length === 0) return [];
    const { sql, values: ids } = linesOf(rows.map(({ id }) => id));
    return withLines(rows, await db.select<LineRow>(sql, ids, tx));
  };

  return {
    where: (clauses, values, tx, by) =>
      where(`${by !== undefined && db.dialect === "mysql" ? `FORCE INDEX (${by})` : ""} WHERE ${clauses}`, values, tx),
    find: looks.find,
    stop: looks.stop,
    async lock(tx, wanted) {
      const ids = [...new Set(wanted)].sort();
      const [only] = ids;
      if (only === undefined) return [];
      if (ids.length === 1) return joinedOnes([only], forUpdate, tx);
      const sql = `SELECT ${orderColumns} FROM orders ${byKey} WHERE id IN (${marks(ids.length)}) ORDER BY id ${forUpdate}`;
      // lines never change, so those of all can be asked for before it is known whom there are
      const [rows = [], lines = []] = await db.selectAll([{ sql, values: ids }, linesOf(ids)], tx);
      return withLines(rows as OrderRow[], lines as LineRow[]);
    },
  };
}

const linesOf = (ids: readonly string[]): Query => ({
  sql: `SELECT ${lineColumns} FROM order_lines WHERE order_id IN (${marks(ids.length)}) ORDER BY order_id, position`,
  values: ids,
});

function withLines(rows: readonly OrderRow[], lines: readonly LineRow[]): OrderState[] {
  const byOrder = Map.groupBy(lines, ({ order_id }) => order_id);
  return rows.map((row) => toOrder(row, byOrder.get(row.id) ?? []));
}
