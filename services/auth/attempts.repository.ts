import { clockOf, type Database, type Tx } from "../../lib/database.ts";
import type { NewId } from "../../lib/ids.ts";
import type { Limit } from "./limits.ts";
import { attemptLocks } from "./migrations/index.ts";

/** What was tried how often, on whatever node. */
export interface AttemptsRepository {
  /** Milliseconds until there are fewer than `most` attempts within the window; 0 when there are. */
  waitMs(limit: Limit): Promise<number>;
  record(limit: Limit): Promise<void>;
  /** Records an attempt unless there are `most`, however many try at once; answers like `waitMs`. */
  reserve(limit: Limit): Promise<number>;
}

/** `sharedNow`: the time for all nodes, or those whose clock is behind would have what they count forgotten early. */
export function attemptsRepository(
  db: Database,
  newId: NewId,
  sharedNow: () => Promise<number> = () => clockOf(db),
): AttemptsRepository {
  const forUpdate = db.dialect === "mysql" ? "FOR UPDATE" : "";

  const waitMs = async ({ subject, most, windowMs }: Limit, nowMs: number, tx?: Tx): Promise<number> => {
    const rows = await db.select<{ at: number | string }>(
      `SELECT at FROM attempts WHERE subject = ? AND at > ? ORDER BY at DESC LIMIT ${most}`,
      [subject, nowMs - windowMs],
      tx,
    );
    const oldest = rows.length < most ? undefined : rows.at(-1);
    return oldest ? Number(oldest.at) + windowMs - nowMs : 0;
  };

  const record = async ({ subject }: Limit, nowMs: number, tx?: Tx): Promise<void> => {
    await db.execute("INSERT INTO attempts (id, subject, at) VALUES (?, ?, ?)", [newId(), subject, nowMs], tx);
  };

  return {
    waitMs: async (limit) => waitMs(limit, await sharedNow()),
    record: async (limit) => record(limit, await sharedNow()),
    async reserve(limit) {
      const nowMs = await sharedNow();
      return db.transaction(async (tx) => {
        const lock = parseInt(limit.subject.slice(0, 8), 16) % attemptLocks;
        await db.select(`SELECT id FROM attempt_locks WHERE id = ? ${forUpdate}`, [lock], tx);
        const wait = await waitMs(limit, nowMs, tx);
        if (wait === 0) await record(limit, nowMs, tx);
        return wait;
      });
    },
  };
}
