import type { Delivered } from "../../contracts/notify.ts";
import type { Channel } from "../../contracts/users.ts";
import { nextKey, type Phase } from "../../lib/audit.ts";
import { marks, type Database } from "../../lib/database.ts";
import type { Clock } from "../../lib/ids.ts";
import { toIso, toIsoOrNull } from "../../lib/time.ts";
import { passwordResetType } from "./telling.ts";

type Int = number | string;

/** What the tables of the notifications say of the invariants, and of one order. */
export interface NotifyAudit {
  phases: readonly Phase[];
  ofOrder(orderId: string): Promise<Delivered[]>;
  /** Makes every message that waits for its next try due now. */
  hasten(): Promise<void>;
}

interface ToldRow {
  event_id: string;
  user_id: string;
  channel: string;
  applied: string | null;
}

const inPage = 1_000;
const shown = 1_000;

/** How long a message may wait before somebody should know. */
const stuckMs = 600_000;
const dayMs = 86_400_000;

export function notifyAudit(db: Database, now: Clock): NotifyAudit {
  /** Goes through what was told in the order of the index that keeps it from being told twice. */
  const once =
    (table: "notifications" | "deliveries" | "deliveries_archive"): Phase =>
    async (after, found) => {
      const [event, user, channel] = after === null ? ["", "", ""] : (JSON.parse(after) as [string, string, string]);
      const withChannel = table !== "notifications";
      const key = `${table}.event_id, ${table}.user_id${withChannel ? ", channel" : ""}`;
      const rows = await db.select<ToldRow>(
        `SELECT ${table}.event_id, ${table}.user_id, ${withChannel ? "channel" : "'in_app'"} AS channel,
           CASE WHEN old.event_id IS NULL THEN inbox.status ELSE 'APPLIED' END AS applied
         FROM ${table} LEFT JOIN inbox ON inbox.event_id = ${table}.event_id
           LEFT JOIN inbox_archive AS old ON old.event_id = ${table}.event_id
         WHERE (${table}.event_id >= ?) AND (${key}) > (${marks(withChannel ? 3 : 2)})
           ${withChannel ? `AND ${table}.type <> ?` : ""}
         ORDER BY ${key} LIMIT ${inPage}`,
        [event, event, user, ...(withChannel ? [channel, passwordResetType] : [])],
      );
      let before = after === null ? "" : [event, user, channel].join(" ");
      for (const row of rows) {
        const told = [row.event_id, row.user_id, row.channel].join(" ");
        found.see("notify.once", row.event_id, told !== before && row.applied === "APPLIED");
        before = told;
      }
      return nextKey(rows, inPage, (row) => JSON.stringify([row.event_id, row.user_id, row.channel]));
    };

  const sequences: Phase = async (after, found) => {
    const counters = await db.select<{ user_id: string; last: Int }>(
      `SELECT user_id, last FROM user_counters WHERE user_id > ? ORDER BY user_id LIMIT ${inPage}`,
      [after ?? ""],
    );
    if (counters.length === 0) return null;
    const users = counters.map(({ user_id }) => user_id);
    const rows = await db.select<{ user_id: string; n: Int; last: Int }>(
      `SELECT user_id, COUNT(*) AS n, MAX(sequence) AS last FROM notifications
       WHERE user_id IN (${marks(users.length)}) GROUP BY user_id`,
      users,
    );
    const erased = new Set(
      (
        await db.select<{ user_id: string }>(
          `SELECT user_id FROM user_counters WHERE erased_at IS NOT NULL AND user_id IN (${marks(users.length)})`,
          users,
        )
      ).map(({ user_id }) => user_id),
    );
    const counted = new Map(rows.map((row) => [row.user_id, row]));
    for (const { user_id, last } of counters) {
      const { n = 0, last: highest = 0 } = counted.get(user_id) ?? {};
      const holds = erased.has(user_id)
        ? Number(n) === 0
        : Number(n) === Number(last) && Number(highest) === Number(last);
      found.see("notify.sequences", user_id, holds);
    }
    return nextKey(counters, inPage, ({ user_id }) => user_id);
  };

  const deliveries: Phase = async (_after, found) => {
    const [count] = await db.select<{ n: Int }>("SELECT COUNT(*) AS n FROM deliveries WHERE status = 'PENDING'");
    // a delivery in the hands of a sender that died has a due time, too: when its claim ends
    const stuck = await db.select<{ id: string }>(
      `SELECT id FROM deliveries WHERE status = 'PENDING' AND created_at < ? ORDER BY due_at, id LIMIT ${shown}`,
      [now() - stuckMs],
    );
    const failed = await db.select<{ id: string }>(
      `SELECT id FROM deliveries WHERE status = 'FAILED' AND due_at > ? ORDER BY due_at, id LIMIT ${shown}`,
      [now() - dayMs],
    );
    found.seeAll(
      "notify.deliveries",
      Number(count?.n ?? 0),
      [...stuck, ...failed].map(({ id }) => id),
    );
    return null;
  };

  return {
    phases: [once("notifications"), once("deliveries"), once("deliveries_archive"), sequences, deliveries],
    async ofOrder(orderId) {
      const rows = await db.select<DeliveredRow>(
        `SELECT id, event_id, type, 'in_app' AS channel, 'SENT' AS status, 1 AS attempts, NULL AS last_error, created_at,
           NULL AS due_at FROM notifications WHERE order_id = ?
         UNION ALL SELECT id, event_id, type, channel, status, attempts, last_error, created_at,
           CASE WHEN status = 'PENDING' THEN due_at END FROM deliveries WHERE order_id = ?
         UNION ALL SELECT id, event_id, type, channel, status, attempts, last_error, created_at, NULL
         FROM deliveries_archive WHERE order_id = ?
         ORDER BY created_at, id`,
        [orderId, orderId, orderId],
      );
      return rows.map(toDelivered);
    },
    async hasten() {
      // those that a sender holds keep the time at which its claim ends
      await db.execute("UPDATE deliveries SET due_at = ? WHERE status = 'PENDING' AND claim IS NULL AND due_at > ?", [
        now(),
        now(),
      ]);
    },
  };
}

interface DeliveredRow {
  id: string;
  event_id: string;
  type: string;
  channel: string;
  status: string;
  attempts: Int;
  last_error: string | null;
  created_at: Int;
  due_at: Int | null;
}

const toDelivered = (row: DeliveredRow): Delivered => ({
  id: row.id,
  eventId: row.event_id,
  type: row.type,
  channel: row.channel as Channel,
  status: row.status,
  attempts: Number(row.attempts),
  lastError: row.last_error,
  createdAt: toIso(Number(row.created_at)),
  dueAt: toIsoOrNull(row.due_at === null ? null : Number(row.due_at)),
});
