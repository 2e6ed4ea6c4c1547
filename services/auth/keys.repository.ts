import type { Jwk } from "../../contracts/auth.ts";
import type { Note } from "../../lib/audit-log.ts";
import { marks, type Database } from "../../lib/database.ts";
import { isUniqueViolation } from "../../lib/database-errors.ts";

export interface StoredKey {
  /** Counts 1, 2, 3 …; of two nodes that make the same one, the first wins. */
  generation: number;
  kid: string;
  publicKey: Jwk;
  sealedPrivateKey: string;
  createdAt: number;
}

export interface KeysRepository {
  /** Oldest first. */
  all(): Promise<StoredKey[]>;
  /** False when another node has made this generation. */
  add(key: StoredKey, note?: Note): Promise<boolean>;
  /** Replaces a sealed key by the same one under another secret; nothing where another node has done it. */
  reseal(kid: string, from: string, to: string): Promise<void>;
  removeBefore(generation: number): Promise<void>;
}

interface Row {
  generation: number | string;
  kid: string;
  public_key: string;
  sealed_private_key: string;
  created_at: number | string;
}

export function keysRepository(db: Database): KeysRepository {
  return {
    async all() {
      const rows = await db.select<Row>(
        "SELECT generation, kid, public_key, sealed_private_key, created_at FROM signing_keys ORDER BY generation",
      );
      return rows.map((row) => ({
        generation: Number(row.generation),
        kid: row.kid,
        publicKey: JSON.parse(row.public_key) as Jwk,
        sealedPrivateKey: row.sealed_private_key,
        createdAt: Number(row.created_at),
      }));
    },
    async add({ generation, kid, publicKey, sealedPrivateKey, createdAt }, note) {
      try {
        await db.transaction(async (tx) => {
          await db.execute(
            `INSERT INTO signing_keys (generation, kid, public_key, sealed_private_key, created_at) VALUES (${marks(5)})`,
            [generation, kid, JSON.stringify(publicKey), sealedPrivateKey, createdAt],
            tx,
          );
          await note?.(tx);
        });
        return true;
      } catch (error) {
        if (isUniqueViolation(error)) return false;
        throw error;
      }
    },
    async reseal(kid, from, to) {
      await db.execute("UPDATE signing_keys SET sealed_private_key = ? WHERE kid = ? AND sealed_private_key = ?", [
        to,
        kid,
        from,
      ]);
    },
    async removeBefore(generation) {
      await db.execute("DELETE FROM signing_keys WHERE generation < ?", [generation]);
    },
  };
}
