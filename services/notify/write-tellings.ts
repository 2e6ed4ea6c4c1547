import { mayBeArchived } from "../../lib/archive.ts";
import { insertRows, marks, tuples, type Database, type Tx } from "../../lib/database.ts";
import type { Arrived, ClaimedDelivery } from "./deliveries.repository.ts";
import type { StoredNotification } from "./notifications.repository.ts";
import type { Outgoing, Telling } from "./telling.ts";

export interface Claim {
  id: string;
  untilMs: number;
  /** How many messages. */
  most: number;
}

export interface Told {
  /** What is new, by whom it is for, with its number. */
  notified: Map<string, StoredNotification[]>;
  claimed: ClaimedDelivery[];
  /** What has arrived by being stored. */
  arrived: Arrived[];
  /** How many messages wait for whoever takes them. */
  left: number;
}

type Int = number | string;

/**
 * Writes what is to be told, each (event, person, channel) at most once ever, and nothing for erased people. Numbers
 * each person's notifications 1, 2, 3 … in the order given. With `claim` the first messages are held for who claims
 * them, as if taken by `claimDue` once they are committed. `looks`: what was told before is looked for and left out;
 * otherwise it violates a unique index, which costs less where it hardly ever happens.
 */
export type Tell = (
  tx: Tx,
  tellings: readonly Telling[],
  nowMs: number,
  options?: { claim?: Claim | null; looks?: boolean },
) => Promise<Told>;

/** `arrivesStored`: of which channels a message needs no sending once it is stored. */
export function tellingWriter(db: Database, arrivesStored: (channel: Outgoing["channel"]) => boolean): Tell {
  const upsert = db.dialect === "mysql" ? "ON DUPLICATE KEY UPDATE" : "ON CONFLICT (user_id) DO UPDATE SET";
  const offered = (column: string): string => (db.dialect === "mysql" ? `VALUES(${column})` : `excluded.${column}`);

  /**
   * Gives each person as many numbers as are wanted, and none to the erased. Locks the counters until the end of the
   * transaction, in one order for all: who comes second sees what the first wrote.
   */
  const takeNumbers = (tx: Tx, wanted: ReadonlyMap<string, number>): Promise<void> =>
    db.write(
      `INSERT INTO user_counters (user_id, last) VALUES ${tuples(wanted.size, 2)} ${upsert}
         last = user_counters.last + CASE WHEN user_counters.erased_at IS NULL THEN ${offered("last")} ELSE 0 END`,
      [...wanted].toSorted(([a], [b]) => (a < b ? -1 : 1)).flat(),
      tx,
    );

  /** The last numbers of those who are not erased, and what of the events was told to whom before. */
  const readBack = async (tx: Tx, userIds: readonly string[], eventIds: readonly string[], old: readonly string[]) => {
    const events = marks(eventIds.length);
    const before =
      eventIds.length > 0
        ? `UNION ALL SELECT user_id, NULL, event_id, 'in_app' FROM notifications WHERE event_id IN (${events})
           UNION ALL SELECT user_id, NULL, event_id, channel FROM deliveries WHERE event_id IN (${events})`
        : "";
    const archived =
      old.length > 0
        ? `UNION ALL SELECT user_id, NULL, event_id, channel FROM deliveries_archive WHERE event_id IN (${marks(old.length)})`
        : "";
    const rows = await db.select<{ user_id: string; last: Int | null; event_id: string | null; channel: string }>(
      `SELECT user_id, last, NULL AS event_id, NULL AS channel FROM user_counters
       WHERE erased_at IS NULL AND user_id IN (${marks(userIds.length)}) ${before} ${archived}`,
      [...userIds, ...eventIds, ...eventIds, ...old],
      tx,
    );
    const last = new Map<string, number>();
    const done = new Set<string>();
    for (const row of rows) {
      if (row.event_id === null) last.set(row.user_id, Number(row.last));
      else done.add(onceKey(row.event_id, row.user_id, row.channel));
    }
    return { last, done };
  };

  return async (tx, tellings, nowMs, { claim = null, looks = true } = {}) => {
    if (tellings.length === 0) return { notified: new Map(), claimed: [], arrived: [], left: 0 };
    const wanted = new Map<string, number>();
    for (const { userId, notification } of tellings) {
      wanted.set(userId, (wanted.get(userId) ?? 0) + (notification ? 1 : 0));
    }
    await takeNumbers(tx, wanted);
    const events = [...new Set(tellings.map(({ eventId }) => eventId))];
    const old = events.filter((id) => mayBeArchived(id, nowMs));
    const { last, done } = await readBack(tx, [...wanted.keys()], looks ? events : [], old);
    const first = (eventId: string, userId: string, channel: string): boolean => {
      const key = onceKey(eventId, userId, channel);
      return !done.has(key) && done.add(key).size > 0;
    };

    const used = new Map<string, number>();
    const notified = new Map<string, StoredNotification[]>();
    const notifications: unknown[][] = [];
    const deliveries: unknown[][] = [];
    const claimed: ClaimedDelivery[] = [];
    const arrived: Arrived[] = [];
    for (const telling of tellings) {
      const { eventId, userId, type, orderId, notification, messages, forgetBody, traceparent = null } = telling;
      const highest = last.get(userId);
      if (highest === undefined) continue;
      if (notification && first(eventId, userId, "in_app")) {
        const { id, title, body } = notification;
        const sequence = (used.get(userId) ?? highest - (wanted.get(userId) ?? 0)) + 1;
        used.set(userId, sequence);
        notifications.push([id, eventId, userId, sequence, type, orderId, title, body, nowMs]);
        const stored = { id, sequence, type, orderId, title, body, createdAtMs: nowMs, readAtMs: null };
        notified.set(userId, [...(notified.get(userId) ?? []), stored]);
      }
      for (const message of messages) {
        const { id, channel, to, subject, body, html } = message;
        if (!first(eventId, userId, channel)) continue;
        const sent = arrivesStored(channel);
        if (sent) arrived.push({ channel, traceparent, orderId });
        const held = !sent && claim !== null && claimed.length < claim.most;
        if (held) claimed.push({ ...message, attempts: 1, claim: claim.id, traceparent, orderId });
        deliveries.push([
          ...[id, eventId, userId, channel, type, orderId, to, subject, body, html, forgetBody ? 1 : 0, traceparent],
          ...(sent ? ["SENT", nowMs] : ["PENDING", held ? claim.untilMs : nowMs]),
          ...[held ? claim.id : null, held || sent ? 1 : 0, nowMs, sent ? nowMs : null],
        ]);
      }
    }

    for (const [userId, highest] of last) {
      const most = used.get(userId) ?? highest - (wanted.get(userId) ?? 0);
      // some of it had been told before
      if (most < highest) await db.execute("UPDATE user_counters SET last = ? WHERE user_id = ?", [most, userId], tx);
    }
    await insertRows(
      db,
      tx,
      "notifications (id, event_id, user_id, sequence, type, order_id, title, body, created_at)",
      notifications,
    );
    await insertRows(
      db,
      tx,
      `deliveries (id, event_id, user_id, channel, type, order_id, recipient, subject, body, html, forget_body,
         traceparent, status, due_at, claim, attempts, created_at, settled_at)`,
      deliveries,
    );
    return {
      notified,
      claimed,
      arrived,
      left: deliveries.length - claimed.length - arrived.length,
    };
  };
}

const onceKey = (eventId: string, userId: string, channel: string): string => `${eventId} ${userId} ${channel}`;
