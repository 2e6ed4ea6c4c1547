import type { Mail, Message } from "../../contracts/notify.ts";
import { asTheyAre, hotAndArchived, type ArchivedTable } from "../../lib/archive.ts";
import { hasRow, marks, type Database } from "../../lib/database.ts";
import { newId } from "../../lib/ids.ts";
import { decodeCursor, toPage, type Page } from "../../lib/page.ts";
import { toIso } from "../../lib/time.ts";
import type { Outgoing } from "./telling.ts";

/** A delivery that one sender holds until `claim` ends. `attempts` counts this one too. */
export interface ClaimedDelivery extends Outgoing {
  attempts: number;
  claim: string;
  traceparent: string | null;
  orderId: string | null;
}

/** A message, as far as a trace tells of it. */
export type Arrived = Pick<ClaimedDelivery, "channel" | "traceparent" | "orderId">;

type Held = Pick<ClaimedDelivery, "id" | "claim">;

export interface DeliveriesRepository {
  /**
   * Takes the deliveries that are due, longest due first, for `leaseMs`: no other sender gets them until then. Those
   * of a sender that died come back after it.
   */
  claimDue(limit: number, leaseMs: number, nowMs: number): Promise<ClaimedDelivery[]>;
  /** The four below do nothing for a delivery that is no longer held by this claim. */
  sent(held: readonly Held[], nowMs: number): Promise<void>;
  postpone(held: Held, untilMs: number, error: string): Promise<void>;
  fail(held: Held, error: string, nowMs: number): Promise<void>;
  /** E-mail and SMS newest first, of all or of one address; without those of erased people, and old ones. */
  mailbox(filter: MailboxFilter): Promise<Page<Mail>>;
  /** Every message to a person, oldest first; not what it says, which may be a secret. */
  ofUser(userId: string): Promise<Message[]>;
}

export interface MailboxFilter {
  to: string | undefined;
  cursor: string | undefined;
  limit: number;
}

interface Row {
  id: string;
  channel: Outgoing["channel"];
  recipient: string;
  subject: string;
  body: string;
  html: string | null;
  attempts: number | string;
  order_id: string | null;
}

type ClaimRow = Row & { traceparent: string | null };
type MailRow = Row & { type: string; created_at: number | string };

type MessageColumns = Pick<Message, "channel" | "subject" | "status">;

/** That a message was sent is kept, and what it was about; not what it said. */
export const deliveriesArchive: ArchivedTable = {
  table: "deliveries",
  key: ["id"],
  age: { id: "id" },
  settled: "status <> 'PENDING'",
  kept: asTheyAre(
    "id, event_id, user_id, channel, type, order_id, recipient, subject, status, attempts, last_error, created_at, settled_at",
  ),
};

const longestError = 1_000;

/** A body that holds a secret goes once it is not needed any more. */
const forgetBody =
  "html = CASE WHEN forget_body = 1 THEN NULL ELSE html END, body = CASE WHEN forget_body = 1 THEN '' ELSE body END";

export function deliveriesRepository(db: Database): DeliveriesRepository {
  // SKIP LOCKED: two senders must never wait for each other, nor hold the same row
  const lock = db.dialect === "mysql" ? "FOR UPDATE SKIP LOCKED" : "";

  return {
    async claimDue(limit, leaseMs, nowMs) {
      if (!(await hasRow(db, "deliveries WHERE status = 'PENDING' AND due_at <= ?", [nowMs]))) return [];
      return db.transaction(async (tx) => {
        const rows = await db.select<ClaimRow>(
          `SELECT id, channel, recipient, subject, body, html, attempts, order_id, traceparent FROM deliveries
           WHERE status = 'PENDING' AND due_at <= ? ORDER BY due_at, id LIMIT ${limit} ${lock}`,
          [nowMs],
          tx,
        );
        if (rows.length === 0) return [];
        const claim = newId();
        await db.write(
          `UPDATE deliveries SET claim = ?, due_at = ?, attempts = attempts + 1 WHERE id IN (${marks(rows.length)})`,
          [claim, nowMs + leaseMs, ...rows.map(({ id }) => id)],
          tx,
        );
        return rows.map(({ recipient, attempts, order_id, ...row }) => ({
          ...row,
          orderId: order_id,
          to: recipient,
          attempts: Number(attempts) + 1,
          claim,
        }));
      });
    },
    async sent(held, nowMs) {
      const claims = [...new Set(held.map(({ claim }) => claim))];
      // a delivery under another of these claims than it was sent with is in the same hands
      await db.execute(
        `UPDATE deliveries SET status = 'SENT', settled_at = ?, claim = NULL, last_error = NULL, ${forgetBody}
         WHERE id IN (${marks(held.length)}) AND claim IN (${marks(claims.length)}) AND status = 'PENDING'`,
        [nowMs, ...held.map(({ id }) => id), ...claims],
      );
    },
    async postpone({ id, claim }, untilMs, error) {
      await db.execute(
        "UPDATE deliveries SET due_at = ?, claim = NULL, last_error = ? WHERE id = ? AND claim = ? AND status = 'PENDING'",
        [untilMs, error.slice(0, longestError), id, claim],
      );
    },
    async fail({ id, claim }, error, nowMs) {
      await db.execute(
        `UPDATE deliveries SET status = 'FAILED', settled_at = ?, claim = NULL, last_error = ?, ${forgetBody}
         WHERE id = ? AND claim = ? AND status = 'PENDING'`,
        [nowMs, error.slice(0, longestError), id, claim],
      );
    },
    async mailbox({ to, cursor, limit }) {
      // addresses are kept as users has them, in lower case; the one asked for may be as a person typed it
      const wanted = to === undefined ? [] : [to, to.toLowerCase()];
      const before = cursor === undefined ? [] : decodeCursor(cursor, ["string"]);
      const rows = await db.select<MailRow>(
        `SELECT id, channel, recipient, subject, body, type, order_id, created_at FROM deliveries
         WHERE recipient IS NOT NULL${wanted.length > 0 ? " AND recipient IN (?, ?)" : ""}${before.length > 0 ? " AND id < ?" : ""}
         ORDER BY id DESC LIMIT ${limit + 1}`,
        [...wanted, ...before],
      );
      return toPage(rows, limit, ({ id }) => [id], toMail);
    },
    async ofUser(userId) {
      const rows = await db.select<{ created_at: number | string; recipient: string | null } & MessageColumns>(
        `${hotAndArchived(
          "deliveries",
          (from) => `SELECT id, created_at, channel, recipient, subject, status FROM ${from} WHERE user_id = ?`,
        )} ORDER BY id`,
        [userId, userId],
      );
      return rows.map(({ created_at, recipient, channel, subject, status }) => ({
        at: toIso(Number(created_at)),
        channel,
        to: recipient,
        subject,
        status,
      }));
    },
  };
}

const toMail = ({ id, channel, recipient, subject, body, type, order_id, created_at }: MailRow): Mail => ({
  id,
  channel,
  to: recipient,
  subject,
  body,
  type,
  orderId: order_id,
  createdAt: toIso(Number(created_at)),
});
