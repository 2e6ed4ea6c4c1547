import type { CloudEvent } from "../contracts/events.ts";
import type { InboxActions, InboxRow } from "../contracts/queues.ts";
import { countTypes, hotAndArchived, type CountedTypes } from "./archive.ts";
import type { Note } from "./audit-log.ts";
import { marks, type Database } from "./database.ts";
import { timeOfId } from "./ids.ts";
import { toIso, toIsoOrNull } from "./time.ts";

/** What an operator can ask of an inbox, and do to it. */
export interface InboxView {
  state(): Promise<InboxActions["inboxState"]["result"]>;
  of(subjects: readonly string[]): Promise<InboxRow[]>;
  find(id: string): Promise<InboxRow | null>;
  missing(ids: readonly string[]): Promise<string[]>;
  counts(after: string | null): Promise<CountedTypes>;
  deadLetters(range: InboxActions["deadLetters"]["params"]): Promise<InboxRow[]>;
  /** Which of these events are here and no dead letters. */
  settled(ids: readonly string[]): Promise<string[]>;
  /** Lets a dead letter be tried again from the start; false when it is none. */
  redrive(id: string, note: Note): Promise<boolean>;
  /** Makes everything that waits due now. */
  hasten(): Promise<void>;
}

interface Row {
  event_id: string;
  type: string;
  subject: string;
  sequence: number | string;
  /** Null: it is in the archive, which does not have what it said. */
  event: string | null;
  status: string;
  attempts: number | string;
  received_at: number | string;
  due_at: number | string;
  applied_at: number | string | null;
  last_error: string | null;
}

const common = "event_id, type, subject, sequence, attempts, received_at, applied_at";
const columns = `${common}, event, status, due_at, last_error`;
const archivedColumns = `${common}, NULL AS event, 'APPLIED' AS status, applied_at AS due_at, NULL AS last_error`;
const shown = 20;

export function viewInbox(db: Database, now: () => number = Date.now): InboxView {
  const select = async (where: string, values: readonly unknown[]): Promise<InboxRow[]> =>
    (await db.select<Row>(`SELECT ${columns} FROM inbox WHERE ${where}`, values)).map(toView);

  const selectBoth = async (where: string, values: readonly unknown[], order: string): Promise<InboxRow[]> => {
    const rows = await db.select<Row>(
      `SELECT ${columns} FROM inbox WHERE ${where}
       UNION ALL SELECT ${archivedColumns} FROM inbox_archive WHERE ${where} ORDER BY ${order}`,
      [...values, ...values],
    );
    return rows.map(toView);
  };

  return {
    async state() {
      const rows = await db.select<{ status: string; n: number | string; oldest: number | string | null }>(
        "SELECT status, COUNT(*) AS n, MIN(received_at) AS oldest FROM inbox WHERE status IN ('WAITING', 'DEAD') GROUP BY status",
      );
      const of = (status: string) => rows.find((row) => row.status === status);
      const oldest = of("WAITING")?.oldest ?? null;
      return {
        waiting: Number(of("WAITING")?.n ?? 0),
        dead: Number(of("DEAD")?.n ?? 0),
        oldestAt: oldest === null ? null : toIso(Number(oldest)),
        oldestWaiting: await select(`status = 'WAITING' ORDER BY event_id LIMIT ${shown}`, []),
      };
    },
    of: (subjects) =>
      subjects.length === 0
        ? Promise.resolve([])
        : selectBoth(`subject IN (${marks(subjects.length)})`, subjects, "subject, sequence"),
    async find(id) {
      return (await selectBoth("event_id = ?", [id], "event_id"))[0] ?? null;
    },
    async missing(ids) {
      if (ids.length === 0) return [];
      const rows = await db.select<{ event_id: string }>(
        hotAndArchived("inbox", (from) => `SELECT event_id FROM ${from} WHERE event_id IN (${marks(ids.length)})`),
        [...ids, ...ids],
      );
      const here = new Set(rows.map(({ event_id }) => event_id));
      return ids.filter((id) => !here.has(id));
    },
    counts: (after) => countTypes(db, "inbox", "event_id", after),
    deadLetters: ({ before, orEqual, limit }) =>
      select(
        `status = 'DEAD'${before === null ? "" : ` AND event_id ${orEqual ? "<=" : "<"} ?`} ORDER BY event_id DESC LIMIT ${limit}`,
        before === null ? [] : [before],
      ),
    async settled(ids) {
      if (ids.length === 0) return [];
      const rows = await db.select<{ event_id: string }>(
        `SELECT event_id FROM inbox WHERE status <> 'DEAD' AND event_id IN (${marks(ids.length)})
         UNION ALL SELECT event_id FROM inbox_archive WHERE event_id IN (${marks(ids.length)})`,
        [...ids, ...ids],
      );
      return rows.map(({ event_id }) => event_id);
    },
    redrive: (id, note) =>
      db.transaction(async (tx) => {
        const changed = await db.execute(
          "UPDATE inbox SET status = 'WAITING', attempts = 0, due_at = ? WHERE event_id = ? AND status = 'DEAD'",
          [now(), id],
          tx,
        );
        if (changed === 1) await note(tx);
        return changed === 1;
      }),
    async hasten() {
      await db.execute("UPDATE inbox SET due_at = ? WHERE status = 'WAITING' AND due_at > ?", [now(), now()]);
    },
  };
}

function toView(row: Row): InboxRow {
  return {
    id: row.event_id,
    type: row.type,
    subject: row.subject,
    sequence: Number(row.sequence),
    time: row.event === null ? toIso(timeOfId(row.event_id)) : (JSON.parse(row.event) as CloudEvent).time,
    status: row.status as InboxRow["status"],
    attempts: Number(row.attempts),
    receivedAt: toIso(Number(row.received_at)),
    appliedAt: toIsoOrNull(row.applied_at === null ? null : Number(row.applied_at)),
    dueAt: toIso(Number(row.due_at)),
    lastError: row.last_error,
  };
}
