import type { Delivery } from "../../contracts/bus.ts";
import { isUniqueViolation, marks, tuples, type Database, type Tx } from "../../lib/database.ts";
import type { Clock, NewId } from "../../lib/ids.ts";
import type { Change, LedgerEntry, Level, LevelChange, Line, Reservation, ReservationStatus, Stock } from "./stock.ts";

export interface InventoryRepository {
  level(sku: string): Promise<Level | null>;
  levels(skus: readonly string[]): Promise<Stock>;
  reservation(orderId: string): Promise<Reservation | null>;
  /**
   * Locks a reservation and the stock of its lines, lets `decide` say what becomes of them, and saves that: all of it,
   * or nothing when `decide` throws. Answers with what `decide` left; null when it or the delivery's record declined.
   */
  change(
    wanted: Wanted,
    decide: (found: Reservation | null, stock: Stock) => Change | null,
    delivery?: Delivery,
  ): Promise<Reservation | null>;
  /** The same for the level of one stock code, which counts as zero before it is first stocked. */
  changeLevel(sku: string, decide: (level: Level) => LevelChange): Promise<Level>;
  /** First units for stock codes without a row; answers with how many there were. */
  stockNew(skus: readonly string[], onHand: number, by: string | null): Promise<number>;
  /** Holds whose time is over, the oldest first. */
  overdue(limit: number): Promise<Reservation[]>;
  /** Gives a hold more time, unless it changed since it was read. */
  postpone(held: Reservation, expiresAt: number): Promise<void>;
}

/** Which reservation, and which stock codes besides those of its own lines. */
export interface Wanted {
  orderId: string;
  /** Where a reservation has this key, it is the one. */
  key?: string | null;
  skus?: readonly string[];
}

interface LevelRow {
  sku: string;
  on_hand: number | string;
  reserved: number | string;
}

interface ReservationRow {
  order_id: string;
  dedup_key: string | null;
  status: ReservationStatus;
  sequence: number | string;
  expires_at: number | string;
  reserved_lines: string;
}

const reservationColumns = "order_id, dedup_key, status, sequence, expires_at, reserved_lines";
const maxInserts = 5;

// MariaDB makes a join of a list of 1,000 or more, and then locks in the join's order
const lockChunk = 500;

export function inventoryRepository(db: Database, now: Clock, newId: NewId): InventoryRepository {
  // On SQLite a transaction is the only writer from its beginning.
  const forUpdate = db.dialect === "mysql" ? " FOR UPDATE" : "";
  const byKey = db.dialect === "mysql" ? " FORCE INDEX (PRIMARY)" : "";
  const upsert =
    db.dialect === "mysql"
      ? "ON DUPLICATE KEY UPDATE on_hand = VALUES(on_hand), reserved = VALUES(reserved)"
      : "ON CONFLICT (sku) DO UPDATE SET on_hand = excluded.on_hand, reserved = excluded.reserved";

  /** Stock rows are always locked in the order of their stock codes, and after the reservation: nobody waits in a ring. */
  const lockStock = async (tx: Tx, skus: Iterable<string>): Promise<Map<string, Level>> => {
    const sorted = [...new Set(skus)].sort();
    const stock = new Map<string, Level>();
    for (let at = 0; at < sorted.length; at += lockChunk) {
      const chunk = sorted.slice(at, at + lockChunk);
      const rows = await db.select<LevelRow>(
        `SELECT sku, on_hand, reserved FROM stock${byKey} WHERE sku IN (${marks(chunk.length)}) ORDER BY sku${forUpdate}`,
        chunk,
        tx,
      );
      for (const row of rows) stock.set(row.sku, toLevel(row));
    }
    return stock;
  };

  const lockReservation = async (tx: Tx, { orderId, key }: Wanted): Promise<Reservation | null> => {
    const [holder] = key
      ? await db.select<{ order_id: string }>("SELECT order_id FROM reservations WHERE dedup_key = ?", [key], tx)
      : [];
    const [row] = await db.select<ReservationRow>(
      `SELECT ${reservationColumns} FROM reservations WHERE order_id = ?${forUpdate}`,
      [holder?.order_id ?? orderId],
      tx,
    );
    return row ? toReservation(row) : null;
  };

  /** For rows that were locked: they exist, so this never inserts. */
  const updateLevels = async (tx: Tx, levels: readonly Level[]): Promise<void> => {
    if (levels.length === 0) return;
    await db.execute(
      `INSERT INTO stock (sku, on_hand, reserved) VALUES ${tuples(levels.length, 3)} ${upsert}`,
      levels.flatMap(({ sku, onHand, reserved }) => [sku, onHand, reserved]),
      tx,
    );
  };

  const insertLevels = async (tx: Tx, levels: readonly Level[]): Promise<void> => {
    if (levels.length === 0) return;
    await db.execute(
      `INSERT INTO stock (sku, on_hand, reserved) VALUES ${tuples(levels.length, 3)}`,
      levels.flatMap(({ sku, onHand, reserved }) => [sku, onHand, reserved]),
      tx,
    );
  };

  const record = async (tx: Tx, entries: readonly LedgerEntry[]): Promise<void> => {
    if (entries.length === 0) return;
    const nowMs = now();
    await db.execute(
      `INSERT INTO stock_ledger (id, sku, delta, kind, order_id, by_whom, reason, created_at) VALUES ${tuples(entries.length, 8)}`,
      entries.flatMap(({ sku, delta, kind, orderId, by, reason }) => [
        newId(),
        sku,
        delta,
        kind,
        orderId,
        by,
        reason,
        nowMs,
      ]),
      tx,
    );
  };

  const insertReservation = (tx: Tx, { orderId, key, status, sequence, expiresAt, lines }: Reservation) =>
    db.execute(
      `INSERT INTO reservations (${reservationColumns}, created_at, updated_at) VALUES (${marks(8)})`,
      [orderId, key, status, sequence, expiresAt, JSON.stringify(lines), now(), now()],
      tx,
    );

  const updateReservation = (tx: Tx, { orderId, status, sequence, expiresAt, lines }: Reservation) =>
    db.execute(
      "UPDATE reservations SET status = ?, sequence = ?, expires_at = ?, reserved_lines = ?, updated_at = ? WHERE order_id = ?",
      [status, sequence, expiresAt, JSON.stringify(lines), now(), orderId],
      tx,
    );

  /** Two that insert the same row at once: the second finds it when it runs again. */
  const transaction = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await db.transaction(work);
      } catch (error) {
        if (attempt >= maxInserts || !isUniqueViolation(error)) throw error;
      }
    }
  };

  return {
    async level(sku) {
      const [row] = await db.select<LevelRow>("SELECT sku, on_hand, reserved FROM stock WHERE sku = ?", [sku]);
      return row ? toLevel(row) : null;
    },
    async levels(skus) {
      if (skus.length === 0) return new Map();
      const rows = await db.select<LevelRow>(
        `SELECT sku, on_hand, reserved FROM stock WHERE sku IN (${marks(skus.length)})`,
        skus,
      );
      return new Map(rows.map((row) => [row.sku, toLevel(row)]));
    },
    async reservation(orderId) {
      const [row] = await db.select<ReservationRow>(
        `SELECT ${reservationColumns} FROM reservations WHERE order_id = ?`,
        [orderId],
      );
      return row ? toReservation(row) : null;
    },
    change: (wanted, decide, delivery) =>
      transaction(async (tx) => {
        if (delivery && !(await delivery.record(tx))) return null;
        const found = await lockReservation(tx, wanted);
        const skus = [...(wanted.skus ?? []), ...(found?.lines ?? []).map(({ sku }) => sku)];
        const change = decide(found, await lockStock(tx, skus));
        if (change === null) return null;
        const { reservation, levels, ledger } = change;
        if (found === null) await insertReservation(tx, reservation);
        else if (reservation !== found) await updateReservation(tx, reservation);
        await updateLevels(tx, levels);
        await record(tx, ledger);
        return reservation;
      }),
    changeLevel: (sku, decide) =>
      transaction(async (tx) => {
        const found = (await lockStock(tx, [sku])).get(sku);
        const { level, entry } = decide(found ?? { sku, onHand: 0, reserved: 0 });
        await (found ? updateLevels(tx, [level]) : insertLevels(tx, [level]));
        await record(tx, [entry]);
        return level;
      }),
    stockNew: (skus, onHand, by) =>
      transaction(async (tx) => {
        const wanted = [...new Set(skus)].sort();
        const known = await lockStock(tx, wanted);
        const fresh = wanted.filter((sku) => !known.has(sku));
        await insertLevels(
          tx,
          fresh.map((sku) => ({ sku, onHand, reserved: 0 })),
        );
        await record(
          tx,
          fresh.map((sku) => ({ sku, delta: onHand, kind: "initial", orderId: null, by, reason: null })),
        );
        return fresh.length;
      }),
    async overdue(limit) {
      const rows = await db.select<ReservationRow>(
        `SELECT ${reservationColumns} FROM reservations WHERE status = 'HELD' AND expires_at <= ? ORDER BY expires_at LIMIT ${limit}`,
        [now()],
      );
      return rows.map(toReservation);
    },
    async postpone({ orderId, sequence, expiresAt: before }, expiresAt) {
      await db.execute(
        "UPDATE reservations SET expires_at = ? WHERE order_id = ? AND status = 'HELD' AND sequence = ? AND expires_at = ?",
        [expiresAt, orderId, sequence, before],
      );
    },
  };
}

const toLevel = ({ sku, on_hand, reserved }: LevelRow): Level => ({
  sku,
  onHand: Number(on_hand),
  reserved: Number(reserved),
});

const toReservation = (row: ReservationRow): Reservation => ({
  orderId: row.order_id,
  key: row.dedup_key,
  status: row.status,
  sequence: Number(row.sequence),
  expiresAt: Number(row.expires_at),
  lines: JSON.parse(row.reserved_lines) as Line[],
});
