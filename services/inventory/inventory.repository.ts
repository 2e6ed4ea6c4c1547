import type { Delivery } from "../../contracts/bus.ts";
import type { Note } from "../../lib/audit-log.ts";
import { insertTransaction, marks, type Database, type Tx } from "../../lib/database.ts";
import { isOutage, isUniqueViolation } from "../../lib/database-errors.ts";
import { recordDeliveries } from "../../lib/inbox.ts";
import { groupCommit } from "../../lib/group-commit.ts";
import type { Clock, NewId } from "../../lib/ids.ts";
import type { GroupMeter } from "../../lib/metrics.ts";
import { decideGroup, type Decide, type Decided, type Request, type Wanted } from "./decide-group.ts";
import { noLevel, type Level, type LevelChange, type Reservation, type Stock } from "./stock.ts";
import {
  reservationColumns,
  stockRows,
  toLevel,
  toReservation,
  type LevelRow,
  type ReservationRow,
} from "./stock-rows.ts";

export interface InventoryRepository {
  level(sku: string): Promise<Level | null>;
  levels(skus: readonly string[]): Promise<Stock>;
  reservation(orderId: string): Promise<Reservation | null>;
  /**
   * Locks a reservation and the stock of its lines, lets `decide` say what becomes of them, and saves that: all of it,
   * or nothing when `decide` throws. Answers with what `decide` left; null when it or the delivery's record declined.
   * Those who come at once share a transaction, in the order in which they came.
   */
  change(wanted: Wanted, decide: Decide, delivery?: Delivery): Promise<Reservation | null>;
  /** The same for the level of one stock code, which counts as zero before it is first stocked. */
  changeLevel(sku: string, decide: (level: Level) => LevelChange, note?: Note): Promise<Level>;
  /** First units for stock codes without a row; answers with how many there were. */
  stockNew(skus: readonly string[], onHand: number, by: string | null, note?: Note): Promise<number>;
  /** Holds whose time is over, the oldest first. */
  overdue(limit: number): Promise<Reservation[]>;
  /** Gives a hold more time, unless it changed since it was read. */
  postpone(held: Reservation, expiresAt: number): Promise<void>;
  /** Resolves when every change that was asked for has its answer. */
  stop(): Promise<void>;
}

interface ChangeRequest extends Request {
  delivery?: Delivery | undefined;
}

const longestQueue = 4_096;
const mostLinesInGroup = 1_000;

/** `mostInGroup`: how many changes may share a transaction. */
export function inventoryRepository(
  db: Database,
  now: Clock,
  newId: NewId,
  mostInGroup = 64,
  meter?: GroupMeter,
): InventoryRepository {
  const rows = stockRows(db, now, newId);

  const changeTogether = async (
    tx: Tx,
    requests: readonly ChangeRequest[],
  ): Promise<(Reservation | null | Error)[]> => {
    const unseen = await recordDeliveries(
      tx,
      requests.flatMap(({ delivery }) => delivery ?? []),
    );
    const fresh = requests.filter(({ delivery }) => !delivery || unseen.has(delivery));
    if (fresh.length === 0) return requests.map(() => null);
    const known = await rows.lockReservations(
      tx,
      fresh.map(({ wanted }) => wanted),
    );
    const skus = [...fresh.flatMap(({ wanted }) => wanted.skus ?? []), ...known.flatMap(skusOf)];
    const decided = decideGroup(fresh, known, await rows.lockStock(tx, skus));
    const answerOf = new Map(fresh.map((request, i) => [request, decided.answers[i] ?? null]));
    for (const [{ delivery }, answer] of answerOf) {
      // the record of an event that was not applied must not stay
      if (delivery && answer instanceof Error) throw answer;
    }
    await save(tx, decided);
    return requests.map((request) => answerOf.get(request) ?? null);
  };

  /** For requests that name all their stock, of orders and keys without a reservation; null when one has one. */
  const reserveTogether = async (
    tx: Tx,
    requests: readonly ChangeRequest[],
  ): Promise<(Reservation | null | Error)[] | null> => {
    const { isNew, stock } = await rows.lockForNew(
      tx,
      requests.map(({ wanted }) => wanted),
    );
    if (!isNew) return null;
    const decided = decideGroup(requests, [], stock);
    await save(tx, decided);
    return decided.answers;
  };

  /** Null when they have to go the other way: they are something else, or one of them was reserved before. */
  const reserveNew = async (requests: readonly ChangeRequest[]): Promise<(Reservation | null | Error)[] | null> => {
    if (!requests.every(({ wanted, delivery }) => wanted.skus !== undefined && !delivery)) return null;
    try {
      return await db.transaction((tx) => reserveTogether(tx, requests));
    } catch (error) {
      // another node was faster with the same one
      if (isUniqueViolation(error)) return null;
      throw error;
    }
  };

  const save = async (tx: Tx, { inserted, updated, levels, ledger }: Decided): Promise<void> => {
    await rows.insertReservations(tx, inserted);
    await rows.updateReservations(tx, updated);
    await rows.updateLevels(tx, levels);
    await rows.record(tx, ledger);
  };

  // stock is reserved once for most orders, and again only for those whose client had no answer
  const run = async (requests: readonly ChangeRequest[]): Promise<(Reservation | null | Error)[]> =>
    (await reserveNew(requests)) ?? insertTransaction(db, (tx) => changeTogether(tx, requests));

  const changes = groupCommit<ChangeRequest, Reservation | null>({
    most: mostInGroup,
    weight: { of: ({ wanted }) => 1 + (wanted.skus?.length ?? 0), most: mostLinesInGroup },
    longest: longestQueue,
    // SQLite has one writer
    atOnce: db.dialect === "mysql" ? 2 : 1,
    run,
    isBlameless: isOutage,
    meter,
  });

  return {
    async level(sku) {
      const [row] = await db.select<LevelRow>("SELECT sku, on_hand, reserved FROM stock WHERE sku = ?", [sku]);
      return row ? toLevel(row) : null;
    },
    async levels(skus) {
      if (skus.length === 0) return new Map();
      const found = await db.select<LevelRow>(
        `SELECT sku, on_hand, reserved FROM stock WHERE sku IN (${marks(skus.length)})`,
        skus,
      );
      return new Map(found.map((row) => [row.sku, toLevel(row)]));
    },
    async reservation(orderId) {
      const [row] = await db.select<ReservationRow>(
        `SELECT ${reservationColumns} FROM reservations WHERE order_id = ?`,
        [orderId],
      );
      return row ? toReservation(row) : null;
    },
    change: (wanted, decide, delivery) => changes.submit({ wanted, decide, delivery }),
    changeLevel: (sku, decide, note) =>
      insertTransaction(db, async (tx) => {
        const found = (await rows.lockStock(tx, [sku])).get(sku);
        const { level, entry } = decide(found ?? noLevel(sku));
        await (found ? rows.updateLevels(tx, [level]) : rows.insertLevels(tx, [level]));
        await rows.record(tx, [entry]);
        await note?.(tx);
        return level;
      }),
    stockNew: (skus, onHand, by, note) =>
      insertTransaction(db, async (tx) => {
        const wanted = [...new Set(skus)].sort();
        const known = await rows.lockStock(tx, wanted);
        const fresh = wanted.filter((sku) => !known.has(sku));
        await rows.insertLevels(
          tx,
          fresh.map((sku) => ({ sku, onHand, reserved: 0 })),
        );
        await rows.record(
          tx,
          fresh.map((sku) => ({ sku, delta: onHand, kind: "initial", orderId: null, by, reason: null })),
        );
        if (fresh.length > 0) await note?.(tx);
        return fresh.length;
      }),
    async overdue(limit) {
      const found = await db.select<ReservationRow>(
        `SELECT ${reservationColumns} FROM reservations WHERE status = 'HELD' AND expires_at <= ? ORDER BY expires_at LIMIT ${limit}`,
        [now()],
      );
      return found.map(toReservation);
    },
    async postpone({ orderId, sequence, expiresAt: before }, expiresAt) {
      await db.execute(
        "UPDATE reservations SET expires_at = ? WHERE order_id = ? AND status = 'HELD' AND sequence = ? AND expires_at = ?",
        [expiresAt, orderId, sequence, before],
      );
    },
    stop: () => changes.stop(),
  };
}

const skusOf = ({ lines }: Reservation): string[] => lines.map(({ sku }) => sku);
