import type { Revocation } from "../../contracts/auth.ts";
import { accessTokenSeconds } from "../../lib/access-token.ts";
import { tuples, type Database, type Tx } from "../../lib/database.ts";

/** How long a revocation matters: a token's life, and a minute for clocks that differ. */
export const revocationMs = (accessTokenSeconds + 60) * 1000;

export interface RevocationsRepository {
  /** Stores revocations; no smaller number is committed after a greater one. */
  add(tx: Tx, revoked: readonly Omit<Revocation, "sequence">[], nowMs: number): Promise<Revocation[]>;
  /** Those after a sequence number that can still meet a living token. */
  after(sequence: number, nowMs: number): Promise<Revocation[]>;
}

interface Row {
  sequence: number | string;
  subject: string;
  issued_before: number | string;
}

export function revocationsRepository(db: Database): RevocationsRepository {
  return {
    async add(tx, revoked, nowMs) {
      if (revoked.length === 0) return [];
      // the row stays locked until the commit
      await db.execute("UPDATE revocation_counter SET value = value + ? WHERE id = 1", [revoked.length], tx);
      const [counter] = await db.select<{ value: number | string }>(
        "SELECT value FROM revocation_counter WHERE id = 1",
        [],
        tx,
      );
      const first = Number(counter?.value) - revoked.length + 1;
      const numbered = revoked.map((revocation, i) => ({ ...revocation, sequence: first + i }));
      await db.execute(
        `INSERT INTO revocations (sequence, subject, issued_before, until_at) VALUES ${tuples(numbered.length, 4)}`,
        numbered.flatMap(({ sequence, subject, issuedBefore }) => [
          sequence,
          subject,
          issuedBefore,
          nowMs + revocationMs,
        ]),
        tx,
      );
      return numbered;
    },
    async after(sequence, nowMs) {
      const rows = await db.select<Row>(
        `SELECT sequence, subject, issued_before FROM revocations WHERE sequence > ? AND until_at > ? ORDER BY sequence`,
        [sequence, nowMs],
      );
      return rows.map((row) => ({
        sequence: Number(row.sequence),
        subject: row.subject,
        issuedBefore: Number(row.issued_before),
      }));
    },
  };
}
