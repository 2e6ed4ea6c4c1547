import { insertRows, marks, type Database, type Query, type Tx } from "../../lib/database.ts";
import type { Clock, NewId } from "../../lib/ids.ts";
import type { Wanted } from "./decide-group.ts";
import type { LedgerEntry, Level, Line, Reservation, ReservationStatus } from "./stock.ts";

// The rows of stock and reservations: how they are locked, read and written. Integers may come as strings.

export interface LevelRow {
  sku: string;
  on_hand: number | string;
  reserved: number | string;
}

export interface ReservationRow {
  order_id: string;
  dedup_key: string | null;
  status: ReservationStatus;
  sequence: number | string;
  expires_at: number | string;
  reserved_lines: string;
}

export const reservationColumns = "order_id, dedup_key, status, sequence, expires_at, reserved_lines";

/** Reads and writes of many rows inside a transaction. */
export interface StockRows {
  /**
   * Locks the stock of these, and no reservation: `isNew` when there is none of their keys, or of the orders that have no
   * key. In one way to the database, where reservations that have to be locked before it take three.
   */
  lockForNew(tx: Tx, wanted: readonly Wanted[]): Promise<{ isNew: boolean; stock: Map<string, Level> }>;
  lockStock(tx: Tx, skus: Iterable<string>): Promise<Map<string, Level>>;
  /** The reservations of these orders and keys. */
  lockReservations(tx: Tx, wanted: readonly Wanted[]): Promise<Reservation[]>;
  insertLevels(tx: Tx, levels: readonly Level[]): Promise<void>;
  /** For rows that were locked: they exist, so this never inserts. */
  updateLevels(tx: Tx, levels: readonly Level[]): Promise<void>;
  insertReservations(tx: Tx, reservations: readonly Reservation[]): Promise<void>;
  /** For rows that were locked, too. */
  updateReservations(tx: Tx, reservations: readonly Reservation[]): Promise<void>;
  record(tx: Tx, entries: readonly LedgerEntry[]): Promise<void>;
}

// MariaDB makes a join of a list of 1,000 or more, and then locks in the join's order
const rowsInStatement = 500;

function chunks<T>(rows: readonly T[]): T[][] {
  const count = Math.ceil(rows.length / rowsInStatement);
  return Array.from({ length: count }, (_, i) => rows.slice(i * rowsInStatement, (i + 1) * rowsInStatement));
}

export function stockRows(db: Database, now: Clock, newId: NewId): StockRows {
  // On SQLite a transaction is the only writer from its beginning.
  const forUpdate = db.dialect === "mysql" ? " FOR UPDATE" : "";
  const byKey = db.dialect === "mysql" ? " FORCE INDEX (PRIMARY)" : "";

  const onConflict = (key: string, columns: readonly string[]): string =>
    db.dialect === "mysql"
      ? `ON DUPLICATE KEY UPDATE ${columns.map((column) => `${column} = VALUES(${column})`).join(", ")}`
      : `ON CONFLICT (${key}) DO UPDATE SET ${columns.map((column) => `${column} = excluded.${column}`).join(", ")}`;
  const overLevel = onConflict("sku", ["on_hand", "reserved"]);
  const overReservation = onConflict("order_id", ["status", "sequence", "expires_at", "reserved_lines", "updated_at"]);

  const readSorted = async <R>(keys: Iterable<string>, read: (chunk: string[]) => Promise<R[]>): Promise<R[]> => {
    const rows: R[] = [];
    for (const chunk of chunks([...new Set(keys)].sort())) rows.push(...(await read(chunk)));
    return rows;
  };

  const insert = async (tx: Tx, into: string, rows: readonly unknown[][], onConflict?: string): Promise<void> => {
    for (const chunk of chunks(rows)) await insertRows(db, tx, into, chunk, onConflict);
  };

  const writeLevels = (tx: Tx, levels: readonly Level[], conflict?: string): Promise<void> =>
    insert(
      tx,
      "stock (sku, on_hand, reserved)",
      levels.map(({ sku, onHand, reserved }) => [sku, onHand, reserved]),
      conflict,
    );

  const writeReservations = (tx: Tx, reservations: readonly Reservation[], conflict?: string): Promise<void> => {
    const nowMs = now();
    return insert(
      tx,
      `reservations (${reservationColumns}, created_at, updated_at)`,
      reservations.map(({ orderId, key, status, sequence, expiresAt, lines }) => [
        ...[orderId, key, status, sequence, expiresAt, JSON.stringify(lines), nowMs, nowMs],
      ]),
      conflict,
    );
  };

  /** Which of these orders have a reservation, and which orders hold these keys. Locks nothing: most are new. */
  const holders = (orderIds: readonly string[], dedupKeys: readonly string[]): Query => {
    const [ids, keys] = [[...new Set(orderIds)], [...new Set(dedupKeys)]];
    const lists = [
      ...(ids.length > 0 ? [`order_id IN (${marks(ids.length)})`] : []),
      ...(keys.length > 0 ? [`dedup_key IN (${marks(keys.length)})`] : []),
    ];
    return {
      sql: lists.map((list) => `SELECT order_id FROM reservations WHERE ${list}`).join(" UNION ALL "),
      values: [...ids, ...keys],
    };
  };

  const stockOf = (skus: readonly string[]): Query => ({
    sql: `SELECT sku, on_hand, reserved FROM stock${byKey} WHERE sku IN (${marks(skus.length)}) ORDER BY sku${forUpdate}`,
    values: skus,
  });

  return {
    // Stock rows are always locked in the order of their stock codes, and after the reservations that there are: nobody
    // waits in a ring.
    async lockForNew(tx, wanted) {
      const skus = [...new Set(wanted.flatMap((one) => one.skus ?? []))].sort();
      const [held = [], ...levels] = await db.selectAll(
        [holders(idsOf(wanted.filter(({ key }) => !key)), keysOf(wanted)), ...chunks(skus).map(stockOf)],
        tx,
      );
      return { isNew: held.length === 0, stock: toStock(levels.flat() as LevelRow[]) };
    },
    async lockStock(tx, skus) {
      return toStock(
        await readSorted(skus, (chunk) => {
          const { sql, values } = stockOf(chunk);
          return db.select<LevelRow>(sql, values, tx);
        }),
      );
    },
    async lockReservations(tx, wanted) {
      const { sql, values } = holders(idsOf(wanted), keysOf(wanted));
      const held = await db.select<{ order_id: string }>(sql, values, tx);
      const ids = held.map(({ order_id }) => order_id);
      const rows = await readSorted(ids, (chunk) =>
        db.select<ReservationRow>(
          `SELECT ${reservationColumns} FROM reservations${byKey} WHERE order_id IN (${marks(chunk.length)}) ORDER BY order_id${forUpdate}`,
          chunk,
          tx,
        ),
      );
      return rows.map(toReservation);
    },
    insertLevels: (tx, levels) => writeLevels(tx, levels),
    updateLevels: (tx, levels) => writeLevels(tx, levels, overLevel),
    insertReservations: (tx, reservations) => writeReservations(tx, reservations),
    updateReservations: (tx, reservations) => writeReservations(tx, reservations, overReservation),
    record: (tx, entries) => {
      const nowMs = now();
      return insert(
        tx,
        "stock_ledger (id, sku, delta, kind, order_id, by_whom, reason, created_at)",
        entries.map(({ sku, delta, kind, orderId, by, reason }) => [
          ...[newId(), sku, delta, kind, orderId, by, reason, nowMs],
        ]),
      );
    },
  };
}

const idsOf = (wanted: readonly Wanted[]): string[] => wanted.map(({ orderId }) => orderId);
const keysOf = (wanted: readonly Wanted[]): string[] => wanted.flatMap(({ key }) => (key ? [key] : []));

const toStock = (rows: readonly LevelRow[]): Map<string, Level> => new Map(rows.map((row) => [row.sku, toLevel(row)]));

export const toLevel = ({ sku, on_hand, reserved }: LevelRow): Level => ({
  sku,
  onHand: Number(on_hand),
  reserved: Number(reserved),
});

export const toReservation = (row: ReservationRow): Reservation => ({
  orderId: row.order_id,
  key: row.dedup_key,
  status: row.status,
  sequence: Number(row.sequence),
  expiresAt: Number(row.expires_at),
  lines: JSON.parse(row.reserved_lines) as Line[],
});
