import type { TimelineEntry } from "../../contracts/payments.ts";
import { hotAndArchived, mayBeArchived } from "../../lib/archive.ts";
import { marks, tuples, type Database, type Tx } from "../../lib/database.ts";
import { decodeCursor, toPage, type Page } from "../../lib/page.ts";
import { toIso } from "../../lib/time.ts";
import type { Telling } from "./telling.ts";

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
   * each person's notifications 1, 2, 3 … in the order given. Answers with who has a new one.
   */
  tell(tx: Tx, tellings: readonly Telling[], nowMs: number): Promise<Set<string>>;
  /** Deletes a person's notifications and empties their messages; nothing can be told to them afterwards. */
  erase(tx: Tx, userId: string, nowMs: number): Promise<void>;
  /** The newest first. */
  list(userId: string, filter: ListFilter): Promise<Page<StoredNotification>>;
  /** Marks as read what was not; answers with the notification, or null when the person has no such. */
  read(userId: string, id: string, nowMs: number): Promise<StoredNotification | null>;
  /** Whosever it is. */
  exists(id: string): Promise<boolean>;
  /**
   * The number of a person's last notification, 0 before the first, and those after number `after`, oldest first; none
   * when `after` is null. No number comes to light after a later one did.
   */
  since(userId: string, range: { after: number | null; limit: number }): Promise<Since>;
  ofUser(userId: string): Promise<StoredNotification[]>;
  /** What was told about an order over every channel, oldest first. */
  timeline(orderId: string): Promise<TimelineEntry[]>;
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

export function notificationsRepository(db: Database): NotificationsRepository {
  const upsert = db.dialect === "mysql" ? "ON DUPLICATE KEY UPDATE" : "ON CONFLICT (user_id) DO UPDATE SET";
  const offered = (column: string): string => (db.dialect === "mysql" ? `VALUES(${column})` : `excluded.${column}`);

  const select = async (condition: string, values: readonly unknown[], tx?: Tx): Promise<StoredNotification[]> =>
    (await db.select<Row>(`SELECT ${columns} FROM notifications WHERE ${condition}`, values, tx)).map(fromRow);

  /** Locks the counters until the end of the transaction, in one order for all: who comes second sees what the first wrote. */
  const lockCounters = async (tx: Tx, userIds: readonly string[]): Promise<Map<string, number>> => {
    await db.execute(
      `INSERT INTO user_counters (user_id, last) VALUES ${tuples(userIds.length, 2)} ${upsert} last = user_counters.last`,
      userIds.flatMap((userId) => [userId, 0]),
      tx,
    );
    const rows = await db.select<{ user_id: string; last: number | string }>(
      `SELECT user_id, last FROM user_counters WHERE erased_at IS NULL AND user_id IN (${marks(userIds.length)})`,
      userIds,
      tx,
    );
    return new Map(rows.map(({ user_id, last }) => [user_id, Number(last)]));
  };

  const toldAlready = async (tx: Tx, eventIds: readonly string[], nowMs: number): Promise<Set<string>> => {
    const ids = marks(eventIds.length);
    const old = eventIds.filter((id) => mayBeArchived(id, nowMs));
    const archived =
      old.length > 0
        ? `UNION ALL SELECT event_id, user_id, channel FROM deliveries_archive WHERE event_id IN (${marks(old.length)})`
        : "";
    const rows = await db.select<{ event_id: string; user_id: string; channel: string }>(
      `SELECT event_id, user_id, 'in_app' AS channel FROM notifications WHERE event_id IN (${ids})
       UNION ALL SELECT event_id, user_id, channel FROM deliveries WHERE event_id IN (${ids}) ${archived}`,
      [...eventIds, ...eventIds, ...old],
      tx,
    );
    return new Set(rows.map(({ event_id, user_id, channel }) => onceKey(event_id, user_id, channel)));
  };

  return {
    async tell(tx, tellings, nowMs) {
      const told = new Set<string>();
      if (tellings.length === 0) return told;
      const counters = await lockCounters(tx, [...new Set(tellings.map(({ userId }) => userId))].toSorted());
      const done = await toldAlready(tx, [...new Set(tellings.map(({ eventId }) => eventId))], nowMs);
      const first = (eventId: string, userId: string, channel: string): boolean => {
        const key = onceKey(eventId, userId, channel);
        return !done.has(key) && done.add(key).size > 0;
      };

      const notifications: unknown[][] = [];
      const deliveries: unknown[][] = [];
      for (const {
        eventId,
        userId,
        type,
        orderId,
        notification,
        messages,
        forgetBody,
        traceparent = null,
      } of tellings) {
        const last = counters.get(userId);
        if (last === undefined) continue;
        if (notification && first(eventId, userId, "in_app")) {
          const { id, title, body } = notification;
          counters.set(userId, last + 1);
          told.add(userId);
          notifications.push([id, eventId, userId, last + 1, type, orderId, title, body, nowMs]);
        }
        for (const { id, channel, to, subject, body, html } of messages) {
          if (!first(eventId, userId, channel)) continue;
          const text = [to, subject, body, html, forgetBody ? 1 : 0];
          deliveries.push([id, eventId, userId, channel, type, orderId, ...text, traceparent, "PENDING", nowMs, nowMs]);
        }
      }

      if (told.size > 0) {
        const users = [...told].toSorted();
        await db.execute(
          `INSERT INTO user_counters (user_id, last) VALUES ${tuples(users.length, 2)} ${upsert} last = ${offered("last")}`,
          users.flatMap((userId) => [userId, counters.get(userId)]),
          tx,
        );
        await db.execute(
          `INSERT INTO notifications (id, event_id, user_id, sequence, type, order_id, title, body, created_at)
           VALUES ${tuples(notifications.length, 9)}`,
          notifications.flat(),
          tx,
        );
      }
      if (deliveries.length > 0) {
        await db.execute(
          `INSERT INTO deliveries (id, event_id, user_id, channel, type, order_id, recipient, subject, body, html,
             forget_body, traceparent, status, due_at, created_at) VALUES ${tuples(deliveries.length, 15)}`,
          deliveries.flat(),
          tx,
        );
      }
      return told;
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
      const [row] = await db.select<{ last: number | string }>("SELECT last FROM user_counters WHERE user_id = ?", [
        userId,
      ]);
      const last = Number(row?.last ?? 0);
      if (after === null) return { last, items: [] };
      const items = await select(`user_id = ? AND sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ${limit}`, [
        userId,
        after,
        last,
      ]);
      return { last, items };
    },
    ofUser: (userId) => select("user_id = ? ORDER BY sequence", [userId]),
    async timeline(orderId) {
      const rows = await db.select<{ at: number | string; channel: string; event: string; status: string }>(
        `SELECT created_at AS at, 'in_app' AS channel, type AS event, 'SENT' AS status
         FROM notifications WHERE order_id = ?
         UNION ALL ${hotAndArchived(
           "deliveries",
           (from) => `SELECT COALESCE(settled_at, created_at), channel, type, status FROM ${from} WHERE order_id = ?`,
         )}
         ORDER BY at, event, channel`,
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
