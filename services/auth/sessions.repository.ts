import type { Delivery } from "../../contracts/bus.ts";
import type { Revocation, SignIn } from "../../contracts/auth.ts";
import type { Note } from "../../lib/audit-log.ts";
import { accessTokenSeconds } from "../../lib/access-token.ts";
import { marks, type Database, type Tx } from "../../lib/database.ts";
import type { Clock } from "../../lib/ids.ts";
import { toIso } from "../../lib/time.ts";
import { revocationMs, type RevocationsRepository } from "./revocations.repository.ts";

const refreshTokenMs = 30 * 24 * 3600_000;

/** One sign-in: its refresh tokens follow on each other, and all die with it. */
export interface SessionsRepository {
  /**
   * Begins a session. False when the user's sessions were ended since `startedMs`, which is before the caller asked
   * who this is: the answer may be out of date.
   */
  open(session: { userId: string; familyId: string; digest: string; startedMs: number }, note?: Note): Promise<boolean>;
  /** Whose token this is, whatever has become of it. */
  find(digest: string): Promise<{ userId: string; familyId: string } | null>;
  /**
   * Uses a refresh token up for its successor. A use that began after the first one was over ends the family, and is
   * noted.
   */
  rotate(
    use: { userId: string; digest: string; successor: string; startedMs: number },
    noteReuse?: Note,
  ): Promise<{ rotated: boolean; revocations: Revocation[] }>;
  /** Those that are not forgotten yet, oldest first. */
  ofUser(userId: string): Promise<SignIn[]>;
  end(userId: string, familyId: string, note?: Note): Promise<Revocation[]>;
  /** Ends all of a user's sessions but one, which goes on with the tokens it has. */
  endOthers(userId: string, keepFamilyId: string): Promise<Revocation[]>;
  /** Ends all of a user's sessions that began before `beforeMs`, by default before now, and kills the tokens from then. */
  endAll(userId: string, cause?: { beforeMs: number; delivery: Delivery }, note?: Note): Promise<Revocation[]>;
  /** The same, and nothing stays of them. */
  forget(userId: string, cause: { beforeMs: number; delivery: Delivery }): Promise<Revocation[]>;
}

interface TokenRow {
  family_id: string;
  expires_at: number | string;
  used_at: number | string | null;
  ended_at: number | string | null;
}

export function sessionsRepository(db: Database, revocations: RevocationsRepository, now: Clock): SessionsRepository {
  const ifNew = db.dialect === "mysql" ? "ON DUPLICATE KEY UPDATE revoked_at = revoked_at" : "ON CONFLICT DO NOTHING";

  /** Until the transaction ends, nothing else begins or ends sessions of this user. Answers when they last were ended. */
  const lockAccount = async (tx: Tx, userId: string): Promise<number> => {
    await db.execute(`INSERT INTO accounts (user_id, revoked_at) VALUES (?, 0) ${ifNew}`, [userId], tx);
    const [row] = await db.select<{ revoked_at: number | string }>(
      "SELECT revoked_at FROM accounts WHERE user_id = ?",
      [userId],
      tx,
    );
    return Number(row?.revoked_at ?? 0);
  };

  /** Ends families of a locked account; kills the tokens of those among them that can have living ones. */
  const endFamilies = async (tx: Tx, familyIds: readonly string[], nowMs: number): Promise<Revocation[]> => {
    if (familyIds.length === 0) return [];
    const recent = await db.select<{ id: string }>(
      `SELECT id FROM families WHERE id IN (${marks(familyIds.length)}) AND ended_at IS NULL AND issued_at > ? ORDER BY id`,
      [...familyIds, nowMs - accessTokenSeconds * 1000],
      tx,
    );
    await db.execute(
      `UPDATE families SET ended_at = ? WHERE id IN (${marks(familyIds.length)}) AND ended_at IS NULL`,
      [nowMs, ...familyIds],
      tx,
    );
    // a family that has ended gets no more tokens, so every one it has is meant
    const revoked = recent.map(({ id }) => ({ subject: id, issuedBefore: nowMs + revocationMs }));
    return revocations.add(tx, revoked, nowMs);
  };

  const endAllWithin = async (tx: Tx, userId: string, beforeMs: number | undefined): Promise<Revocation[]> => {
    const revokedAt = await lockAccount(tx, userId);
    const nowMs = now();
    // one more than now: a token of this very millisecond was issued before the lock was had
    const issuedBefore = beforeMs ?? nowMs + 1;
    await db.execute(
      "UPDATE accounts SET revoked_at = ? WHERE user_id = ?",
      [Math.max(revokedAt, issuedBefore), userId],
      tx,
    );
    await db.execute(
      "UPDATE families SET ended_at = ? WHERE user_id = ? AND ended_at IS NULL AND created_at < ?",
      [nowMs, userId, issuedBefore],
      tx,
    );
    return revocations.add(tx, [{ subject: userId, issuedBefore }], nowMs);
  };

  return {
    open: ({ userId, familyId, digest, startedMs }, note) =>
      db.transaction(async (tx) => {
        if (startedMs < (await lockAccount(tx, userId))) return false;
        const expiresAt = startedMs + refreshTokenMs;
        await db.execute(
          `INSERT INTO families (id, user_id, created_at, issued_at, expires_at) VALUES (${marks(5)})`,
          [familyId, userId, startedMs, startedMs, expiresAt],
          tx,
        );
        await db.execute(
          `INSERT INTO refresh_tokens (digest, family_id, expires_at) VALUES (${marks(3)})`,
          [digest, familyId, expiresAt],
          tx,
        );
        await note?.(tx);
        return true;
      }),
    async find(digest) {
      const [row] = await db.select<{ user_id: string; family_id: string }>(
        `SELECT f.user_id, t.family_id FROM refresh_tokens AS t JOIN families AS f ON f.id = t.family_id
         WHERE t.digest = ?`,
        [digest],
      );
      return row ? { userId: row.user_id, familyId: row.family_id } : null;
    },
    rotate: ({ userId, digest, successor, startedMs }, noteReuse) =>
      db.transaction(async (tx) => {
        await lockAccount(tx, userId);
        const [token] = await db.select<TokenRow>(
          `SELECT t.family_id, t.expires_at, t.used_at, f.ended_at FROM refresh_tokens AS t
           JOIN families AS f ON f.id = t.family_id WHERE t.digest = ?`,
          [digest],
          tx,
        );
        const nowMs = now();
        const refused = { rotated: false, revocations: [] };
        if (!token || token.ended_at !== null) return refused;
        if (token.used_at !== null) {
          // Tabs of one browser refresh at the same time. Who asked before the first use was over is no thief.
          if (startedMs > Number(token.used_at)) {
            await noteReuse?.(tx);
            return { rotated: false, revocations: await endFamilies(tx, [token.family_id], nowMs) };
          }
          await db.execute("UPDATE families SET issued_at = ? WHERE id = ?", [startedMs, token.family_id], tx);
          return { rotated: true, revocations: [] };
        }
        if (Number(token.expires_at) <= nowMs) return refused;
        const expiresAt = nowMs + refreshTokenMs;
        await db.execute("UPDATE refresh_tokens SET used_at = ? WHERE digest = ?", [nowMs, digest], tx);
        await db.execute(
          `INSERT INTO refresh_tokens (digest, family_id, expires_at) VALUES (${marks(3)})`,
          [successor, token.family_id, expiresAt],
          tx,
        );
        await db.execute(
          "UPDATE families SET issued_at = ?, expires_at = ? WHERE id = ?",
          [startedMs, expiresAt, token.family_id],
          tx,
        );
        return { rotated: true, revocations: [] };
      }),
    async ofUser(userId) {
      const rows = await db.select<
        Record<"created_at" | "issued_at" | "expires_at" | "ended_at", number | string | null>
      >("SELECT created_at, issued_at, expires_at, ended_at FROM families WHERE user_id = ? ORDER BY id", [userId]);
      return rows.map((row) => ({
        startedAt: toIso(Number(row.created_at)),
        renewedAt: toIso(Number(row.issued_at)),
        expiresAt: toIso(Number(row.expires_at)),
        endedAt: row.ended_at === null ? null : toIso(Number(row.ended_at)),
      }));
    },
    end: (userId, familyId, note) =>
      db.transaction(async (tx) => {
        await note?.(tx);
        await lockAccount(tx, userId);
        return endFamilies(tx, [familyId], now());
      }),
    endOthers: (userId, keepFamilyId) =>
      db.transaction(async (tx) => {
        await lockAccount(tx, userId);
        const nowMs = now();
        // a log-in under way may rest on what was true a moment ago
        await db.execute("UPDATE accounts SET revoked_at = ? WHERE user_id = ?", [nowMs + 1, userId], tx);
        const others = await db.select<{ id: string }>(
          "SELECT id FROM families WHERE user_id = ? AND ended_at IS NULL AND id <> ?",
          [userId, keepFamilyId],
          tx,
        );
        return endFamilies(
          tx,
          others.map(({ id }) => id),
          nowMs,
        );
      }),
    endAll: (userId, cause, note) =>
      db.transaction(async (tx) => {
        if (cause && !(await cause.delivery.record(tx))) return [];
        await note?.(tx);
        return endAllWithin(tx, userId, cause?.beforeMs);
      }),
    forget: (userId, { beforeMs, delivery }) =>
      db.transaction(async (tx) => {
        if (!(await delivery.record(tx))) return [];
        const revoked = await endAllWithin(tx, userId, beforeMs);
        // first which they are: to delete by a subquery MariaDB would look at everybody's tokens
        const own = await db.select<{ id: string }>("SELECT id FROM families WHERE user_id = ?", [userId], tx);
        if (own.length > 0) {
          await db.execute(
            `DELETE FROM refresh_tokens WHERE family_id IN (${marks(own.length)})`,
            own.map(({ id }) => id),
            tx,
          );
        }
        await db.execute("DELETE FROM families WHERE user_id = ?", [userId], tx);
        await db.execute("DELETE FROM reset_tokens WHERE user_id = ?", [userId], tx);
        return revoked;
      }),
  };
}
