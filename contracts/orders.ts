import { Type, type Static } from "@sinclair/typebox";
import { action, type TypesOf } from "./action.ts";
import { audit, hasten } from "./audit.ts";
import { Payment, PaymentRequest, TimelineEntry } from "./payments.ts";
import {
  BriefsOf,
  ById,
  Cents,
  closed,
  Currency,
  Id,
  Ids,
  line,
  listOf,
  nullable,
  pageOf,
  pageParams,
  Sku,
  text,
  Time,
} from "./shapes.ts";

export const OrderStatus = Type.Union([
  Type.Literal("CREATED"),
  Type.Literal("PAID"),
  Type.Literal("SHIPPED"),
  Type.Literal("COMPLETED"),
  Type.Literal("CANCELLED"),
  Type.Literal("EXPIRED"),
  Type.Literal("REFUNDED"),
]);
export type OrderStatus = Static<typeof OrderStatus>;

export const OrderLine = Type.Object(
  { sku: Sku, name: Type.String(), quantity: Type.Integer(), unitPriceCents: Cents, lineTotalCents: Cents },
  closed,
);
export type OrderLine = Static<typeof OrderLine>;

/** An address as it was when the order was placed. */
export const OrderAddress = Type.Object(
  {
    name: Type.String(),
    line1: Type.String(),
    line2: nullable(Type.String()),
    city: Type.String(),
    region: nullable(Type.String()),
    postalCode: Type.String(),
    country: Type.String(),
    phone: nullable(Type.String()),
  },
  closed,
);
export type OrderAddress = Static<typeof OrderAddress>;

export const Order = Type.Object(
  {
    id: Id,
    status: OrderStatus,
    customerId: Id,
    currency: Currency,
    lines: Type.Array(OrderLine),
    totalCents: Cents,
    refundedCents: Cents,
    address: nullable(OrderAddress),
    note: nullable(Type.String()),
    paymentId: nullable(Id),
    shipment: nullable(Type.Object({ carrier: Type.String(), trackingNumber: Type.String() }, closed)),
    createdAt: Time,
    expiresAt: Time,
    paidAt: nullable(Time),
    shippedAt: nullable(Time),
    completedAt: nullable(Time),
    cancelledAt: nullable(Time),
  },
  closed,
);
export type Order = Static<typeof Order>;

export const PlaceOrder = Type.Object(
  {
    items: Type.Array(Type.Object({ sku: Sku, quantity: Type.Integer({ minimum: 1, maximum: 100_000 }) }, closed), {
      minItems: 1,
      maxItems: 1000,
    }),
    addressId: Type.Optional(Id),
    note: Type.Optional(text(1000)),
  },
  closed,
);
export type PlaceOrder = Static<typeof PlaceOrder>;

// Clients wait 5 s: what takes longer than these is answered with a 503, and goes on with its key.

const idempotencyCodes = ["IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_KEY_IN_FLIGHT"] as const;

export const OrderBrief = Type.Object(
  {
    id: Id,
    status: OrderStatus,
    totalCents: Cents,
    refundedCents: Cents,
    paymentId: nullable(Id),
    shipped: Type.Boolean(),
  },
  closed,
);
export type OrderBrief = Static<typeof OrderBrief>;

export const OrderRefund = Type.Object(
  {
    id: Id,
    paymentId: Id,
    kind: Type.String({ description: "cancel, refund, or stray: of a payment the order has no use for" }),
    amountCents: Cents,
    reason: Type.String(),
    status: Type.Union([Type.Literal("REQUESTED"), Type.Literal("DONE"), Type.Literal("REFUSED")]),
    attempts: Type.Integer(),
    dueAt: Time,
    lastError: nullable(Type.String()),
  },
  closed,
);
export type OrderRefund = Static<typeof OrderRefund>;

export const StoredAnswer = Type.Object({ key: Type.String(), status: Type.Integer(), createdAt: Time }, closed);

export const orderActions = {
  "orders.place": action({
    summary: "Place an order: its stock is held until it is paid or `expiresAt` has come",
    access: "user",
    params: PlaceOrder,
    result: Order,
    refusals: ["OUT_OF_STOCK", "UNKNOWN_PRODUCT", "ORDERS_CLOSED", "OVERLOADED", ...idempotencyCodes],
  }),
  "orders.list": action({
    summary: "My orders, newest first; support and administrators see all",
    access: "user",
    params: Type.Object({ status: Type.Optional(OrderStatus), customerId: Type.Optional(Id), ...pageParams }, closed),
    result: pageOf(Order),
  }),
  "orders.get": action({
    summary: "One order",
    access: "owner-or-staff",
    params: ById,
    result: Order,
    retryable: true,
  }),
  "orders.timeline": action({
    summary: "Every change, payment and notification of an order, oldest first",
    access: "owner-or-staff",
    params: ById,
    result: listOf(TimelineEntry),
  }),
  "orders.payments": action({
    summary: "The payments of an order, oldest first",
    access: "owner-or-staff",
    params: Type.Object({ id: Id, ...pageParams }, closed),
    result: pageOf(Payment),
  }),
  "orders.pay": action({
    summary: "Pay an order in full",
    access: "owner",
    params: Type.Object({ id: Id, ...PaymentRequest.properties }, closed),
    result: Payment,
    refusals: ["PAYMENT_DECLINED", "ORDER_NOT_PAYABLE", ...idempotencyCodes],
  }),
  "orders.cancel": action({
    summary: "Cancel an order; one that is paid and not shipped is refunded",
    access: "owner-or-staff",
    params: Type.Object({ id: Id, reason: Type.Optional(line(200)) }, closed),
    result: Order,
    refusals: ["ORDER_ILLEGAL_TRANSITION", ...idempotencyCodes],
  }),
  "orders.complete": action({
    summary: "Say that an order was received",
    access: "owner-or-staff",
    params: ById,
    result: Order,
    refusals: ["ORDER_ILLEGAL_TRANSITION"],
  }),
  "orders.ship": action({
    summary: "Say that an order was sent",
    access: "staff",
    params: Type.Object({ id: Id, carrier: line(100), trackingNumber: line(100) }, closed),
    result: Order,
    refusals: ["ORDER_ILLEGAL_TRANSITION"],
  }),
  "orders.refund": action({
    summary: "Return a part of an order's money, or all that is left of it",
    access: "staff",
    params: Type.Object(
      {
        id: Id,
        amountCents: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
        reason: line(200),
      },
      closed,
    ),
    result: Order,
    refusals: ["ORDER_NOT_REFUNDABLE", "REFUND_EXCEEDS_PAYMENT", "REFUND_REFUSED", ...idempotencyCodes],
  }),

  "orders.states": action({
    summary: "Status and last event sequence of orders, and whether the goods were sent; an unknown id is left out",
    access: "internal",
    params: Ids,
    result: Type.Array(
      Type.Object(
        { id: Id, status: OrderStatus, sequence: Type.Integer(), expiresAt: Time, shipped: Type.Boolean() },
        closed,
      ),
    ),
    retryable: true,
  }),
  "orders.customer": action({
    summary: "Whose order it is, or null",
    access: "internal",
    params: ById,
    result: nullable(Id),
    retryable: true,
  }),
  "orders.ofCustomer": action({
    summary: "Every order of a customer",
    access: "internal",
    params: Type.Object({ customerId: Id }, closed),
    result: Type.Array(Order),
    retryable: true,
  }),
  "orders.historiesOf": action({
    summary: "Everything that happened to the orders of a customer",
    access: "internal",
    params: Type.Object({ customerId: Id }, closed),
    result: Type.Array(Type.Object({ orderId: Id, ...TimelineEntry.properties }, closed)),
    retryable: true,
  }),
  "orders.briefs": action({
    summary: "Orders in short: these, or all of them by id, a page at a time",
    access: "internal",
    params: BriefsOf,
    result: Type.Array(OrderBrief),
    timeoutMs: 30_000,
    retryable: true,
  }),
  "orders.dossier": action({
    summary: "All that this service knows of an order, or null",
    access: "internal",
    params: ById,
    result: nullable(
      Type.Object(
        {
          order: Order,
          history: Type.Array(TimelineEntry),
          refunds: Type.Array(OrderRefund),
          answers: Type.Array(StoredAnswer),
        },
        closed,
      ),
    ),
    retryable: true,
  }),
  "orders.audit": audit(),
  "orders.hasten": hasten("deadlines, refunds"),
};
export type OrderActions = TypesOf<typeof orderActions>;
