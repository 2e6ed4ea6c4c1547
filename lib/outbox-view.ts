import type { OutboxActions, OutboxRow } from "../contracts/queues.ts";
import { nextKey, type Phase } from "./audit.ts";
import { marks, type Database } from "./database.ts";
import { toIso, toIsoOrNull } from "./time.ts";

/** What an operator can ask of an outbox, and do to it. */
export interface OutboxView {
  state(): Promise<OutboxActions["outboxState"]["result"]>;
  of(subjects: readonly string[]): Promise<OutboxRow[]>;
  published(after: string | null, limit: number): Promise<{ id: string; type: string }[]>;
  /** Published or not, by id. */
  since(after: string, limit: number): Promise<OutboxRow[]>;
  counts(): Promise<Record<string, number>>;
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

const columns = "id, type, subject, sequence, created_at, published_at, attempts, last_error";
const shown = 20;
const subjectsInPage = 1_000;

export function viewOutbox(db: Database, now: () => number = Date.now): OutboxView {
  const select = async (where: string, values: readonly unknown[]): Promise<OutboxRow[]> =>
    (await db.select<Row>(`SELECT ${columns} FROM outbox WHERE ${where}`, values)).map(toView);

  return {
    async state() {
      const [row] = await db.select<{ n: number | string; oldest: number | string | null }>(
        "SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM outbox WHERE published_at IS NULL",
      );
      const oldest = row?.oldest ?? null;
      return {
        rows: Number(row?.n ?? 0),
        oldestAt: oldest === null ? null : toIso(Number(oldest)),
        oldest: await select(`published_at IS NULL ORDER BY id LIMIT ${shown}`, []),
      };
    },
    of: (subjects) =>
      subjects.length === 0
        ? Promise.resolve([])
        : select(`subject IN (${marks(subjects.length)}) ORDER BY subject, sequence`, subjects),
    published: (after, limit) =>
      db.select<{ id: string; type: string }>(
        `SELECT id, type FROM outbox WHERE published_at IS NOT NULL AND id > ? ORDER BY id LIMIT ${limit}`,
        [after ?? ""],
      ),
    since: (after, limit) => select(`id > ? ORDER BY id LIMIT ${limit}`, [after]),
    async counts() {
      const rows = await db.select<{ type: string; n: number | string }>(
        "SELECT type, COUNT(*) AS n FROM outbox GROUP BY type",
      );
      return Object.fromEntries(rows.map(({ type, n }) => [type, Number(n)]));
    },
    async sequences(after, found) {
      const rows = await db.select<{ subject: string; n: number | string; first: number; last: number | string }>(
        `SELECT subject, COUNT(*) AS n, MIN(sequence) AS first, MAX(sequence) AS last FROM outbox
         WHERE subject > ? GROUP BY subject ORDER BY subject LIMIT ${subjectsInPage}`,
        [after ?? ""],
      );
      for (const { subject, n, first, last } of rows) {
        found.see("outbox.sequences", subject, Number(first) === 1 && Number(last) === Number(n));
      }
      return nextKey(rows, subjectsInPage, ({ subject }) => subject);
    },
    async republish(ids) {
      if (ids.length === 0) return 0;
      return db.execute(
        `UPDATE outbox SET published_at = NULL, attempts = 0, due_at = ? WHERE published_at IS NOT NULL AND id IN (${marks(ids.length)})`,
        [now(), ...ids],
      );
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
