import { clockOf, marks, type Database, type Dialect } from "./database.ts";
import { lowestIdAt } from "./ids.ts";
import type { ColumnTypes } from "./migrations.ts";

/**
 * What happens to rows that have done their work: they go to an archive table in the same database, so that the tables
 * of the day stay as large as the days that settings say. A row is moved in one transaction. So in any one statement it
 * is in exactly one of the two, and who reads both reads them in one statement.
 */
export interface ArchivedTable {
  table: string;
  /** The columns of the primary key. */
  key: readonly string[];
  /** How old a row is: by an id that begins with its time and is the key, or by a column of milliseconds and its index. */
  age: { id: string } | { time: Readonly<Record<Dialect, string>>; index: string };
  /** Which of the old rows may go. */
  settled: string;
  /** What is kept, as archive column and what it is made of. Null: nothing asks for such a row ever again. */
  kept: readonly (readonly [column: string, from: string])[] | null;
}

/** Rows are left where they are for this long at least, whatever settings say. */
export const leastArchiveDays = 1;

/**
 * Who writes by an id of an event looks into the archive only when the event is older than this: what is younger cannot
 * be there. Between the two lies a day's difference of clocks.
 */
const youngMs = 3_600_000;

export const mayBeArchived = (id: string, nowMs: number): boolean => id < lowestIdAt(nowMs - youngMs);

/** What an archive is called. */
export const archiveOf = (table: string): string => `${table}_archive`;

/**
 * Moves up to `limit` rows that are older than `ageMs` and come after `after`. Rows that anybody holds are left alone,
 * nobody who asks for another row waits, and two nodes move different ones.
 */
export async function archiveOld(
  db: Database,
  { table, key, age, settled, kept }: ArchivedTable,
  { ageMs, limit, after = "" }: { ageMs: number; limit: number; after?: string },
): Promise<{ moved: number; last: string | null }> {
  const before = (await earlierClock(db)) - ageMs;
  const isMysql = db.dialect === "mysql";
  const byId = "id" in age;
  const index = isMysql ? `FORCE INDEX (${byId ? "PRIMARY" : age.index})` : "";
  const by = byId ? age.id : age.time[db.dialect];
  const old = byId ? `${by} > ? AND ${by} < ?` : `${by} < ?`;
  return db.transaction(async (tx) => {
    const rows = await db.select<Record<string, string>>(
      `SELECT ${key.join(", ")} FROM ${table} ${index} WHERE ${old} AND ${settled}
       ORDER BY ${by} LIMIT ${limit} ${isMysql ? "FOR UPDATE SKIP LOCKED" : ""}`,
      byId ? [after, lowestIdAt(before)] : [before],
      tx,
    );
    if (rows.length === 0) return { moved: 0, last: null };
    const [one] = key;
    const these =
      key.length === 1 && one !== undefined
        ? { where: `${one} IN (${marks(rows.length)})`, values: rows.map((row) => row[one]) }
        : {
            where: rows.map(() => `(${key.map((column) => `${column} = ?`).join(" AND ")})`).join(" OR "),
            values: rows.flatMap((row) => key.map((column) => row[column])),
          };
    if (kept) {
      await db.execute(
        `INSERT INTO ${archiveOf(table)} (${kept.map(([column]) => column).join(", ")})
         SELECT ${kept.map(([, from]) => from).join(", ")} FROM ${table} WHERE ${these.where}`,
        these.values,
        tx,
      );
    }
    // in the order of the key, which has it go by the key: a scan of a small table would wait for rows that others hold
    const byKey = isMysql ? `ORDER BY ${key.join(", ")} LIMIT ${rows.length}` : "";
    await db.execute(`DELETE FROM ${table} WHERE ${these.where} ${byKey}`, these.values, tx);
    return { moved: rows.length, last: (byId && rows.at(-1)?.[by]) || null };
  });
}

/** The earlier one of this node's clock and the database's, so that a clock that is ahead archives nothing too soon. */
export const earlierClock = async (db: Database): Promise<number> => Math.min(Date.now(), await clockOf(db));

/** Columns that are kept as they are. */
export const asTheyAre = (columns: string): (readonly [string, string])[] =>
  columns.split(/,\s*/).map((column) => [column, column] as const);

/** `<select> UNION ALL <the same of the archive>`, as one statement that sees each row once. */
export const hotAndArchived = (table: string, select: (from: string) => string): string =>
  `${select(table)} UNION ALL ${select(archiveOf(table))}`;

/** The first `limit` rows of both for which `where` holds, each branch no more than those; `values` once for each. */
export const pageOfBoth = (table: string, columns: string, where: string, order: string, limit: number): string =>
  `${hotAndArchived(
    table,
    (from) =>
      `SELECT * FROM (SELECT ${columns} FROM ${from} WHERE ${where} ORDER BY ${order} LIMIT ${limit}) AS of_${from}`,
  )} ORDER BY ${order} LIMIT ${limit}`;

export interface CountedTypes {
  counts: Record<string, number>;
  /** To go on after; null at the end. */
  next: string | null;
}

const countedInPage = 20_000;

/** How many events of each type there are, so many of them at a time. */
export async function countTypes(db: Database, table: string, id: string, after: string | null): Promise<CountedTypes> {
  const rows = await db.select<{ type: string; n: number | string; last: string }>(
    `SELECT type, COUNT(*) AS n, MAX(id) AS last
     FROM (${pageOfBoth(table, `${id} AS id, type`, `${id} > ?`, "id", countedInPage)}) AS page GROUP BY type`,
    [after ?? "", after ?? ""],
  );
  const counts = Object.fromEntries(rows.map(({ type, n }) => [type, Number(n)]));
  const seen = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const last =
    rows
      .map((row) => row.last)
      .sort()
      .at(-1) ?? null;
  return { counts, next: seen < countedInPage ? null : last };
}

/** Of an inbox stays that an event was applied; what it said its outbox has. */
export const inboxArchive: ArchivedTable = {
  table: "inbox",
  key: ["event_id"],
  age: { id: "event_id" },
  settled: "status = 'APPLIED'",
  kept: asTheyAre("event_id, type, subject, sequence, attempts, received_at, applied_at"),
};

export const inboxArchiveTable = (t: ColumnTypes): string[] => [
  `CREATE TABLE inbox_archive (
    event_id ${t.id} PRIMARY KEY,
    type ${t.word} NOT NULL,
    subject ${t.id} NOT NULL,
    sequence ${t.integer} NOT NULL,
    attempts ${t.integer} NOT NULL,
    received_at ${t.time} NOT NULL,
    applied_at ${t.time} NOT NULL
  ) ${t.options}`,
  "CREATE INDEX inbox_archive_subject ON inbox_archive (subject, sequence)",
];

/** Of an outbox stays everything: a consumer that lacks an event, or a new one, can still be sent it. */
export const outboxArchive = {
  table: "outbox",
  key: ["id"],
  age: { id: "id" },
  settled: "published_at IS NOT NULL",
  kept: asTheyAre("id, type, subject, sequence, data, traceparent, created_at, published_at, attempts"),
} satisfies ArchivedTable;

export const outboxArchiveTable = (t: ColumnTypes): string[] => [
  `CREATE TABLE outbox_archive (
    id ${t.id} PRIMARY KEY,
    type ${t.word} NOT NULL,
    subject ${t.id} NOT NULL,
    sequence ${t.integer} NOT NULL,
    data ${t.json} NOT NULL,
    traceparent ${t.word},
    created_at ${t.time} NOT NULL,
    published_at ${t.time} NOT NULL,
    attempts ${t.integer} NOT NULL
  ) ${t.options}`,
  "CREATE INDEX outbox_archive_subject ON outbox_archive (subject, sequence)",
];
