import { type Database } from "../../lib/database.ts";

/** Tokens to set a new password with, by digest. */
export interface ResetsRepository {
  add(digest: string, userId: string, expiresAtMs: number): Promise<void>;
  /** Whose token it is, to exactly one caller; null when it is unknown, used or has ended. */
  claim(digest: string, nowMs: number): Promise<string | null>;
  /** Makes a claimed token good again, because nothing came of its use. */
  giveBack(digest: string): Promise<void>;
  /** Ends all tokens of a user. */
  removeAll(userId: string): Promise<void>;
}

export function resetsRepository(db: Database): ResetsRepository {
  return {
    async add(digest, userId, expiresAtMs) {
      await db.execute("INSERT INTO reset_tokens (digest, user_id, expires_at) VALUES (?, ?, ?)", [
        digest,
        userId,
        expiresAtMs,
      ]);
    },
    async claim(digest, nowMs) {
      const claimed = await db.execute(
        "UPDATE reset_tokens SET used_at = ? WHERE digest = ? AND used_at IS NULL AND expires_at > ?",
        [nowMs, digest, nowMs],
      );
      if (claimed === 0) return null;
      const [row] = await db.select<{ user_id: string }>("SELECT user_id FROM reset_tokens WHERE digest = ?", [digest]);
      return row?.user_id ?? null;
    },
    async giveBack(digest) {
      await db.execute("UPDATE reset_tokens SET used_at = NULL WHERE digest = ?", [digest]);
    },
    async removeAll(userId) {
      await db.execute("DELETE FROM reset_tokens WHERE user_id = ?", [userId]);
    },
  };
}
