import type { OutboxActions, OutboxRow } from "../contracts/queues.ts";
import { countTypes, hotAndArchived, outboxArchive, pageOfBoth, type CountedTypes } from "./archive.ts";
import { nextKey, type Phase } from "./audit.ts";
import { marks, type Database } from "./database.ts";
import { toIso, toIsoOrNull } from "./time.ts";

/** What an operator can ask of an outbox, and do to it. */
export interface OutboxView {
  state(): Promise<OutboxActions["outboxState"]["result"]>;
  of(subjects: readonly string[]): Promise<OutboxRow[]>;
  published(after: string | null, limit: number): Promise<{ id: string; type: string }[]>;
  /** Those that left after one time and until another, by id. */
  publishedIn(span: OutboxActions["outboxPublishedIn"]["params"]): Promise<{ id: string; type: string }[]>;
  /** Published or not, by id. */
  since(after: string, limit: number): Promise<OutboxRow[]>;
  counts(after: string | null): Promise<CountedTypes>;
  /** Whether the events of each subject count 1, 2, 3 … */
  sequences: Phase;
  /** Lets published events leave once more; answers with how many there are. */
  republish(ids: readonly string[]): Promise<number>;
  /** Makes everything that has not left due now. */
  hasten(): Promise<void>;
}

interface Row {
  id: string;
  type: string;
  subject: string;
  sequence: number | string;
  created_at: number | string;
  published_at: number | string | null;
  attempts: number | string;
  last_error: string | null;
}

const common = "id, type, subject, sequence, created_at, published_at, attempts";
const columns = `${common}, last_error`;
const archivedColumns = outboxArchive.kept.map(([column]) => column).join(", ");
const shown = 20;
const subjectsInPage = 1_000;

export function viewOutbox(db: Database, now: () => number = Date.now): OutboxView {
  const select = async (where: string, values: readonly unknown[]): Promise<OutboxRow[]> =>
    (await db.select<Row>(`SELECT ${columns} FROM outbox WHERE ${where}`, values)).map(toView);

  const selectBoth = async (where: string, values: readonly unknown[], order: string): Promise<OutboxRow[]> => {
    const of = (from: string, last: string) => `SELECT ${common}, ${last} AS last_error FROM ${from} WHERE ${where}`;
    const rows = await db.select<Row>(
      `${of("outbox", "last_error")} UNION ALL ${of("outbox_archive", "NULL")} ORDER BY ${order}`,
      [...values, ...values],
    );
    return rows.map(toView);
  };

  return {
    async state() {
      const [row] = await db.select<{ n: number | string; oldest: number | string | null }>(
        "SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM outbox WHERE published_at IS NULL",
      );
      const oldest = row?.oldest ?? null;
      return {
        rows: Number(row?.n ?? 0),
        oldestAt: oldest === null ? null : toIso(Number(oldest)),
        // of the usual nothing no more is asked
        oldest: oldest === null ? [] : await select(`published_at IS NULL ORDER BY id LIMIT ${shown}`, []),
      };
    },
    of: (subjects) =>
      subjects.length === 0
        ? Promise.resolve([])
        : selectBoth(`subject IN (${marks(subjects.length)})`, subjects, "subject, sequence"),
    published: (after, limit) =>
      db.select<{ id: string; type: string }>(
        pageOfBoth("outbox", "id, type", "published_at IS NOT NULL AND id > ?", "id", limit),
        [after ?? "", after ?? ""],
      ),
    publishedIn: ({ afterMs, untilMs, after, limit }) =>
      db.select<{ id: string; type: string }>(
        `SELECT id, type FROM outbox WHERE published_at > ? AND published_at <= ? AND id > ? ORDER BY id LIMIT ${limit}`,
        [afterMs, untilMs, after ?? ""],
      ),
    since: (after, limit) => select(`id > ? ORDER BY id LIMIT ${limit}`, [after]),
    counts: (after) => countTypes(db, "outbox", "id", after),
    async sequences(after, found) {
      // of the first subjects of each of the two, the first of both are whole
      const counted = hotAndArchived(
        "outbox",
        (from) =>
          `SELECT * FROM (SELECT subject, COUNT(*) AS n, MIN(sequence) AS first, MAX(sequence) AS last FROM ${from}
           WHERE subject > ? GROUP BY subject ORDER BY subject LIMIT ${subjectsInPage}) AS of_${from}`,
      );
      const rows = await db.select<{ subject: string; n: number | string; first: number; last: number | string }>(
        `SELECT subject, SUM(n) AS n, MIN(first) AS first, MAX(last) AS last FROM (${counted}) AS counted
         GROUP BY subject ORDER BY subject LIMIT ${subjectsInPage}`,
        [after ?? "", after ?? ""],
      );
      for (const { subject, n, first, last } of rows) {
        found.see("outbox.sequences", subject, Number(first) === 1 && Number(last) === Number(n));
      }
      return nextKey(rows, subjectsInPage, ({ subject }) => subject);
    },
    async republish(ids) {
      if (ids.length === 0) return 0;
      const these = `id IN (${marks(ids.length)})`;
      return db.transaction(async (tx) => {
        await db.execute(
          `INSERT INTO outbox (${archivedColumns}, due_at) SELECT ${archivedColumns}, published_at FROM outbox_archive WHERE ${these}`,
          ids,
          tx,
        );
        await db.execute(`DELETE FROM outbox_archive WHERE ${these}`, ids, tx);
        return db.execute(
          `UPDATE outbox SET published_at = NULL, attempts = 0, due_at = ? WHERE published_at IS NOT NULL AND ${these}`,
          [now(), ...ids],
          tx,
        );
      });
    },
    async hasten() {
      await db.execute("UPDATE outbox SET due_at = ? WHERE published_at IS NULL AND due_at > ?", [now(), now()]);
    },
  };
}

const toView = (row: Row): OutboxRow => ({
  id: row.id,
  type: row.type,
  subject: row.subject,
  sequence: Number(row.sequence),
  createdAt: toIso(Number(row.created_at)),
  publishedAt: toIsoOrNull(row.published_at === null ? null : Number(row.published_at)),
  attempts: Number(row.attempts),
  lastError: row.last_error,
});
