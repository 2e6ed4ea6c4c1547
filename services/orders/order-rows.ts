import type { OrderAddress, OrderLine, OrderStatus } from "../../contracts/orders.ts";
import type { OrderState, Refund, RefundKind } from "./order.ts";

// How orders look in their tables. Integers may come as strings from one store and as numbers from the other.

type Int = number | string;

export interface OrderRow {
  id: string;
  status: string;
  customer_id: string;
  currency: string;
  total_cents: Int;
  refunded_cents: Int;
  refunding_cents: Int;
  address: string | null;
  note: string | null;
  payment_id: string | null;
  carrier: string | null;
  tracking_number: string | null;
  created_at: Int;
  expires_at: Int;
  paid_at: Int | null;
  shipped_at: Int | null;
  completed_at: Int | null;
  cancelled_at: Int | null;
  event_sequence: Int;
}

export interface LineRow {
  order_id: string;
  sku: string;
  name: string;
  quantity: Int;
  unit_price_cents: Int;
  line_total_cents: Int;
}

export interface RefundRow {
  id: string;
  order_id: string;
  payment_id: string;
  kind: string;
  amount_cents: Int;
  reason: string;
  by_whom: string;
  status: string;
  attempts: Int;
}

export const orderColumns =
  "id, status, customer_id, currency, total_cents, refunded_cents, refunding_cents, address, note, payment_id, carrier, " +
  "tracking_number, created_at, expires_at, paid_at, shipped_at, completed_at, cancelled_at, event_sequence";

/** What changes in an order's life. */
export const changedColumns = [
  ...["status", "refunded_cents", "refunding_cents", "payment_id", "carrier", "tracking_number"],
  ...["paid_at", "shipped_at", "completed_at", "cancelled_at", "event_sequence"],
];

export const orderValues = (order: OrderState): unknown[] => [
  order.id,
  order.status,
  order.customerId,
  order.currency,
  order.totalCents,
  order.refundedCents,
  order.refundingCents,
  order.address && JSON.stringify(order.address),
  order.note,
  order.paymentId,
  order.shipment?.carrier ?? null,
  order.shipment?.trackingNumber ?? null,
  order.createdAt,
  order.expiresAt,
  order.paidAt,
  order.shippedAt,
  order.completedAt,
  order.cancelledAt,
  order.eventSequence,
];

const timeOrNull = (value: Int | null): number | null => (value === null ? null : Number(value));

export function toOrder(row: OrderRow, lines: LineRow[]): OrderState {
  return {
    id: row.id,
    status: row.status as OrderStatus,
    customerId: row.customer_id,
    currency: row.currency,
    lines: lines.map(toLine),
    totalCents: Number(row.total_cents),
    refundedCents: Number(row.refunded_cents),
    refundingCents: Number(row.refunding_cents),
    address: row.address === null ? null : (JSON.parse(row.address) as OrderAddress),
    note: row.note,
    paymentId: row.payment_id,
    shipment:
      row.carrier === null || row.tracking_number === null
        ? null
        : { carrier: row.carrier, trackingNumber: row.tracking_number },
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
    paidAt: timeOrNull(row.paid_at),
    shippedAt: timeOrNull(row.shipped_at),
    completedAt: timeOrNull(row.completed_at),
    cancelledAt: timeOrNull(row.cancelled_at),
    eventSequence: Number(row.event_sequence),
  };
}

const toLine = (row: LineRow): OrderLine => ({
  sku: row.sku,
  name: row.name,
  quantity: Number(row.quantity),
  unitPriceCents: Number(row.unit_price_cents),
  lineTotalCents: Number(row.line_total_cents),
});

export const toRefund = (row: RefundRow): Refund => ({
  id: row.id,
  orderId: row.order_id,
  paymentId: row.payment_id,
  kind: row.kind as RefundKind,
  amountCents: Number(row.amount_cents),
  reason: row.reason,
  by: row.by_whom,
});

/**
 * The column that says in which order an order's history was written: its row was locked each time, so a number that the
 * database gives is in step with what came about. Ids and times are not, they come from clocks, of which one may be wrong.
 */
export const historyPosition = (dialect: "sqlite" | "mysql"): string => (dialect === "mysql" ? "position" : "rowid");
