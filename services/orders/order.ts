import type { Fact } from "../../contracts/events.ts";
import type { OrderAddress, OrderLine, OrderStatus } from "../../contracts/orders.ts";
import { DomainError } from "../../lib/errors.ts";
import { toIso } from "../../lib/time.ts";
import { assertTransition, type Transitions } from "../../lib/transition.ts";

/** An order as it is stored. Times are milliseconds since the epoch. */
export interface OrderState {
  id: string;
  status: OrderStatus;
  customerId: string;
  currency: string;
  lines: OrderLine[];
  totalCents: number;
  refundedCents: number;
  /** Refunds that were asked for and are not done: this money is spoken for. */
  refundingCents: number;
  address: OrderAddress | null;
  note: string | null;
  paymentId: string | null;
  shipment: { carrier: string; trackingNumber: string } | null;
  createdAt: number;
  expiresAt: number;
  paidAt: number | null;
  shippedAt: number | null;
  completedAt: number | null;
  cancelledAt: number | null;
  /** The number of the last event about this order. */
  eventSequence: number;
}

/** `cancel` and `refund` return money of the order's own payment, `stray` all of one that the order has no use for. */
export type RefundKind = "cancel" | "refund" | "stray";

export interface Refund {
  id: string;
  orderId: string;
  paymentId: string;
  kind: RefundKind;
  amountCents: number;
  reason: string;
  by: string;
}

export interface HistoryEntry {
  type: string;
  by: string;
  detail: Record<string, unknown>;
}

/** What a decision does to an order: its new state, the facts to tell, the history to keep, the refund to start. */
export interface Change {
  order: OrderState;
  facts: Fact[];
  history: HistoryEntry[];
  refund?: Refund;
}

/** Who acts when no person does. */
export const system = "system";

export const transitions: Transitions<OrderStatus> = {
  CREATED: ["PAID", "CANCELLED", "EXPIRED"],
  PAID: ["SHIPPED", "REFUNDED"],
  SHIPPED: ["COMPLETED", "REFUNDED"],
  COMPLETED: ["REFUNDED"],
  EXPIRED: ["PAID"],
  CANCELLED: [],
  REFUNDED: [],
};

const step = (order: OrderState, to: OrderStatus): void => assertTransition("ORDER", transitions, order.status, to);

/** Whether an order waits for a payment. */
export const isPayable = (order: OrderState, now: number): boolean =>
  order.status === "CREATED" && now < order.expiresAt;

/** Refuses to start a payment for an order that does not wait for one. */
export function assertPayable(order: OrderState, now: number): void {
  if (isPayable(order, now)) return;
  const status = order.status === "CREATED" ? "EXPIRED" : order.status;
  throw notPayable(`The order is ${status}.`, { orderStatus: status });
}

export const notPayable = (message: string, data: Record<string, unknown>): DomainError =>
  new DomainError("conflict", "ORDER_NOT_PAYABLE", message, data);

export interface Money {
  paymentId: string;
  amountCents: number;
}

/**
 * What a successful payment means for an order in its present state: it is paid by it; it can be, if its stock can be
 * reserved again; nothing, because it is this payment that paid it; or the money has to go back.
 */
export function meaningOf(order: OrderState, money: Money): "pay" | "reserve-then-pay" | "nothing" | "return" {
  if (order.paymentId === money.paymentId) return "nothing";
  if (money.amountCents !== order.totalCents) return "return";
  if (order.status === "CREATED") return "pay";
  if (order.status === "EXPIRED") return "reserve-then-pay";
  return "return";
}

export function pay(order: OrderState, { paymentId }: Money, now: number): Change {
  step(order, "PAID");
  const { id, customerId, totalCents, currency } = order;
  return {
    // what went back before was another payment's money
    order: { ...order, status: "PAID", paymentId, paidAt: now, refundedCents: 0 },
    facts: [
      {
        type: "order.paid",
        data: { orderId: id, customerId, paymentId, totalCents, currency, paidAt: toIso(now) },
      },
    ],
    history: [{ type: "order.paid", by: system, detail: { paymentId, totalCents, late: order.status === "EXPIRED" } }],
  };
}

/** Sends all of a payment back that the order has no use for. The order stays as it is. */
export function returnMoney(order: OrderState, { paymentId, amountCents }: Money, refundId: string): Change {
  const reason = `payment arrived when the order was ${order.status}`;
  const refund: Refund = { id: refundId, orderId: order.id, paymentId, kind: "stray", amountCents, reason, by: system };
  return {
    order,
    facts: [],
    history: [{ type: "order.payment_returned", by: system, detail: { paymentId, amountCents, reason } }],
    refund,
  };
}

export const cancelledByCustomer = "cancelled by the customer";

/**
 * Cancels an unpaid order; starts the refund of one that is paid and not shipped. What customers say of why stays in
 * the order's history, where an erasure finds it; events, refunds and other services are not told.
 */
export function cancel(order: OrderState, by: string, words: string, now: number, refundId: string): Change {
  const { id, customerId } = order;
  const reason = by === customerId ? cancelledByCustomer : words;
  if (order.status === "PAID")
    return requestRefund(order, { amountCents: null, reason, words, by, kind: "cancel", refundId });
  step(order, "CANCELLED");
  return {
    order: { ...order, status: "CANCELLED", cancelledAt: now },
    facts: [{ type: "order.cancelled", data: { orderId: id, customerId, reason } }],
    history: [{ type: "order.cancelled", by, detail: { reason: words } }],
  };
}

export function expire(order: OrderState): Change {
  step(order, "EXPIRED");
  const { id, customerId } = order;
  const reason = "not paid in time";
  return {
    order: { ...order, status: "EXPIRED" },
    facts: [{ type: "order.expired", data: { orderId: id, customerId, reason } }],
    history: [{ type: "order.expired", by: system, detail: { reason } }],
  };
}

export function ship(
  order: OrderState,
  by: string,
  shipment: { carrier: string; trackingNumber: string },
  now: number,
): Change {
  step(order, "SHIPPED");
  if (order.refundingCents > 0) {
    throw new DomainError("conflict", "ORDER_ILLEGAL_TRANSITION", "A refund of this order is under way.", {
      orderStatus: order.status,
      wanted: "SHIPPED",
    });
  }
  return {
    order: { ...order, status: "SHIPPED", shipment, shippedAt: now },
    facts: [{ type: "order.shipped", data: { orderId: order.id, customerId: order.customerId, ...shipment } }],
    history: [{ type: "order.shipped", by, detail: shipment }],
  };
}

export function complete(order: OrderState, by: string, now: number): Change {
  step(order, "COMPLETED");
  return {
    order: { ...order, status: "COMPLETED", completedAt: now },
    facts: [{ type: "order.completed", data: { orderId: order.id, customerId: order.customerId } }],
    history: [{ type: "order.completed", by, detail: {} }],
  };
}

export interface RefundRequest {
  /** Null: all that is left. */
  amountCents: number | null;
  reason: string;
  /** What the history keeps, where that is not `reason`. */
  words?: string;
  by: string;
  kind: "cancel" | "refund";
  refundId: string;
}

/** Sets money aside to be returned; `refundDone` follows once the provider has returned it. */
export function requestRefund(order: OrderState, request: RefundRequest): Change {
  const { paymentId, status } = order;
  if (paymentId === null || !transitions[status].includes("REFUNDED")) {
    throw new DomainError("conflict", "ORDER_NOT_REFUNDABLE", `An order that is ${status} has nothing to refund.`, {
      orderStatus: status,
    });
  }
  const leftCents = order.totalCents - order.refundedCents - order.refundingCents;
  const amountCents = request.amountCents ?? leftCents;
  if (amountCents > leftCents || (amountCents === 0 && order.refundingCents > 0)) {
    throw new DomainError("conflict", "REFUND_EXCEEDS_PAYMENT", `Only ${leftCents} can still be refunded.`, {
      leftCents,
      amountCents,
    });
  }
  const { reason, words = reason, by, kind, refundId } = request;
  return {
    order: { ...order, refundingCents: order.refundingCents + amountCents },
    facts: [],
    history: [{ type: "order.refund_requested", by, detail: { amountCents, reason: words } }],
    refund: { id: refundId, orderId: order.id, paymentId, kind, amountCents, reason, by },
  };
}

/** The provider has returned the money. A full refund ends the order; a part of it only counts. */
export function refundDone(order: OrderState, refund: Refund): Change {
  const { amountCents, reason, by, kind, paymentId } = refund;
  const history = [{ type: "order.refunded", by, detail: { amountCents, reason, paymentId } }];
  const paidByAnother = kind === "stray" && order.paymentId !== null;
  if (paidByAnother) return { order, facts: [], history };

  const refundedCents = order.refundedCents + amountCents;
  const refundingCents = kind === "stray" ? order.refundingCents : order.refundingCents - amountCents;
  const ends = kind !== "stray" && refundedCents === order.totalCents;
  if (ends) step(order, "REFUNDED");
  const { id, customerId, currency } = order;
  return {
    order: { ...order, refundedCents, refundingCents, status: ends ? "REFUNDED" : order.status },
    facts: [
      {
        type: "order.refunded",
        data: { orderId: id, customerId, amountCents, refundedCents, currency, reason },
      },
    ],
    history,
  };
}

/** The payments service refused for good: the money set aside is free again, and a person has to look. */
export function refundRefused(order: OrderState, refund: Refund, why: string): Change {
  const { amountCents, kind } = refund;
  return {
    order: kind === "stray" ? order : { ...order, refundingCents: order.refundingCents - amountCents },
    facts: [],
    history: [{ type: "order.refund_refused", by: system, detail: { amountCents, why } }],
  };
}
