import { marks, type Database } from "../../lib/database.ts";
import { longestWindowMs } from "./limits.ts";

/** Rows that matter to nobody any more. */
export interface ExpiredRepository {
  /** Deletes up to `limit` rows of each kind; true when there may be more. Safe on every node at once. */
  sweep(nowMs: number, limit: number): Promise<boolean>;
}

const kinds = [
  { table: "attempts", key: "id", ends: "at", afterMs: longestWindowMs },
  { table: "reset_tokens", key: "digest", ends: "expires_at", afterMs: 0 },
  { table: "refresh_tokens", key: "digest", ends: "expires_at", afterMs: 0 },
  { table: "families", key: "id", ends: "expires_at", afterMs: 0 },
  { table: "revocations", key: "sequence", ends: "until_at", afterMs: 0 },
] as const;

export function expiredRepository(db: Database): ExpiredRepository {
  return {
    async sweep(nowMs, limit) {
      let more = false;
      for (const { table, key, ends, afterMs } of kinds) {
        const rows = await db.select<{ id: string | number }>(
          `SELECT ${key} AS id FROM ${table} WHERE ${ends} <= ? ORDER BY ${ends} LIMIT ${limit}`,
          [nowMs - afterMs],
        );
        if (rows.length === 0) continue;
        const ids = rows.map(({ id }) => id);
        await db.execute(`DELETE FROM ${table} WHERE ${key} IN (${marks(ids.length)})`, ids);
        more ||= rows.length === limit;
      }
      return more;
    },
  };
}
