import type { Connection, RowDataPacket } from "mysql2/promise";

/** The statement that counts, as `behind`, what waits in every outbox and inbox there is. */
export async function queuesOfAll(database: Connection): Promise<string> {
  const [tables] = await database.query<RowDataPacket[]>(
    "SELECT table_schema AS db, table_name AS name FROM information_schema.tables WHERE table_name IN ('outbox', 'inbox')",
  );
  const counts = tables.map(({ db, name }) => {
    const waits = name === "outbox" ? "published_at IS NULL" : "status = 'WAITING'";
    return `(SELECT COUNT(*) FROM ${String(db)}.${String(name)} WHERE ${waits})`;
  });
  return `SELECT ${counts.join(" + ")} AS behind`;
}
