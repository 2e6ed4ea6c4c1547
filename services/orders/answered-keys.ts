import { asTheyAre, hotAndArchived, type ArchivedTable } from "../../lib/archive.ts";

// Keys that were answered, in the table of the day or in its archive: a key is good for as long as orders are.

const table = "idempotency_keys";

/** On SQLite rows are as old as they say; see the migration. */
export const keysArchive: ArchivedTable = {
  table,
  key: ["user_id", "idempotency_key"],
  age: { time: { mysql: "kept_at", sqlite: "created_at" }, index: "idempotency_keys_age" },
  settled: "1 = 1",
  kept: asTheyAre("user_id, idempotency_key, fingerprint, status, body, created_at"),
};

/**
 * `columns` of the answered keys for which `where` holds. Both tables in one statement: a key that is being moved is seen
 * in one of them. `values`: what `where` needs, once for each.
 */
export const answeredKeys = (columns: string, where: string): string =>
  hotAndArchived(table, (from) => `SELECT ${columns} FROM ${from} WHERE ${where}`);
