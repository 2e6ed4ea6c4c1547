import type { TimelineEntry } from "../../contracts/payments.ts";
import { hotAndArchived, mayBeArchived } from "../../lib/archive.ts";
import { insertRows, marks, tuples, type Database, type Tx } from "../../lib/database.ts";
import { decodeCursor, toPage, type Page } from "../../lib/page.ts";
import { toIso } from "../../lib/time.ts";
import type { Arrived, ClaimedDelivery } from "./deliveries.repository.ts";
import type { Outgoing, Telling } from "./telling.ts";

/** A notification as it is stored. Times are milliseconds since the epoch. */
export interface StoredNotification {
  id: string;
  sequence: number;
  type: string;
  orderId: string | null;
  title: string;
  body: string;
  createdAtMs: number;
  readAtMs: number | null;
}

export interface NotificationsRepository {
  /**
   * Writes what is to be told, each (event, person, channel) at most once ever, and nothing for erased people. Numbers
   * each person's notifications 1, 2, 3 … in the order given. With `claim` the first messages are held for who claims
   * them, as if taken by `claimDue` once they are committed. `looks`: what was told before is looked for and left out;
   * otherwise it violates a unique index, which costs less where it hardly ever happens.
   */
  tell(
    tx: Tx,
    tellings: readonly Telling[],
    nowMs: number,
    options?: { claim?: Claim | null; looks?: boolean },
  ): Promise<Told>;
  /** Deletes a person's notifications and empties their messages; nothing can be told to them afterwards. */
  erase(tx: Tx, userId: string, nowMs: number): Promise<void>;
  /** The newest first. */
  list(userId: string, filter: ListFilter): Promise<Page<StoredNotification>>;
  /** Marks as read what was not; answers with the notification, or null when the person has no such. */
  read(userId: string, id: string, nowMs: number): Promise<StoredNotification | null>;
  /** Whosever it is. */
  exists(id: string): Promise<boolean>;
  /**
   * A person's notifications after number `after`, oldest first, and the number to go on after, which is that of the last
   * of them; with null, none, and the number of the person's last one. 0 before the first. No number comes to light after
   * a later one did.
   */
  since(userId: string, range: { after: number | null; limit: number }): Promise<Since>;
  ofUser(userId: string): Promise<StoredNotification[]>;
  /** What was told about an order over every channel, oldest first. */
  timeline(orderId: string): Promise<TimelineEntry[]>;
}

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

export interface ListFilter {
  unread: boolean;
  cursor: string | undefined;
  limit: number;
}

export interface Since {
  last: number;
  items: StoredNotification[];
}

type Int = number | string;

interface Row {
  id: string;
  sequence: number | string;
  type: string;
  order_id: string | null;
  title: string;
  body: string;
  created_at: number | string;
  read_at: number | string | null;
}

const columns = "id, sequence, type, order_id, title, body, created_at, read_at";

/** `arrivesStored`: of which channels a message needs no sending once it is stored. */
export function notificationsRepository(
  db: Database,
  arrivesStored: (channel: Outgoing["channel"]) => boolean = () => false,
): NotificationsRepository {
  const upsert = db.dialect === "mysql" ? "ON DUPLICATE KEY UPDATE" : "ON CONFLICT (user_id) DO UPDATE SET";
  const offered = (column: string): string => (db.dialect === "mysql" ? `VALUES(${column})` : `excluded.${column}`);

  const select = async (condition: string, values: readonly unknown[], tx?: Tx): Promise<StoredNotification[]> =>
    (await db.select<Row>(`SELECT ${columns} FROM notifications WHERE ${condition}`, values, tx)).map(fromRow);

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

  return {
    async tell(tx, tellings, nowMs, { claim = null, looks = true } = {}) {
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
    },
    async erase(tx, userId, nowMs) {
      await db.execute(
        `INSERT INTO user_counters (user_id, last, erased_at) VALUES (?, 0, ?) ${upsert} erased_at = ${offered("erased_at")}`,
        [userId, nowMs],
        tx,
      );
      await db.execute("DELETE FROM notifications WHERE user_id = ?", [userId], tx);
      await db.execute(
        `UPDATE deliveries SET recipient = NULL, subject = '', body = '', html = NULL, claim = NULL,
           settled_at = CASE WHEN status = 'PENDING' THEN ? ELSE settled_at END,
           last_error = NULL,
           status = CASE WHEN status = 'PENDING' THEN 'CANCELLED' ELSE status END
         WHERE user_id = ?`,
        [nowMs, userId],
        tx,
      );
      await db.execute(
        "UPDATE deliveries_archive SET recipient = NULL, subject = '', last_error = NULL WHERE user_id = ?",
        [userId],
        tx,
      );
    },
    async list(userId, { unread, cursor, limit }) {
      const before = cursor === undefined ? [] : decodeCursor(cursor, ["number"]);
      const rows = await select(
        `user_id = ?${unread ? " AND read_at IS NULL" : ""}${before.length > 0 ? " AND sequence < ?" : ""}
         ORDER BY sequence DESC LIMIT ${limit + 1}`,
        [userId, ...before],
      );
      return toPage(
        rows,
        limit,
        ({ sequence }) => [sequence],
        (row) => row,
      );
    },
    async read(userId, id, nowMs) {
      await db.execute("UPDATE notifications SET read_at = ? WHERE id = ? AND user_id = ? AND read_at IS NULL", [
        nowMs,
        id,
        userId,
      ]);
      return (await select("id = ? AND user_id = ?", [id, userId]))[0] ?? null;
    },
    exists: async (id) => (await select("id = ?", [id])).length > 0,
    async since(userId, { after, limit }) {
      const items =
        after === null
          ? []
          : await select(`user_id = ? AND sequence > ? ORDER BY sequence LIMIT ${limit}`, [userId, after]);
      const newest = items.at(-1)?.sequence;
      if (newest !== undefined) return { last: newest, items };
      const [row] = await db.select<{ last: Int }>("SELECT last FROM user_counters WHERE user_id = ?", [userId]);
      const last = Number(row?.last ?? 0);
      // what came between the two looks is for the next one
      return { last: after === null ? last : Math.min(after, last), items };
    },
    ofUser: (userId) => select("user_id = ? ORDER BY sequence", [userId]),
    async timeline(orderId) {
      const rows = await db.select<{ at: number | string; channel: string; event: string; status: string }>(
        `SELECT created_at AS at, 0 AS place, 'in_app' AS channel, type AS event, 'SENT' AS status
         FROM notifications WHERE order_id = ?
         UNION ALL ${hotAndArchived(
           "deliveries",
           (from) =>
             `SELECT COALESCE(settled_at, created_at), 1, channel, type, status FROM ${from} WHERE order_id = ?`,
         )}
         ORDER BY at, place, event, channel`,
        [orderId, orderId, orderId],
      );
      return rows.map(({ at, channel, event, status }) => ({
        at: toIso(Number(at)),
        type: `notification.${status === "PENDING" ? "queued" : status.toLowerCase()}`,
        by: "notify",
        detail: { channel, event, status },
      }));
    },
  };
}

const onceKey = (eventId: string, userId: string, channel: string): string => `${eventId} ${userId} ${channel}`;

const fromRow = (row: Row): StoredNotification => ({
  id: row.id,
  sequence: Number(row.sequence),
  type: row.type,
  orderId: row.order_id,
  title: row.title,
  body: row.body,
  createdAtMs: Number(row.created_at),
  readAtMs: row.read_at === null ? null : Number(row.read_at),
});
