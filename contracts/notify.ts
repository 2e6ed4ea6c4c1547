import { Type, type Static } from "@sinclair/typebox";
import { action, type TypesOf } from "./action.ts";
import { audit, hasten } from "./audit.ts";
import { TimelineEntry } from "./payments.ts";
import { ById, closed, Id, nullable, pageOf, pageParams, Time } from "./shapes.ts";
import { Channel, Contact } from "./users.ts";

export const Notification = Type.Object(
  {
    id: Id,
    type: Type.String({ description: "the event's name" }),
    orderId: nullable(Id),
    title: Type.String(),
    body: Type.String(),
    readAt: nullable(Time),
    createdAt: Time,
  },
  closed,
);
export type Notification = Static<typeof Notification>;

/** A message a development system would have sent. */
export const Mail = Type.Object(
  {
    id: Id,
    channel: Channel,
    to: Type.String(),
    subject: Type.String(),
    body: Type.String(),
    type: Type.String(),
    orderId: nullable(Id),
    createdAt: Time,
  },
  closed,
);
export type Mail = Static<typeof Mail>;

/** A message as its receiver is told of it. */
export const Message = Type.Object(
  { at: Time, channel: Channel, to: nullable(Type.String()), subject: Type.String(), status: Type.String() },
  closed,
);
export type Message = Static<typeof Message>;

export const Delivered = Type.Object(
  {
    id: Id,
    eventId: Id,
    type: Type.String(),
    channel: Channel,
    status: Type.String({ description: "PENDING, SENT, FAILED or CANCELLED" }),
    attempts: Type.Integer(),
    lastError: nullable(Type.String()),
    createdAt: Time,
    dueAt: nullable(Time),
  },
  closed,
);
export type Delivered = Static<typeof Delivered>;

/** With the number by which a stream goes on after it. */
const Numbered = Type.Object({ sequence: Type.Integer(), notification: Notification }, closed);

/** The hint `notify.created` to all gateways. It may be lost, and may come again or in another order. */
export interface NotificationsCreated {
  userId: string;
  /** What is new, oldest first; absent when whoever says so is of an earlier version. */
  items?: readonly Static<typeof Numbered>[];
}

export const notifyActions = {
  "notify.list": action({
    summary: "My notifications, newest first",
    access: "user",
    params: Type.Object({ unread: Type.Optional(Type.Boolean()), ...pageParams }, closed),
    result: pageOf(Notification),
  }),
  "notify.read": action({
    summary: "Mark a notification as read",
    access: "owner",
    params: ById,
    result: Notification,
  }),
  "notify.mailbox": action({
    summary: "What e-mail and SMS would have been sent, newest first; only where no SMTP_URL is set",
    access: "admin",
    params: Type.Object({ to: Type.Optional(Type.String({ maxLength: 254 })), ...pageParams }, closed),
    result: pageOf(Mail),
  }),

  "notify.since": action({
    summary: "A user's notifications after a sequence number, oldest first, for a stream that resumes",
    access: "internal",
    params: Type.Object(
      {
        userId: Id,
        after: nullable(Type.Integer({ minimum: 0, description: "null: only learn the last sequence number" })),
        limit: Type.Integer({ minimum: 1, maximum: 500 }),
      },
      closed,
    ),
    result: Type.Object(
      {
        last: Type.Integer(),
        items: Type.Array(Numbered),
      },
      closed,
    ),
    retryable: true,
  }),
  "notify.ofOrder": action({
    summary: "What was told to whom about an order",
    access: "internal",
    params: Type.Object({ orderId: Id }, closed),
    result: Type.Array(TimelineEntry),
    retryable: true,
  }),
  "notify.ofUser": action({
    summary: "Every notification of a user",
    access: "internal",
    params: Type.Object({ userId: Id }, closed),
    result: Type.Array(Notification),
    retryable: true,
  }),
  "notify.messagesOf": action({
    summary: "Every e-mail and SMS to a user, without what it says",
    access: "internal",
    params: Type.Object({ userId: Id }, closed),
    result: Type.Array(Message),
    retryable: true,
  }),
  "notify.sendPasswordReset": action({
    summary: "Send a password reset token by e-mail",
    access: "internal",
    params: Type.Object({ contact: Contact, token: Type.String(), minutes: Type.Integer() }, closed),
    result: Type.Null(),
  }),
  "notify.dossier": action({
    summary: "Every notification and message about an order, in the order they were made",
    access: "internal",
    params: Type.Object({ orderId: Id }, closed),
    result: Type.Array(Delivered),
    retryable: true,
  }),
  "notify.audit": audit(),
  "notify.hasten": hasten("messages to send"),
};
export type NotifyActions = TypesOf<typeof notifyActions>;
