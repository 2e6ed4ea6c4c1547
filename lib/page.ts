import { invalidField } from "./errors.ts";

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export const defaultLimit = 20;

/** A cursor is opaque to clients: the sort key of the last row they saw. */
export function encodeCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/** The key inside a cursor, of exactly `parts` types; refuses what this system did not make. */
export function decodeCursor(cursor: string, parts: readonly ("string" | "number")[]): (string | number)[] {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (Array.isArray(key) && key.length === parts.length && parts.every((type, i) => typeof key[i] === type)) {
      return key as (string | number)[];
    }
  } catch {
    // falls through to the one refusal below
  }
  throw invalidField("cursor", "INVALID_CURSOR", "This cursor was not issued by this list.");
}

/** A page of a list that is always short enough to be read whole, in the order of its ids. */
export function pageOfShort<T extends { id: string }>(
  all: readonly T[],
  { limit = defaultLimit, cursor }: { limit?: number; cursor?: string },
): Page<T> {
  const after = cursor === undefined ? "" : String(decodeCursor(cursor, ["string"])[0]);
  const rows = all.filter(({ id }) => id > after).slice(0, limit + 1);
  return toPage(
    rows,
    limit,
    ({ id }) => [id],
    (row) => row,
  );
}

/** Turns `limit + 1` fetched rows into a page: the extra row only tells that there is more. */
export function toPage<R, T>(
  rows: R[],
  limit: number,
  keyOf: (row: R) => readonly (string | number)[],
  view: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(view),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null,
  };
}
