import { DomainError } from "../../lib/errors.ts";
import { assertTransition, type Transitions } from "../../lib/transition.ts";

// Stock and the holds on it: what may happen to them, as data in and data out.

/** Units of one product: `reserved` of those on hand are promised to orders. */
export interface Level {
  sku: string;
  onHand: number;
  reserved: number;
}

/** The locked levels by stock code; one that was never stocked is missing. */
export type Stock = ReadonlyMap<string, Level>;

export interface Line {
  sku: string;
  quantity: number;
}

export type ReservationStatus = "HELD" | "COMMITTED" | "RELEASED" | "RETURNED";

/** Held stock is promised, committed stock is sold. A released hold may be asked for again by a late payment. */
export const reservationTransitions: Transitions<ReservationStatus> = {
  HELD: ["COMMITTED", "RELEASED"],
  COMMITTED: ["RETURNED"],
  RELEASED: ["HELD"],
  RETURNED: [],
};

export interface Reservation {
  orderId: string;
  /** Digest of the request that asked for it; of requests with one key, one reservation comes. */
  key: string | null;
  status: ReservationStatus;
  /** The order's last event that this reservation knows of; older events have no say in it. */
  sequence: number;
  expiresAt: number;
  /** Each stock code once. */
  lines: readonly Line[];
}

export interface Ask {
  orderId: string;
  key: string | null;
  lines: readonly Line[];
  expiresAt: number;
  sequence: number;
}

/** One row of the stock ledger: the sum of all deltas of a stock code is what is on hand. */
export interface LedgerEntry {
  sku: string;
  delta: number;
  kind: "initial" | "count" | "adjustment" | "sale" | "return";
  orderId: string | null;
  /** Who did it; null for the system itself. */
  by: string | null;
  reason: string | null;
}

/** What a decision leaves behind: the reservation as it is now, every level that differs, and new ledger rows. */
export interface Change {
  reservation: Reservation;
  levels: readonly Level[];
  ledger: readonly LedgerEntry[];
}

export interface LevelChange {
  level: Level;
  entry: LedgerEntry;
}

export const maxOnHand = 1_000_000_000;

/** Of a stock code that was never stocked. */
export const noLevel = (sku: string): Level => ({ sku, onHand: 0, reserved: 0 });

export const availableOf = ({ onHand, reserved }: Level): number => onHand - reserved;

/** Each stock code once, in the order they were first named. */
export function mergeLines(lines: readonly Line[]): Line[] {
  const merged = new Map<string, number>();
  for (const { sku, quantity } of lines) merged.set(sku, (merged.get(sku) ?? 0) + quantity);
  return [...merged].map(([sku, quantity]) => ({ sku, quantity }));
}

/**
 * Holds all lines or none. `found` is the reservation of the same order or the same key: asked for the same lines
 * again it stays, with the later expiry and sequence; for other lines its hold is replaced. The answer's order id is
 * the one that holds.
 */
export function reserve(found: Reservation | null, ask: Ask, stock: Stock): Change {
  const lines = mergeLines(ask.lines);
  if (found === null) {
    return changed(stock, take(stock, lines), { ...ask, lines, status: "HELD" });
  }
  const { status, orderId } = found;
  const isSame = sameLines(found.lines, lines);
  if (status === "COMMITTED" && isSame) return unchanged(found);
  if (status === "COMMITTED" || status === "RETURNED") {
    throw new DomainError("conflict", "RESERVATION_COMMITTED", "The stock of this order was sold already.", {
      orderId,
    });
  }
  if (status === "HELD" && isSame) return unchanged(renewed(found, ask));
  const free = status === "HELD" ? putBack(stock, found.lines) : stock;
  const held = { ...found, status: "HELD" as const, lines, expiresAt: ask.expiresAt, sequence: ask.sequence };
  return changed(stock, take(free, lines), held);
}

/** A hold asked for by somebody who knows more of the order must not fall to what was known before. */
function renewed(found: Reservation, ask: Ask): Reservation {
  const known = informed(found, ask.sequence);
  return ask.expiresAt > known.expiresAt ? { ...known, expiresAt: ask.expiresAt } : known;
}

/** The reservation, knowing of the order's event `sequence`. */
const informed = (found: Reservation, sequence: number): Reservation =>
  sequence > found.sequence ? { ...found, sequence } : found;

/**
 * The order was paid, as its event `sequence` says: what was held leaves the stock. A hold that was lost is taken again
 * if it can be, unless it was given back because of something later than the payment.
 */
export function commit(found: Reservation | null, orderId: string, sequence: number, stock: Stock): Change {
  if (found === null) {
    throw new DomainError("conflict", "NO_RESERVATION", "This order was paid without any stock held for it.", {
      orderId,
    });
  }
  if (found.status === "COMMITTED" || found.status === "RETURNED") return unchanged(found);
  if (found.status === "RELEASED" && found.sequence >= sequence) return unchanged(found);
  const isLost = found.status === "RELEASED";
  const held = isLost ? take(stock, found.lines) : stock;
  const sold = shift(held, found.lines, (level, quantity) => ({
    ...level,
    onHand: level.onHand - quantity,
    reserved: level.reserved - quantity,
  }));
  const reservation = moved(isLost ? moved(found, "HELD") : found, "COMMITTED");
  return changed(stock, sold, informed(reservation, sequence), ledgerOf(found, "sale"));
}

/** The order was closed, as its event `sequence` says: gives the hold back, unless it was made after that event. */
export function release(found: Reservation, sequence: number, stock: Stock): Change {
  if (found.status !== "HELD" || found.sequence >= sequence) return unchanged(found);
  return expire(found, sequence, stock);
}

/**
 * The hold's time is over, and its order is closed with the event `sequence` or was never made: gives the hold back,
 * whatever was known when it was made.
 */
export function expire(found: Reservation, sequence: number, stock: Stock): Change {
  if (found.status !== "HELD") return unchanged(found);
  return changed(stock, putBack(stock, found.lines), informed(moved(found, "RELEASED"), sequence));
}

/** The order was refunded in full before it was sent: what was sold is on hand again. */
export function giveBack(found: Reservation, sequence: number, stock: Stock): Change {
  if (found.status === "RETURNED") return unchanged(found);
  if (found.status !== "COMMITTED") {
    // its payment was never applied here, and must not take stock when it is after all
    return found.status === "HELD" ? expire(found, sequence, stock) : unchanged(informed(found, sequence));
  }
  const back = shift(stock, found.lines, (level, quantity) => ({ ...level, onHand: level.onHand + quantity }));
  return changed(stock, back, informed(moved(found, "RETURNED"), sequence), ledgerOf(found, "return"));
}

/** What is on hand was counted. */
export function count(level: Level, onHand: number, by: string | null): LevelChange {
  const entry = { kind: "count" as const, orderId: null, by, reason: null };
  return { level: withOnHand(level, onHand), entry: { sku: level.sku, delta: onHand - level.onHand, ...entry } };
}

/** Units came in or went away for a reason that a person gives. */
export function adjust(level: Level, delta: number, by: string | null, reason: string): LevelChange {
  const entry = { kind: "adjustment" as const, orderId: null, by, reason };
  return { level: withOnHand(level, level.onHand + delta), entry: { sku: level.sku, delta, ...entry } };
}

function withOnHand(level: Level, onHand: number): Level {
  if (onHand < level.reserved) {
    throw new DomainError(
      "conflict",
      "BELOW_RESERVED",
      `${level.reserved} are reserved for orders, so ${onHand} cannot be on hand.`,
      { sku: level.sku, onHand, reserved: level.reserved },
    );
  }
  if (onHand > maxOnHand) {
    throw new DomainError("conflict", "TOO_MUCH_STOCK", `At most ${maxOnHand} can be on hand.`, {
      sku: level.sku,
      onHand,
    });
  }
  return sound({ ...level, onHand });
}

/** The stock with the lines reserved in it; refuses the first line of which there is too little. */
function take(stock: Stock, lines: readonly Line[]): Stock {
  for (const { sku, quantity } of lines) {
    const level = stock.get(sku);
    const available = level ? availableOf(level) : 0;
    if (quantity > available) {
      const message = available === 0 ? `${sku} is out of stock.` : `Only ${available} of ${sku} are left.`;
      throw new DomainError("conflict", "OUT_OF_STOCK", message, { sku, requested: quantity, available });
    }
  }
  return shift(stock, lines, (level, quantity) => ({ ...level, reserved: level.reserved + quantity }));
}

const putBack = (stock: Stock, lines: readonly Line[]): Stock =>
  shift(stock, lines, (level, quantity) => ({ ...level, reserved: level.reserved - quantity }));

function shift(stock: Stock, lines: readonly Line[], by: (level: Level, quantity: number) => Level): Stock {
  const next = new Map(stock);
  for (const { sku, quantity } of lines) {
    const level = next.get(sku);
    if (!level) throw new Error(`a reservation holds ${sku}, which has no stock row`);
    next.set(sku, sound(by(level, quantity)));
  }
  return next;
}

/** Stops a decision that would break what every read counts on: a bug, never a client's doing. */
function sound(level: Level): Level {
  const { sku, onHand, reserved } = level;
  if (reserved >= 0 && reserved <= onHand && Number.isSafeInteger(onHand)) return level;
  throw new Error(`unsound stock of ${sku}: ${onHand} on hand, ${reserved} reserved`);
}

function moved(reservation: Reservation, status: ReservationStatus): Reservation {
  assertTransition("RESERVATION", reservationTransitions, reservation.status, status);
  return { ...reservation, status };
}

function changed(before: Stock, after: Stock, reservation: Reservation, ledger: readonly LedgerEntry[] = []): Change {
  return { reservation, levels: [...after.values()].filter((level) => !isEqual(level, before.get(level.sku))), ledger };
}

const isEqual = (a: Level, b: Level | undefined): boolean =>
  b !== undefined && a.onHand === b.onHand && a.reserved === b.reserved;

const unchanged = (reservation: Reservation): Change => ({ reservation, levels: [], ledger: [] });

function ledgerOf({ orderId, lines }: Reservation, kind: "sale" | "return"): LedgerEntry[] {
  const sign = kind === "sale" ? -1 : 1;
  return lines.map(({ sku, quantity }) => ({ sku, delta: sign * quantity, kind, orderId, by: null, reason: null }));
}

function sameLines(a: readonly Line[], b: readonly Line[]): boolean {
  const quantities = new Map(a.map(({ sku, quantity }) => [sku, quantity]));
  return a.length === b.length && b.every(({ sku, quantity }) => quantities.get(sku) === quantity);
}
