import type { Database, Tx } from "../../lib/database.ts";
import { groupReads, type GroupReads } from "../../lib/group-reads.ts";
import { archiveOf, asTheyAre, hotAndArchived, type ArchivedTable } from "../../lib/archive.ts";
import type { StoredResponse } from "./idempotency.ts";

// Keys that were answered, in the table of the day or in its archive: a key is good for as long as orders are.

const table = "idempotency_keys";
const answerColumns = "user_id, idempotency_key, fingerprint, status, body, created_at";

/** On SQLite rows are as old as they say; see the migration. */
export const keysArchive: ArchivedTable = {
  table,
  key: ["user_id", "idempotency_key"],
  age: { time: { mysql: "kept_at", sqlite: "created_at" }, index: "idempotency_keys_age" },
  settled: "1 = 1",
  kept: asTheyAre(answerColumns),
};

/**
 * `columns` of the answered keys for which `where` holds. Both tables in one statement: a key that is being moved is seen
 * in one of them. `values`: what `where` needs, once for each.
 */
export const answeredKeys = (columns: string, where: string): string =>
  hotAndArchived(table, (from) => `SELECT ${columns} FROM ${from} WHERE ${where}`);

type Answer = StoredResponse & { fingerprint: string };

interface AnswerRow {
  user_id: string;
  idempotency_key: string;
  fingerprint: string;
  status: number | string;
  body: string;
}

/** Whether any of these keys was asked with, for one of both tables; SQLite has no lists of pairs. */
export const oneOfKeys = (keys: readonly unknown[]): string =>
  keys.map(() => "(user_id = ? AND idempotency_key = ?)").join(" OR ") || "1 = 0";

/**
 * For keys that were just written: fails as for one that is there already when the archive has one of them. The answer that
 * is there would come beside the one that was written, and a key is nobody's twice; where the archive has none, none comes.
 */
export async function refuseArchived(
  db: Database,
  tx: Tx,
  keys: readonly { userId: string; key: string }[],
): Promise<void> {
  if (keys.length === 0) return;
  await db.write(
    `INSERT INTO ${table} (${answerColumns})
     SELECT ${answerColumns} FROM ${archiveOf(table)} WHERE ${oneOfKeys(keys)}`,
    keys.flatMap(({ userId, key }) => [userId, key]),
    tx,
  );
}

/** What was answered to a user's key; null: nothing yet. */
export function storedAnswers(db: Database): GroupReads<{ userId: string; key: string }, Answer | null> {
  return groupReads(async (asked) => {
    const values = asked.flatMap(({ userId, key }) => [userId, key]);
    const rows = await db.select<AnswerRow>(
      answeredKeys("user_id, idempotency_key, fingerprint, status, body", oneOfKeys(asked)),
      [...values, ...values],
    );
    const found = new Map(rows.map((row) => [nameOf(row.user_id, row.idempotency_key), row]));
    return asked.map(({ userId, key }) => {
      const row = found.get(nameOf(userId, key));
      return row ? toAnswer(row) : null;
    });
  });
}

const nameOf = (userId: string, key: string): string => `${userId}\n${key}`;

const toAnswer = ({ fingerprint, status, body }: AnswerRow): Answer => ({
  fingerprint,
  status: Number(status),
  body: JSON.parse(body) as StoredResponse["body"],
});
