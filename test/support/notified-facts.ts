import { eventTypes, type CloudEvent, type EventData, type EventType } from "../../contracts/events.ts";
import { newId } from "../../lib/ids.ts";
import type { NotifiedType } from "../../services/notify/templates/template.ts";

const unnotified = new Set<EventType>(["user.updated", "user.erased"]);

export const notifiedTypes = eventTypes.filter((type): type is NotifiedType => !unnotified.has(type));

const order = () => ({ orderId: newId(), customerId: newId() });
const payment = () => ({
  paymentId: newId(),
  orderId: newId(),
  amountCents: 1234,
  currency: "GBP",
  provider: "sandbox",
  providerRef: "ch_1",
});

const samples: { [T in NotifiedType]: () => EventData<T> } = {
  "user.registered": () => ({ userId: newId(), email: "ann@example.com", name: "Ann", locale: "en" }),
  "order.created": () => ({
    ...order(),
    currency: "GBP",
    totalCents: 1234,
    lines: [{ sku: "A", name: "Lamp", quantity: 2, unitPriceCents: 617, lineTotalCents: 1234 }],
    expiresAt: "2026-01-02T03:04:05.000Z",
  }),
  "order.paid": () => ({
    ...order(),
    paymentId: newId(),
    totalCents: 1234,
    currency: "GBP",
    paidAt: "2026-01-02T03:04:05.000Z",
  }),
  "order.cancelled": () => ({ ...order(), reason: "changed my mind" }),
  "order.expired": () => ({ ...order(), reason: "not paid in time" }),
  "order.shipped": () => ({ ...order(), carrier: "Royal Mail", trackingNumber: "TN <1> & co" }),
  "order.completed": order,
  "order.refunded": () => ({
    ...order(),
    amountCents: 500,
    refundedCents: 500,
    currency: "GBP",
    reason: "arrived broken",
  }),
  "payment.succeeded": payment,
  "payment.failed": () => ({ ...payment(), failureCode: "card_declined" }),
  "payment.refunded": payment,
};

/** A fact of a type as its service would tell it, with what `change` says instead. */
export const factOf = <T extends NotifiedType>(type: T, change: object = {}): { type: T; data: EventData<T> } => ({
  type,
  data: { ...samples[type](), ...change },
});

/** The envelope of a fact. */
export function eventOf(fact: { type: EventType; data: object }, subject: string, sequence = 1): CloudEvent {
  return {
    specversion: "1.0",
    id: newId(),
    source: `/hub/${fact.type.split(".")[0]}s`,
    type: fact.type,
    subject,
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    sequence,
    data: fact.data as CloudEvent["data"],
  };
}
