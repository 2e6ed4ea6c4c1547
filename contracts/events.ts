import { Type, type Static, type TSchema } from "@sinclair/typebox";
import { Cents, closed, Currency, Email, Id, Locale, nullable, Role, Sku, Time } from "./shapes.ts";

const of = <P extends Record<string, TSchema>>(properties: P) => Type.Object(properties, closed);

const ended = of({ orderId: Id, customerId: Id, reason: Type.String() });
const paymentFact = of({
  paymentId: Id,
  orderId: Id,
  amountCents: Cents,
  currency: Currency,
  provider: Type.String(),
  providerRef: nullable(Type.String()),
  failureCode: Type.Optional(nullable(Type.String())),
});

/** The data of every durable event, by type. A fact leaves its service only as one of these, through the outbox. */
export const eventData = {
  "user.registered": of({ userId: Id, email: Email, name: Type.String(), locale: Locale }),
  "user.updated": of({ userId: Id, roles: Type.Array(Role), status: Type.String() }),
  "user.erased": of({ userId: Id }),
  "order.created": of({
    orderId: Id,
    customerId: Id,
    currency: Currency,
    totalCents: Cents,
    lines: Type.Array(
      of({ sku: Sku, name: Type.String(), quantity: Type.Integer(), unitPriceCents: Cents, lineTotalCents: Cents }),
    ),
    expiresAt: Time,
  }),
  "order.paid": of({ orderId: Id, customerId: Id, paymentId: Id, totalCents: Cents, currency: Currency, paidAt: Time }),
  "order.cancelled": ended,
  "order.expired": ended,
  "order.shipped": of({ orderId: Id, customerId: Id, carrier: Type.String(), trackingNumber: Type.String() }),
  "order.completed": of({ orderId: Id, customerId: Id }),
  "order.refunded": of({
    orderId: Id,
    customerId: Id,
    amountCents: Cents,
    refundedCents: Cents,
    currency: Currency,
    reason: Type.String(),
  }),
  "payment.succeeded": paymentFact,
  "payment.failed": paymentFact,
  "payment.refunded": paymentFact,
};

export type EventType = keyof typeof eventData;
export type EventData<T extends EventType> = Static<(typeof eventData)[T]>;
export const eventTypes = Object.keys(eventData) as EventType[];

/** The events a person can be told of. */
export const EventTypeSchema = Type.Union([
  Type.Literal("user.registered"),
  Type.Literal("order.created"),
  Type.Literal("order.paid"),
  Type.Literal("order.cancelled"),
  Type.Literal("order.expired"),
  Type.Literal("order.shipped"),
  Type.Literal("order.completed"),
  Type.Literal("order.refunded"),
  Type.Literal("payment.succeeded"),
  Type.Literal("payment.failed"),
  Type.Literal("payment.refunded"),
]);

/** A CloudEvents 1.0 envelope. `sequence` counts 1, 2, 3 … within a subject, the aggregate's id. */
export interface CloudEvent<T extends EventType = EventType> {
  specversion: "1.0";
  id: string;
  source: string;
  type: T;
  subject: string;
  time: string;
  datacontenttype: "application/json";
  sequence: number;
  traceparent?: string;
  data: EventData<T>;
}

/** A fact before it has an envelope: what domain functions return. */
export type Fact = { [T in EventType]: { type: T; data: EventData<T> } }[EventType];

/** Which service hears of which events: the whole topology, in one place. */
export const subscriptions = {
  auth: ["user.updated", "user.erased"],
  inventory: ["order.paid", "order.cancelled", "order.expired", "order.refunded"],
  orders: ["payment.succeeded", "user.erased"],
  notify: [
    "user.registered",
    "user.erased",
    "order.created",
    "order.paid",
    "order.cancelled",
    "order.expired",
    "order.shipped",
    "order.completed",
    "order.refunded",
    "payment.succeeded",
    "payment.failed",
    "payment.refunded",
  ],
} as const satisfies Record<string, readonly EventType[]>;

export type Consumer = keyof typeof subscriptions;
export type SubscribedBy<C extends Consumer> = (typeof subscriptions)[C][number];
