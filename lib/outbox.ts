import { hasRow, insertRows, marks, type Database, type Tx } from "./database.ts";
import type { CloudEvent, EventType, Fact } from "../contracts/events.ts";
import { reach } from "./failpoints.ts";
import type { ColumnTypes } from "./migrations.ts";
import { newId } from "./ids.ts";
import { currentTraceparent } from "./request-context.ts";
import { backoffMs, toIso } from "./time.ts";

/** The outbox of a service: facts that were committed and still have to leave it. */
export interface Outbox {
  /**
   * Writes facts in the transaction that made them true. `sequence` is the number of the subject's last event before
   * these; answers with the number of its last one now.
   */
  append(tx: Tx, subject: string, sequence: number, facts: readonly Fact[], nowMs: number): Promise<number>;
  /** The same for several subjects at once. */
  appendAll(tx: Tx, entries: readonly OutboxEntry[], nowMs: number): Promise<void>;
  /**
   * Takes the oldest due rows, lets `publish` ship them and marks those it answers with; the others wait for a growing
   * time. Two relays never hold the same row. Answers with how many rows were taken. `looksFirst`: there probably are
   * none, and so no transaction is begun before one was seen.
   */
  relay(limit: number, publish: Publish, options?: { looksFirst: boolean }): Promise<number>;
  /** How many rows have not left yet, and the creation time of the oldest. */
  backlog(): Promise<{ rows: number; oldestMs: number | null }>;
}

export interface OutboxEntry {
  subject: string;
  /** The number of the fact within its subject. */
  sequence: number;
  fact: Fact;
  /** When it came true, where that is another time than that of writing. */
  atMs?: number;
  /** What made it come true, where that is not what runs now; null when that was not traced. */
  traceparent?: string | null | undefined;
}

/**
 * Ships events; answers with the ids of those that are safely with their receivers. `away`: nobody was there to take any,
 * which is no failed try of theirs.
 */
export type Publish = (events: CloudEvent[]) => Promise<{ published: string[]; error?: string; away?: boolean }>;

export const outboxTable = (t: ColumnTypes): string[] => [
  `CREATE TABLE outbox (
    id ${t.id} PRIMARY KEY,
    type ${t.word} NOT NULL,
    subject ${t.id} NOT NULL,
    sequence ${t.integer} NOT NULL,
    data ${t.json} NOT NULL,
    traceparent ${t.word},
    created_at ${t.time} NOT NULL,
    published_at ${t.time},
    attempts ${t.integer} NOT NULL DEFAULT 0,
    due_at ${t.time} NOT NULL,
    last_error ${t.text}
  ) ${t.options}`,
  "CREATE INDEX outbox_waiting ON outbox (published_at, due_at, id)",
  "CREATE UNIQUE INDEX outbox_subject ON outbox (subject, sequence)",
];

/** An event as it is stored, before it is in its envelope. */
export interface StoredEvent {
  id: string;
  type: EventType;
  subject: string;
  sequence: number | string;
  data: string;
  traceparent: string | null;
  created_at: number | string;
}

interface Row extends StoredEvent {
  attempts: number | string;
}

const firstRetryMs = 250;
const mostRetryMs = 60_000;

/** What the events of a service name as where they are from. */
export const sourceOf = (service: string): string => `/hub/${service}`;

/** `onCommit` is called after each commit that wrote to the outbox, with what that was. */
export function openOutbox(
  db: Database,
  service: string,
  onCommit: (entries: readonly OutboxEntry[]) => void,
  now: () => number = Date.now,
): Outbox {
  const source = sourceOf(service);

  const appendAll: Outbox["appendAll"] = async (tx, entries, nowMs) => {
    if (entries.length === 0) return;
    await insertRows(
      db,
      tx,
      "outbox (id, type, subject, sequence, data, traceparent, created_at, due_at)",
      entries.map(({ subject, sequence, fact, atMs = nowMs, traceparent = currentTraceparent() }) => [
        ...[newId(), fact.type, subject, sequence, JSON.stringify(fact.data), traceparent, atMs, atMs],
      ]),
    );
    tx.afterCommit(() => onCommit(entries));
  };

  const ship = async (limit: number, publish: Publish, tx?: Tx): Promise<number> => {
    // A row waits for the earlier ones of its subject, so that receivers see each subject in order. Taken in the order of the
    // index: by id, MariaDB reads, and locks, all that wait, or goes through all that was ever published.
    const byDue = db.dialect === "mysql" ? "FORCE INDEX (outbox_waiting)" : "";
    const rows = await db.select<Row>(
      `SELECT id, type, subject, sequence, data, traceparent, created_at, attempts FROM outbox ${byDue}
       WHERE published_at IS NULL AND due_at <= ? ORDER BY due_at, id LIMIT ${limit} ${tx && db.dialect === "mysql" ? "FOR UPDATE SKIP LOCKED" : ""}`,
      [now()],
      tx,
    );
    if (rows.length === 0) return 0;
    const ready = await inOrder(db, rows, tx);
    if (ready.length === 0) return 0;
    await reach("relay.after-claim");
    const { published, error, away = false } = await publish(ready.map((row) => toEvent(row, source)));
    await reach("relay.after-confirm");
    // they go with the first pass after it is back, and not when a delay that grew in the meantime is over
    if (away) return 0;
    const done = new Set(published);
    if (published.length > 0) {
      await db.write(
        `UPDATE outbox SET published_at = ?, last_error = NULL WHERE id IN (${marks(published.length)})`,
        [now(), ...published],
        tx,
      );
    }
    for (const row of ready) {
      if (done.has(row.id)) continue;
      const attempts = Number(row.attempts) + 1;
      await db.write(
        "UPDATE outbox SET attempts = ?, due_at = ?, last_error = ? WHERE id = ?",
        [
          attempts,
          now() + backoffMs(attempts, firstRetryMs, mostRetryMs, Math.random()),
          error ?? "not acknowledged",
          row.id,
        ],
        tx,
      );
    }
    return ready.length;
  };

  return {
    appendAll,
    async append(tx, subject, sequence, facts, nowMs) {
      await appendAll(
        tx,
        facts.map((fact, i) => ({ subject, sequence: sequence + i + 1, fact })),
        nowMs,
      );
      return sequence + facts.length;
    },
    // On SQLite one process owns the file, so one relay needs no row locks, and writers need not wait while it ships.
    async relay(limit, publish, { looksFirst } = { looksFirst: false }) {
      if (db.dialect === "sqlite") return ship(limit, publish);
      if (looksFirst && !(await hasRow(db, "outbox WHERE published_at IS NULL AND due_at <= ?", [now()]))) return 0;
      return db.transaction((tx) => ship(limit, publish, tx));
    },
    async backlog() {
      const [row] = await db.select<{ rows_waiting: number | string; oldest: number | string | null }>(
        // ids grow with time, and the index alone answers for them: what waits may be much
        `SELECT waiting.n AS rows_waiting, outbox.created_at AS oldest
         FROM (SELECT COUNT(*) AS n, MIN(id) AS id FROM outbox WHERE published_at IS NULL) AS waiting
         LEFT JOIN outbox ON outbox.id = waiting.id`,
      );
      return { rows: Number(row?.rows_waiting ?? 0), oldestMs: row?.oldest == null ? null : Number(row.oldest) };
    },
  };
}

/** Leaves out rows for which an earlier event of the same subject has not left and is not in this batch before them. */
async function inOrder(db: Database, rows: Row[], tx?: Tx): Promise<Row[]> {
  // before the first event of a subject there is none
  const later = rows.filter(({ sequence }) => Number(sequence) > 1);
  if (later.length === 0) return rows;
  const subjects = [...new Set(later.map(({ subject }) => subject))];
  // of few subjects MariaDB would look through all that waits
  const bySubject = db.dialect === "mysql" ? "FORCE INDEX (outbox_subject)" : "";
  const waiting = await db.select<{ subject: string; first: number | string }>(
    `SELECT subject, MIN(sequence) AS first FROM outbox ${bySubject} WHERE published_at IS NULL AND subject IN (${marks(subjects.length)}) GROUP BY subject`,
    subjects,
    tx,
  );
  const next = new Map(waiting.map(({ subject, first }) => [subject, Number(first)]));
  return rows
    .toSorted((a, b) => Number(a.sequence) - Number(b.sequence))
    .filter((row) => {
      const first = next.get(row.subject) ?? 1;
      if (first !== Number(row.sequence)) return false;
      next.set(row.subject, Number(row.sequence) + 1);
      return true;
    });
}

export function toEvent(row: StoredEvent, source: string): CloudEvent {
  return {
    specversion: "1.0",
    id: row.id,
    source,
    type: row.type,
    subject: row.subject,
    time: toIso(Number(row.created_at)),
    datacontenttype: "application/json",
    sequence: Number(row.sequence),
    ...(row.traceparent === null ? {} : { traceparent: row.traceparent }),
    data: JSON.parse(row.data) as CloudEvent["data"],
  };
}
