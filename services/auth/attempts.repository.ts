import { type Database } from "../../lib/database.ts";
import type { NewId } from "../../lib/ids.ts";
import type { Limit } from "./limits.ts";

/** What was tried how often, on whatever node. */
export interface AttemptsRepository {
  /** Milliseconds until there are fewer than `most` attempts within the window; 0 when there are. */
  waitMs(limit: Limit, nowMs: number): Promise<number>;
  record(limit: Limit, nowMs: number): Promise<{ id: string }>;
  takeBack(id: string): Promise<void>;
}

export function attemptsRepository(db: Database, newId: NewId): AttemptsRepository {
  return {
    async waitMs({ subject, most, windowMs }, nowMs) {
      const rows = await db.select<{ at: number | string }>(
        `SELECT at FROM attempts WHERE subject = ? AND at > ? ORDER BY at DESC LIMIT ${most}`,
        [subject, nowMs - windowMs],
      );
      const oldest = rows.length < most ? undefined : rows.at(-1);
      return oldest ? Number(oldest.at) + windowMs - nowMs : 0;
    },
    async record({ subject }, nowMs) {
      const id = newId();
      await db.execute("INSERT INTO attempts (id, subject, at) VALUES (?, ?, ?)", [id, subject, nowMs]);
      return { id };
    },
    async takeBack(id) {
      await db.execute("DELETE FROM attempts WHERE id = ?", [id]);
    },
  };
}
