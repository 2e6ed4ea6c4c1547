import type { Change, LedgerEntry, Level, Reservation, Stock } from "./stock.ts";

/** Which reservation, and which stock codes besides those of its own lines. */
export interface Wanted {
  orderId: string;
  /** Where a reservation has this key, it is the one. */
  key?: string | null;
  skus?: readonly string[];
}

/** What becomes of a reservation; null leaves everything as it is. */
export type Decide = (found: Reservation | null, stock: Stock) => Change | null;

export interface Request {
  wanted: Wanted;
  decide: Decide;
}

/** What a group of requests leaves behind, and each one's own answer: its reservation, null, or why it was refused. */
export interface Decided {
  answers: (Reservation | null | Error)[];
  inserted: Reservation[];
  updated: Reservation[];
  levels: Level[];
  ledger: LedgerEntry[];
}

/**
 * Decides requests as if each had come after the one before. `known` and `stock` are all that they ask for; a refused
 * one leaves both as they were.
 */
export function decideGroup(requests: readonly Request[], known: readonly Reservation[], stock: Stock): Decided {
  const before = new Map(known.map((reservation) => [reservation.orderId, reservation]));
  const now = new Map(before);
  const holders = new Map(known.flatMap(({ key, orderId }) => (key === null ? [] : [[key, orderId]])));
  const levels = new Map(stock);
  const ledger: LedgerEntry[] = [];

  const answers = requests.map(({ wanted: { orderId, key, skus = [] }, decide }) => {
    const found = now.get((key ? holders.get(key) : undefined) ?? orderId) ?? null;
    const change = attempt(() => decide(found, part(levels, [...skus, ...(found?.lines ?? []).map(({ sku }) => sku)])));
    if (change === null || change instanceof Error) return change;
    const { reservation } = change;
    now.set(reservation.orderId, reservation);
    if (reservation.key !== null) holders.set(reservation.key, reservation.orderId);
    for (const level of change.levels) levels.set(level.sku, level);
    ledger.push(...change.ledger);
    return reservation;
  });

  const changed = [...now.values()].filter((reservation) => reservation !== before.get(reservation.orderId));
  return {
    answers,
    inserted: changed.filter(({ orderId }) => !before.has(orderId)),
    updated: changed.filter(({ orderId }) => before.has(orderId)),
    levels: [...levels.values()].filter((level) => level !== stock.get(level.sku)),
    ledger,
  };
}

function attempt<T>(decide: () => T): T | Error {
  try {
    return decide();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Decisions copy the stock they are given, so each gets no more than its own. */
function part(levels: Stock, skus: readonly string[]): Stock {
  return new Map(
    skus.flatMap((sku) => {
      const level = levels.get(sku);
      return level ? [[sku, level] as const] : [];
    }),
  );
}
