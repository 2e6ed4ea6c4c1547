import type { PaymentMethod, PaymentStatus } from "../../contracts/payments.ts";
import type { Payment } from "./payment.ts";

// How payments look in their table. Integers may come as strings from one store and as numbers from the other.

export interface Row {
  id: string;
  order_id: string;
  open_order_id: string | null;
  customer_id: string;
  dedup_key: string | null;
  provider: string;
  method: string;
  token: string | null;
  status: string;
  amount_cents: number | string;
  refunded_cents: number | string;
  currency: string;
  provider_ref: string | null;
  redirect_url: string | null;
  failure_code: string | null;
  conflict_note: string | null;
  created_at: number | string;
  settled_at: number | string | null;
  next_check_at: number | string | null;
  checks: number | string;
  event_sequence: number | string;
  traceparent: string | null;
}

const numberOrNull = (value: number | string | null): number | null => (value === null ? null : Number(value));

export const toPayment = (row: Row): Payment => ({
  id: row.id,
  orderId: row.order_id,
  customerId: row.customer_id,
  dedupKey: row.dedup_key,
  provider: row.provider,
  method: row.method as PaymentMethod,
  token: row.token,
  status: row.status as PaymentStatus,
  amountCents: Number(row.amount_cents),
  refundedCents: Number(row.refunded_cents),
  currency: row.currency,
  providerRef: row.provider_ref,
  redirectUrl: row.redirect_url,
  failureCode: row.failure_code,
  conflict: row.conflict_note,
  createdAt: Number(row.created_at),
  settledAt: numberOrNull(row.settled_at),
  nextCheckAt: numberOrNull(row.next_check_at),
  checks: Number(row.checks),
  eventSequence: Number(row.event_sequence),
  traceparent: row.traceparent,
});

const toRow = (payment: Payment): Row => ({
  id: payment.id,
  order_id: payment.orderId,
  open_order_id: payment.status === "PENDING" ? payment.orderId : null,
  customer_id: payment.customerId,
  dedup_key: payment.dedupKey,
  provider: payment.provider,
  method: payment.method,
  token: payment.token,
  status: payment.status,
  amount_cents: payment.amountCents,
  refunded_cents: payment.refundedCents,
  currency: payment.currency,
  provider_ref: payment.providerRef,
  redirect_url: payment.redirectUrl,
  failure_code: payment.failureCode,
  conflict_note: payment.conflict,
  created_at: payment.createdAt,
  settled_at: payment.settledAt,
  next_check_at: payment.nextCheckAt,
  checks: payment.checks,
  event_sequence: payment.eventSequence,
  traceparent: payment.traceparent,
});

export const paymentColumns = [
  ...["id", "order_id", "open_order_id", "customer_id", "dedup_key", "provider", "method", "token", "status"],
  ...["amount_cents", "refunded_cents", "currency", "provider_ref", "redirect_url", "failure_code", "conflict_note"],
  ...["created_at", "settled_at", "next_check_at", "checks", "event_sequence", "traceparent"],
] as const satisfies readonly (keyof Row)[];

/** What changes in a payment's life. */
export const changedColumns = [
  ...["open_order_id", "status", "refunded_cents", "provider_ref", "redirect_url", "failure_code", "conflict_note"],
  ...["settled_at", "next_check_at", "checks", "event_sequence"],
] as const satisfies readonly (keyof Row)[];

export function paymentValues(payment: Payment): unknown[] {
  const row = toRow(payment);
  return paymentColumns.map((column) => row[column]);
}
