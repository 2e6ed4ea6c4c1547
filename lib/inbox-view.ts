import type { CloudEvent } from "../contracts/events.ts";
import type { InboxActions, InboxRow } from "../contracts/queues.ts";
import type { Note } from "./audit-log.ts";
import { marks, type Database } from "./database.ts";
import { toIso, toIsoOrNull } from "./time.ts";

/** What an operator can ask of an inbox, and do to it. */
export interface InboxView {
  state(): Promise<InboxActions["inboxState"]["result"]>;
  of(subjects: readonly string[]): Promise<InboxRow[]>;
  find(id: string): Promise<InboxRow | null>;
  missing(ids: readonly string[]): Promise<string[]>;
  counts(): Promise<Record<string, number>>;
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
  event: string;
  status: string;
  attempts: number | string;
  received_at: number | string;
  due_at: number | string;
  applied_at: number | string | null;
  last_error: string | null;
}

const columns = "event_id, event, status, attempts, received_at, due_at, applied_at, last_error";
const shown = 20;

export function viewInbox(db: Database, now: () => number = Date.now): InboxView {
  const select = async (where: string, values: readonly unknown[]): Promise<InboxRow[]> =>
    (await db.select<Row>(`SELECT ${columns} FROM inbox WHERE ${where}`, values)).map(toView);

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
        : select(`subject IN (${marks(subjects.length)}) ORDER BY subject, sequence`, subjects),
    async find(id) {
      return (await select("event_id = ?", [id]))[0] ?? null;
    },
    async missing(ids) {
      if (ids.length === 0) return [];
      const rows = await db.select<{ event_id: string }>(
        `SELECT event_id FROM inbox WHERE event_id IN (${marks(ids.length)})`,
        ids,
      );
      const here = new Set(rows.map(({ event_id }) => event_id));
      return ids.filter((id) => !here.has(id));
    },
    async counts() {
      const rows = await db.select<{ type: string; n: number | string }>(
        "SELECT type, COUNT(*) AS n FROM inbox GROUP BY type",
      );
      return Object.fromEntries(rows.map(({ type, n }) => [type, Number(n)]));
    },
    deadLetters: ({ before, orEqual, limit }) =>
      select(
        `status = 'DEAD'${before === null ? "" : ` AND event_id ${orEqual ? "<=" : "<"} ?`} ORDER BY event_id DESC LIMIT ${limit}`,
        before === null ? [] : [before],
      ),
    async settled(ids) {
      if (ids.length === 0) return [];
      const rows = await db.select<{ event_id: string }>(
        `SELECT event_id FROM inbox WHERE status <> 'DEAD' AND event_id IN (${marks(ids.length)})`,
        ids,
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
  const { id, type, subject, sequence, time } = JSON.parse(row.event) as CloudEvent;
  return {
    id,
    type,
    subject,
    sequence,
    time,
    status: row.status as InboxRow["status"],
    attempts: Number(row.attempts),
    receivedAt: toIso(Number(row.received_at)),
    appliedAt: toIsoOrNull(row.applied_at === null ? null : Number(row.applied_at)),
    dueAt: toIso(Number(row.due_at)),
    lastError: row.last_error,
  };
}
