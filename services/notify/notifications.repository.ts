import type { TimelineEntry } from "../../contracts/payments.ts";
import { hotAndArchived } from "../../lib/archive.ts";
import type { Database, Tx } from "../../lib/database.ts";
import { decodeCursor, toPage, type Page } from "../../lib/page.ts";
import { toIso } from "../../lib/time.ts";
import type { Outgoing } from "./telling.ts";
import { tellingWriter, type Tell } from "./write-tellings.ts";

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
  tell: Tell;
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

  return {
    tell: tellingWriter(db, arrivesStored),
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
