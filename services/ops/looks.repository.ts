import { clockOf, type Database } from "../../lib/database.ts";
import type { Sender } from "./peers.ts";

/** Until when the events of each sender were looked at; one node at a time looks on. */
export interface LooksRepository {
  /** By the clock that the nodes share: one that is ahead must not keep the others from looking. */
  now(): Promise<number>;
  /**
   * Takes the next look at a sender's events, and says until when they were looked at before; null: it is not due, or
   * another node has it. Who does not end a look within `withinMs` has lost it.
   */
  begin(sender: Sender, nowMs: number, withinMs: number): Promise<number | null>;
  end(sender: Sender, look: { untilMs: number; nextMs: number }): Promise<void>;
}

export function looksRepository(db: Database): LooksRepository {
  return {
    now: () => clockOf(db),
    async begin(sender, nowMs, withinMs) {
      const taken = await db.execute("UPDATE delivery_looks SET due_at = ? WHERE sender = ? AND due_at <= ?", [
        nowMs + withinMs,
        sender,
        nowMs,
      ]);
      if (taken === 0) return null;
      const [row] = await db.select<{ looked_until: number | string }>(
        "SELECT looked_until FROM delivery_looks WHERE sender = ?",
        [sender],
      );
      return Number(row?.looked_until);
    },
    async end(sender, { untilMs, nextMs }) {
      await db.execute("UPDATE delivery_looks SET looked_until = ?, due_at = ? WHERE sender = ?", [
        untilMs,
        nextMs,
        sender,
      ]);
    },
  };
}
