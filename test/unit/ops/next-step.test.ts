import type { Explanation } from "../../../contracts/ops.ts";
import { nextStepOf, type Known } from "../../../services/ops/next-step.ts";

const now = Date.parse("2026-01-02T12:00:00.000Z");
const ago = (seconds: number): string => new Date(now - seconds * 1_000).toISOString();

type Of<K extends keyof Explanation> = Explanation[K] extends readonly (infer T)[] ? T : never;

const order = (change: Partial<Explanation["order"]> = {}): Explanation["order"] => ({
  id: "order",
  status: "CREATED",
  customerId: "ann",
  currency: "GBP",
  lines: [],
  totalCents: 100,
  refundedCents: 0,
  address: null,
  note: null,
  paymentId: null,
  shipment: null,
  createdAt: ago(60),
  expiresAt: ago(-840),
  paidAt: null,
  shippedAt: null,
  completedAt: null,
  cancelledAt: null,
  ...change,
});
const known = (change: Partial<Known> = {}): Known => ({
  order: order(),
  history: [],
  reservation: null,
  payments: [],
  paymentChecks: [],
  paymentHistory: [],
  refunds: [],
  paymentRefunds: [],
  events: [],
  notifications: [],
  answers: [],
  unknown: [],
  ...change,
});
const consumer = (change: Partial<Of<"events">["consumers"][number]> = {}) => ({
  consumer: "inventory",
  status: "APPLIED" as const,
  attempts: 0,
  appliedAt: ago(50),
  lastError: null,
  ...change,
});
const event = (change: Partial<Of<"events">> = {}): Of<"events"> => ({
  id: "event",
  type: "order.paid",
  subject: "order",
  sequence: 2,
  createdAt: ago(60),
  publishedAt: ago(60),
  attempts: 0,
  lastError: null,
  service: "orders",
  consumers: [consumer()],
  ...change,
});
const payment = (change: Partial<Of<"payments">> = {}): Of<"payments"> => ({
  id: "payment",
  orderId: "order",
  provider: "sandbox",
  method: "card",
  status: "SUCCEEDED",
  amountCents: 100,
  refundedCents: 0,
  currency: "GBP",
  providerRef: "ch",
  redirectUrl: null,
  failureCode: null,
  createdAt: ago(60),
  settledAt: ago(60),
  ...change,
});
const refund = (change: Partial<Of<"refunds">> = {}): Of<"refunds"> => ({
  id: "refund",
  paymentId: "payment",
  kind: "refund",
  amountCents: 100,
  reason: "broken",
  status: "REQUESTED",
  attempts: 0,
  dueAt: ago(-9),
  lastError: null,
  ...change,
});
const message = (change: Partial<Of<"notifications">> = {}): Of<"notifications"> => ({
  id: "message",
  eventId: "event",
  type: "order.paid",
  channel: "email",
  status: "SENT",
  attempts: 1,
  lastError: null,
  createdAt: ago(60),
  dueAt: null,
  ...change,
});
const paid = order({ status: "PAID", paymentId: "payment", paidAt: ago(30) });
const hold = (expiresAt: string) => ({ orderId: "order", status: "HELD", expiresAt, lines: [] });
const check = (conflict: string | null) => ({ paymentId: "payment", checks: 3, nextCheckAt: ago(-30), conflict });

describe("the next step of an order", () => {
  it.each<[string, Partial<Known>]>([
    ["waits for its customer to pay", { reservation: hold(ago(-870)) }],
    ["was paid and waits to be sent", { order: paid, payments: [payment()], events: [event()] }],
    ["was declined", { payments: [payment({ status: "FAILED", failureCode: "card_declined" })] }],
    [
      "is in the middle of a payment",
      { payments: [payment({ status: "PENDING", createdAt: ago(1), settledAt: null })] },
    ],
    ["has an event that is just leaving", { events: [event({ publishedAt: null, createdAt: ago(1) })] }],
    [
      "has an event that is just being applied",
      { events: [event({ publishedAt: ago(1), consumers: [consumer({ status: "WAITING", appliedAt: null })] })] },
    ],
    ["has a refund that its asker is making", { order: paid, payments: [payment()], refunds: [refund()] }],
    [
      "was returned its late money",
      {
        order: order({ status: "CANCELLED" }),
        payments: [payment({ refundedCents: 100 })],
        refunds: [refund({ status: "DONE", kind: "stray" })],
      },
    ],
    ["expired and gave its stock back", { order: order({ status: "EXPIRED", expiresAt: ago(60) }) }],
    ["was told of", { notifications: [message()] }],
  ])("is none when it %s", (_name, change) => {
    expect(nextStepOf(known(change), now)).toBeNull();
  });

  it.each<[string, Partial<Known>, string, string, string]>([
    [
      "a consumer gave its event up",
      {
        order: paid,
        events: [event({ consumers: [consumer({ status: "DEAD", attempts: 20, lastError: "no stock row" })] })],
      },
      "redrive",
      "event",
      "inventory gave order.paid up after 20 tries: no stock row",
    ],
    [
      "its event does not leave",
      { events: [event({ publishedAt: null, attempts: 4, lastError: "inventory: timed out" })] },
      "publish",
      "event",
      "order.paid has not left orders: inventory: timed out",
    ],
    [
      "its event is not applied",
      { events: [event({ consumers: [consumer({ status: "WAITING", attempts: 3, lastError: "boom" })] })] },
      "apply",
      "event",
      "inventory has not applied order.paid: boom",
    ],
    [
      "its event got lost",
      { events: [event({ consumers: [consumer({ status: "NOT_RECEIVED" })] })] },
      "look",
      "event",
      "order.paid was published and never came to inventory",
    ],
    [
      "its deadline passed",
      { order: order({ expiresAt: ago(90) }), reservation: hold(ago(60)) },
      "expire",
      "order",
      `it was to be paid by ${ago(90)} and has not expired`,
    ],
    [
      "its customer has to approve",
      { payments: [payment({ status: "PENDING", settledAt: null, redirectUrl: "http://x/approve" })] },
      "approve",
      "payment",
      "the customer has to decide at http://x/approve",
    ],
    [
      "its payment is open",
      { payments: [payment({ status: "PENDING", settledAt: null })], paymentChecks: [check(null)] },
      "reconcile",
      "payment",
      "the provider was asked 3 times and has not decided",
    ],
    [
      "the provider contradicts us",
      { payments: [payment()], paymentChecks: [check("sandbox ch: succeeded 1 GBP")] },
      "look",
      "payment",
      "the provider says what does not fit: sandbox ch: succeeded 1 GBP",
    ],
    [
      "a refund is due",
      { order: paid, payments: [payment()], refunds: [refund({ dueAt: ago(20), lastError: "timed out" })] },
      "refund",
      "refund",
      "its refund waits: timed out",
    ],
    [
      "a refund was refused",
      { order: paid, payments: [payment()], refunds: [refund({ status: "REFUSED", lastError: "charge is gone" })] },
      "look",
      "refund",
      "the provider refused to return 100: charge is gone",
    ],
    [
      "money came and nothing followed",
      { order: order({ status: "CANCELLED" }), payments: [payment()] },
      "look",
      "payment",
      "this payment succeeded and the order, CANCELLED, knows nothing of it",
    ],
    [
      "stock is held for a closed order",
      { order: order({ status: "EXPIRED" }), reservation: hold(ago(60)) },
      "release",
      "order",
      "its stock is held though it is EXPIRED",
    ],
    [
      "a message could not be delivered",
      { notifications: [message({ status: "FAILED", lastError: "550 no such user" })] },
      "look",
      "message",
      "a message over email could not be delivered: 550 no such user",
    ],
    [
      "a message waits",
      { notifications: [message({ status: "PENDING", attempts: 2, lastError: "connection refused" })] },
      "deliver",
      "message",
      "a message over email waits: connection refused",
    ],
  ])("is found when %s", (_name, change, action, target, why) => {
    expect(nextStepOf(known(change), now)).toEqual({ action, target, why });
  });

  it("names the cause before what follows from it", () => {
    const step = nextStepOf(
      known({
        order: order({ expiresAt: ago(90) }),
        payments: [payment()],
        events: [event({ type: "payment.succeeded", consumers: [consumer({ consumer: "orders", status: "DEAD" })] })],
      }),
      now,
    );

    expect(step).toMatchObject({ action: "redrive", target: "event" });
  });
});
