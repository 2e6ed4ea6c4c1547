import { Type, type Static } from "@sinclair/typebox";
import { action, type TypesOf } from "./action.ts";
import { audit, hasten } from "./audit.ts";
import { BriefsOf, ById, Cents, closed, Currency, Id, listOf, NoParams, nullable, Time } from "./shapes.ts";

export const PaymentMethod = Type.Union([Type.Literal("card"), Type.Literal("alipay"), Type.Literal("wechat_pay")]);
export type PaymentMethod = Static<typeof PaymentMethod>;
export const paymentMethods = PaymentMethod.anyOf.map(({ const: method }) => method);

export const PaymentStatus = Type.Union([
  Type.Literal("PENDING"),
  Type.Literal("SUCCEEDED"),
  Type.Literal("FAILED"),
  Type.Literal("CANCELLED"),
]);
export type PaymentStatus = Static<typeof PaymentStatus>;

export const Payment = Type.Object(
  {
    id: Id,
    orderId: Id,
    provider: Type.String(),
    method: PaymentMethod,
    status: PaymentStatus,
    amountCents: Cents,
    refundedCents: Cents,
    currency: Currency,
    providerRef: nullable(Type.String()),
    redirectUrl: nullable(Type.String()),
    failureCode: nullable(Type.String()),
    createdAt: Time,
    settledAt: nullable(Time),
  },
  closed,
);
export type Payment = Static<typeof Payment>;

export const TimelineEntry = Type.Object(
  {
    at: Time,
    type: Type.String(),
    by: Type.String({ description: "a user's id, or the service that did it" }),
    detail: Type.Record(Type.String(), Type.Unknown()),
  },
  closed,
);
export type TimelineEntry = Static<typeof TimelineEntry>;

export const PaymentRequest = Type.Object(
  {
    method: PaymentMethod,
    token: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: "^[\\x21-\\x7e]+$" })),
  },
  closed,
);

export const PaymentBrief = Type.Object(
  { id: Id, orderId: Id, status: PaymentStatus, amountCents: Cents, refundedCents: Cents },
  closed,
);
export type PaymentBrief = Static<typeof PaymentBrief>;

export const PaymentRefund = Type.Object(
  {
    id: Id,
    paymentId: Id,
    amountCents: Cents,
    status: Type.Union([Type.Literal("REQUESTED"), Type.Literal("DONE"), Type.Literal("FAILED")]),
    providerRef: nullable(Type.String()),
    failureCode: nullable(Type.String()),
    attempts: Type.Integer(),
    nextAttemptAt: nullable(Time),
  },
  closed,
);

export const PaymentCheck = Type.Object(
  { paymentId: Id, checks: Type.Integer(), nextCheckAt: nullable(Time), conflict: nullable(Type.String()) },
  closed,
);

/** What a shop has to know to offer payments. */
export const PaymentOptions = Type.Object(
  {
    provider: Type.String(),
    methods: Type.Array(PaymentMethod),
    testTokens: Type.Array(Type.String(), {
      description: "what stands for cards at the sandbox; none at a real provider",
    }),
  },
  closed,
);
export type PaymentOptions = Static<typeof PaymentOptions>;

export const paymentActions = {
  "payments.methods": action({
    summary: "How orders can be paid now",
    access: "public",
    params: NoParams,
    result: PaymentOptions,
    retryable: true,
  }),
  "payments.get": action({ summary: "One payment", access: "owner-or-staff", params: ById, result: Payment }),
  "payments.webhook": action({
    summary: "A provider's message; authenticated by its signature over the raw bytes",
    access: "public",
    params: Type.Object(
      {
        provider: Type.String({ pattern: "^[a-z0-9_-]{1,40}$", description: "its name, such as sandbox or stripe" }),
        body: Type.String({ description: "the raw bytes, as base64" }),
        headers: Type.Record(Type.String(), Type.String()),
      },
      closed,
    ),
    result: Type.Object({ received: Type.Literal(true) }, closed),
    refusals: ["INVALID_SIGNATURE"],
  }),

  "payments.create": action({
    summary: "Charge an order's total. The same `key` again answers with the payment it made",
    access: "internal",
    params: Type.Object(
      {
        orderId: Id,
        customerId: Id,
        amountCents: Cents,
        currency: Currency,
        method: PaymentMethod,
        token: Type.Optional(Type.String()),
        key: Type.Optional(Type.String({ maxLength: 64, description: "digest of who asks and their idempotency key" })),
      },
      closed,
    ),
    result: Payment,
    refusals: ["PAYMENT_OPEN", "ORDER_ALREADY_PAID", "IDEMPOTENCY_KEY_REUSED"],
  }),
  "payments.byKey": action({
    summary: "The payment that `payments.create` made for a key, or null",
    access: "internal",
    params: Type.Object({ key: Type.String({ maxLength: 64 }) }, closed),
    result: nullable(Payment),
    retryable: true,
  }),
  "payments.refund": action({
    summary: "Return money of a payment. The same `refundId` again changes nothing and answers the same",
    access: "internal",
    params: Type.Object({ refundId: Id, paymentId: Id, amountCents: Cents, reason: Type.String() }, closed),
    result: Payment,
    retryable: true,
    refusals: ["REFUND_EXCEEDS_PAYMENT", "PAYMENT_NOT_REFUNDABLE", "REFUND_ID_REUSED", "PAYMENT_PROVIDER_UNAVAILABLE"],
  }),
  "payments.ofOrder": action({
    summary: "Every payment of an order, oldest first",
    access: "internal",
    params: Type.Object({ orderId: Id }, closed),
    result: listOf(Payment),
    retryable: true,
  }),
  "payments.history": action({
    summary: "What happened to the payments of an order",
    access: "internal",
    params: Type.Object({ orderId: Id }, closed),
    result: Type.Array(TimelineEntry),
    retryable: true,
  }),
  "payments.ofCustomer": action({
    summary: "Every payment of a customer",
    access: "internal",
    params: Type.Object({ customerId: Id }, closed),
    result: Type.Array(Payment),
    retryable: true,
  }),
  "payments.approvalPage": action({
    summary: "What the sandbox's approval page shows",
    access: "internal",
    params: Type.Object({ providerRef: Type.String({ maxLength: 64 }) }, closed),
    result: nullable(
      Type.Object(
        { providerRef: Type.String(), status: Type.String(), amountCents: Cents, currency: Currency },
        closed,
      ),
    ),
  }),
  "payments.approve": action({
    summary: "A person's decision on the sandbox's approval page",
    access: "internal",
    params: Type.Object(
      {
        providerRef: Type.String({ maxLength: 64 }),
        decision: Type.Union([Type.Literal("approve"), Type.Literal("decline")]),
      },
      closed,
    ),
    result: Type.Object({ status: Type.String() }, closed),
  }),
  "payments.briefs": action({
    summary: "Payments in short: those of these orders, or all of them by id, a page at a time",
    access: "internal",
    params: BriefsOf,
    result: Type.Array(PaymentBrief),
    timeoutMs: 30_000,
    retryable: true,
  }),
  "payments.dossier": action({
    summary: "All that this service knows of an order's payments",
    access: "internal",
    params: Type.Object({ orderId: Id }, closed),
    result: Type.Object(
      {
        payments: Type.Array(Payment),
        refunds: Type.Array(PaymentRefund),
        checks: Type.Array(PaymentCheck),
        history: Type.Array(TimelineEntry),
      },
      closed,
    ),
    retryable: true,
  }),
  "payments.audit": audit(),
  "payments.hasten": hasten("asking providers about open payments, refunds, webhooks"),
};
export type PaymentActions = TypesOf<typeof paymentActions>;
