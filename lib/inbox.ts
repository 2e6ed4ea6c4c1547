import { marks, tuples, type Database, type Tx } from "./database.ts";
import type { CloudEvent } from "../contracts/events.ts";
import type { ColumnTypes } from "./migrations.ts";
import { backoffMs } from "./time.ts";

/**
 * The inbox of a consumer: every event it was given, by id, and whether it was applied. It is the durable queue of
 * in-process delivery, the record that makes a second delivery do nothing, and the table of dead letters.
 */
export interface Inbox {
  /** Keeps events that are new; those seen before are left as they are. Committed when it resolves. */
  receive(events: readonly CloudEvent[]): Promise<void>;
  /** Marks an event as applied in the transaction that applies it; false when it was applied before. */
  record(tx: Tx, eventId: string): Promise<boolean>;
  /** Takes the data out of the applied events about `subject`: who is erased is not kept in what was once told of them. */
  forget(subject: string): Promise<void>;
  /**
   * The oldest due events, none before an earlier one of its subject was applied or died. Nodes that share a database
   * get different ones, each for some seconds.
   */
  due(limit: number): Promise<Waiting[]>;
  /** After a failure: tries again later, or, after `maxAttempts`, makes it a dead letter with its error. */
  failed(waiting: Waiting, error: string): Promise<"waiting" | "dead">;
  /** How many events were not applied yet, when the oldest came, and how many are dead letters. */
  backlog(): Promise<{ waiting: number; oldestMs: number | null; dead: number }>;
}

export interface Waiting {
  event: CloudEvent;
  /** How often it was tried and failed. */
  attempts: number;
}

/** With delays that grow to a minute, 20 tries bridge an outage of about a quarter of an hour. */
export const maxAttempts = 20;
const firstRetryMs = 100;
const mostRetryMs = 60_000;
/** How long a node has the events it took for itself; those of one that died are taken up by another then. */
const claimMs = 5_000;

export const inboxTable = (t: ColumnTypes): string[] => [
  `CREATE TABLE inbox (
    event_id ${t.id} PRIMARY KEY,
    type ${t.word} NOT NULL,
    subject ${t.id} NOT NULL,
    sequence ${t.integer} NOT NULL,
    event ${t.json} NOT NULL,
    status ${t.word} NOT NULL,
    attempts ${t.integer} NOT NULL DEFAULT 0,
    received_at ${t.time} NOT NULL,
    due_at ${t.time} NOT NULL,
    applied_at ${t.time},
    last_error ${t.text}
  ) ${t.options}`,
  "CREATE INDEX inbox_waiting ON inbox (status, due_at, event_id)",
  "CREATE INDEX inbox_subject ON inbox (subject, status, sequence)",
];

interface Row {
  event_id: string;
  event: string;
  attempts: number | string;
}

export function openInbox(db: Database, now: () => number = Date.now): Inbox {
  // in the order of the index, so that no more rows are looked at, and locked, than are taken
  const dueRows = (limit: number, tx?: Tx): Promise<Row[]> =>
    db.select<Row>(
      `SELECT event_id, event, attempts FROM inbox AS i
       WHERE status = 'WAITING' AND due_at <= ? AND NOT EXISTS (
         SELECT 1 FROM inbox AS earlier
         WHERE earlier.subject = i.subject AND earlier.status = 'WAITING' AND earlier.sequence < i.sequence)
       ORDER BY due_at, event_id LIMIT ${limit} ${tx ? "FOR UPDATE SKIP LOCKED" : ""}`,
      [now()],
      tx,
    );

  /** Of nodes that apply the same event at once, all but one would wait for its locks and then find it applied. */
  const claim = async (limit: number, tx: Tx): Promise<Row[]> => {
    const rows = await dueRows(limit, tx);
    if (rows.length === 0) return rows;
    const ids = rows.map(({ event_id }) => event_id);
    await db.execute(
      `UPDATE inbox SET due_at = ? WHERE event_id IN (${marks(ids.length)})`,
      [now() + claimMs, ...ids],
      tx,
    );
    return rows;
  };

  return {
    async receive(events) {
      if (events.length === 0) return;
      const nowMs = now();
      const values = events.flatMap((event) => [
        event.id,
        event.type,
        event.subject,
        event.sequence,
        JSON.stringify(event),
        "WAITING",
        nowMs,
        nowMs,
      ]);
      const insert = db.dialect === "mysql" ? "INSERT IGNORE INTO" : "INSERT OR IGNORE INTO";
      await db.transaction((tx) =>
        db.execute(
          `${insert} inbox (event_id, type, subject, sequence, event, status, received_at, due_at) VALUES ${tuples(events.length, 8)}`,
          values,
          tx,
        ),
      );
    },
    async record(tx, eventId) {
      const changed = await db.execute(
        "UPDATE inbox SET status = 'APPLIED', applied_at = ?, last_error = NULL WHERE event_id = ? AND status <> 'APPLIED'",
        [now(), eventId],
        tx,
      );
      return changed === 1;
    },
    async forget(subject) {
      const rows = await db.select<Row>(
        "SELECT event_id, event, attempts FROM inbox WHERE subject = ? AND status = 'APPLIED'",
        [subject],
      );
      for (const { event_id, event } of rows) {
        const kept = { ...(JSON.parse(event) as CloudEvent), data: {} };
        await db.execute("UPDATE inbox SET event = ? WHERE event_id = ?", [JSON.stringify(kept), event_id]);
      }
    },
    async due(limit) {
      const rows = db.dialect === "mysql" ? await db.transaction((tx) => claim(limit, tx)) : await dueRows(limit);
      return rows.map((row) => ({ event: JSON.parse(row.event) as CloudEvent, attempts: Number(row.attempts) }));
    },
    async failed({ event, attempts }, error) {
      const tried = attempts + 1;
      const status = tried >= maxAttempts ? "DEAD" : "WAITING";
      await db.execute(
        "UPDATE inbox SET status = ?, attempts = ?, due_at = ?, last_error = ? WHERE event_id = ? AND status = 'WAITING'",
        [
          status,
          tried,
          // of a dead letter, when it died
          now() + (status === "DEAD" ? 0 : backoffMs(tried, firstRetryMs, mostRetryMs, Math.random())),
          error.slice(0, 4_000),
          event.id,
        ],
      );
      return status === "DEAD" ? "dead" : "waiting";
    },
    async backlog() {
      const rows = await db.select<{ status: string; n: number | string; received: number | string }>(
        // ids grow with time, and the index alone answers for them: what waits may be much
        `SELECT held.status, held.n, inbox.received_at AS received
         FROM (SELECT status, COUNT(*) AS n, MIN(event_id) AS event_id FROM inbox
               WHERE status IN ('WAITING', 'DEAD') GROUP BY status) AS held
         JOIN inbox ON inbox.event_id = held.event_id`,
      );
      const of = (status: string) => rows.find((row) => row.status === status);
      const waiting = of("WAITING");
      return {
        waiting: Number(waiting?.n ?? 0),
        oldestMs: waiting ? Number(waiting.received) : null,
        dead: Number(of("DEAD")?.n ?? 0),
      };
    },
  };
}
