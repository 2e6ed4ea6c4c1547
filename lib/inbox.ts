import { mayBeArchived } from "./archive.ts";
import { marks, tuples, type Database, type Tx } from "./database.ts";
import type { Delivery } from "../contracts/bus.ts";
import type { CloudEvent } from "../contracts/events.ts";
import type { ColumnTypes } from "./migrations.ts";
import { backoffMs } from "./time.ts";

/**
 * The inbox of a consumer: every event it was given, by id, and whether it was applied. It is the durable queue of
 * in-process delivery, the record that makes a second delivery do nothing, and the table of dead letters.
 */
export interface Inbox {
  /**
   * Keeps events that are new; those seen before are left as they are. Committed when it resolves. With `claim` it
   * answers with those that may be applied at once, by the caller alone for some seconds, as `due` would.
   */
  receive(events: readonly CloudEvent[], claim: boolean): Promise<Waiting[]>;
  /** Marks events as applied in the transaction that applies them; answers with those that were not before. */
  record(tx: Tx, eventIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Marks events as applied that need nothing done. */
  settle(eventIds: readonly string[]): Promise<void>;
  /**
   * Takes the data out of the events about `subject`: who is erased is not kept in what was once told of them. Those that
   * were given up count as applied then, as there is nobody left to tell them to.
   */
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

/** Records all that share a transaction; answers with those that are new. They are of one consumer. */
export const recordDeliveries = async (tx: Tx, deliveries: readonly Delivery[]): Promise<ReadonlySet<Delivery>> =>
  (await deliveries[0]?.recordAll(tx, deliveries)) ?? new Set();

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

const positionOf = (subject: string, sequence: number): string => `${subject} ${sequence}`;

export function openInbox(db: Database, now: () => number = Date.now): Inbox {
  const insert = db.dialect === "mysql" ? "INSERT IGNORE INTO" : "INSERT OR IGNORE INTO";
  const forUpdate = db.dialect === "mysql" ? "FOR UPDATE" : "";
  const byKey = db.dialect === "mysql" ? "FORCE INDEX (PRIMARY)" : "";

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
    await db.write(
      `UPDATE inbox SET due_at = ? WHERE event_id IN (${marks(ids.length)})`,
      [now() + claimMs, ...ids],
      tx,
    );
    return rows;
  };

  const applied = (eventIds: readonly string[]): [string, unknown[]] => [
    `UPDATE inbox SET status = 'APPLIED', applied_at = ?, last_error = NULL
     WHERE event_id IN (${marks(eventIds.length)}) AND status <> 'APPLIED'`,
    [now(), ...eventIds],
  ];

  /** Those of new events before which no other of their subject waits, in their order. */
  const nextInOrder = async (events: readonly CloudEvent[]): Promise<CloudEvent[]> => {
    const inOrder = events.toSorted((a, b) => a.sequence - b.sequence);
    const later = inOrder.filter(({ sequence }) => sequence > 1);
    if (later.length === 0) return inOrder;
    const subjects = [...new Set(later.map(({ subject }) => subject))];
    const rows = await db.select<{ subject: string; sequence: number | string }>(
      `SELECT subject, sequence FROM inbox WHERE status = 'WAITING' AND subject IN (${marks(subjects.length)})`,
      subjects,
    );
    const waiting = new Map<string, number[]>();
    for (const { subject, sequence } of rows) waiting.set(subject, [...(waiting.get(subject) ?? []), Number(sequence)]);
    const taken = new Set<string>();
    return inOrder.filter(({ subject, sequence }) => {
      const isNext = (waiting.get(subject) ?? []).every(
        (other) => other >= sequence || taken.has(positionOf(subject, other)),
      );
      if (isNext) taken.add(positionOf(subject, sequence));
      return isNext;
    });
  };

  /**
   * Takes events out again that were applied so long ago that they are in the archive; answers with how many. Looks there
   * after they were kept: what was moved until then can be seen there, and what was not is still in the way of its like.
   */
  const dropKnown = async (tx: Tx, eventIds: readonly string[]): Promise<number> => {
    const rows = await db.select<{ event_id: string }>(
      `SELECT event_id FROM inbox_archive WHERE event_id IN (${marks(eventIds.length)})`,
      eventIds,
      tx,
    );
    if (rows.length === 0) return 0;
    const known = rows.map(({ event_id }) => event_id);
    return db.execute(`DELETE FROM inbox WHERE event_id IN (${marks(known.length)})`, known, tx);
  };

  /** For whoever is first to look: as if they had not been claimed. */
  const letGo = (eventIds: readonly string[], claimedUntil: number): Promise<number> =>
    db.execute(
      `UPDATE inbox SET due_at = ? WHERE event_id IN (${marks(eventIds.length)}) AND status = 'WAITING' AND due_at = ?`,
      [now(), ...eventIds, claimedUntil],
    );

  return {
    async receive(events, claim) {
      if (events.length === 0) return [];
      const nowMs = now();
      const dueAt = claim ? nowMs + claimMs : nowMs;
      const keep = (tx?: Tx): Promise<number> =>
        db.execute(
          `${insert} inbox (event_id, type, subject, sequence, event, status, received_at, due_at) VALUES ${tuples(events.length, 8)}`,
          events.flatMap((event) => [
            ...[event.id, event.type, event.subject, event.sequence],
            ...[JSON.stringify(event), "WAITING", nowMs, dueAt],
          ]),
          tx,
        );
      const old = events.flatMap(({ id }) => (mayBeArchived(id, nowMs) ? [id] : []));
      const added =
        old.length === 0
          ? await keep()
          : await db.transaction(async (tx) => (await keep(tx)) - (await dropKnown(tx, old)));
      if (!claim) return [];
      // with some that were known before, what is new is for the next pass to find out
      const next = added === events.length ? await nextInOrder(events) : [];
      if (next.length < events.length) {
        const taken = new Set(next);
        await letGo(
          events.filter((event) => !taken.has(event)).map(({ id }) => id),
          dueAt,
        );
      }
      return next.map((event) => ({ event, attempts: 0 }));
    },
    async record(tx, eventIds) {
      const [only] = eventIds;
      if (only !== undefined && eventIds.length === 1)
        return (await db.execute(...applied([only]), tx)) === 1 ? new Set([only]) : new Set<string>();
      const rows = await db.select<{ event_id: string }>(
        // by key, so that all who record several lock them in one order
        `SELECT event_id FROM inbox ${byKey} WHERE event_id IN (${marks(eventIds.length)}) AND status <> 'APPLIED'
         ORDER BY event_id ${forUpdate}`,
        eventIds,
        tx,
      );
      const fresh = rows.map(({ event_id }) => event_id);
      if (fresh.length > 0) await db.write(...applied(fresh), tx);
      return new Set(fresh);
    },
    async settle(eventIds) {
      await db.write(...applied(eventIds));
    },
    async forget(subject) {
      const rows = await db.select<Row>(
        "SELECT event_id, event, attempts FROM inbox WHERE subject = ? AND status IN ('APPLIED', 'DEAD')",
        [subject],
      );
      if (rows.length === 0) return;
      for (const { event_id, event } of rows) {
        const kept = { ...(JSON.parse(event) as CloudEvent), data: {} };
        await db.execute("UPDATE inbox SET event = ? WHERE event_id = ?", [JSON.stringify(kept), event_id]);
      }
      await db.write(...applied(rows.map(({ event_id }) => event_id)));
    },
    async due(limit) {
      // most looks find nothing, and cost one statement; SQLite's one process has all of them for itself
      let rows = await dueRows(limit);
      if (rows.length > 0 && db.dialect === "mysql") rows = await db.transaction((tx) => claim(limit, tx));
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
