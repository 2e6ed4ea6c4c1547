import { DomainError } from "../../lib/errors.ts";
import { sumCents } from "../../lib/money.ts";
import type { Change, Payment } from "./payment.ts";

export type RefundStatus = "REQUESTED" | "DONE" | "FAILED";

/** Money going back. It counts against the payment from the moment it is asked for. */
export interface Refund {
  id: string;
  paymentId: string;
  amountCents: number;
  reason: string;
  status: RefundStatus;
  /** The provider's own id, once done. */
  providerRef: string | null;
  failureCode: string | null;
  /** How often the provider could not be reached. */
  attempts: number;
  /** When it is sent again; null once it ended. */
  nextAttemptAt: number | null;
  createdAt: number;
}

export type NewRefund = Pick<Refund, "id" | "paymentId" | "amountCents" | "reason">;

/** How long whoever sends a refund has it for itself. */
export const refundLeaseMs = 10_000;

/** Allows a refund, given all that were asked for of the same payment before. */
export function requestRefund(payment: Payment, before: readonly Refund[], asked: NewRefund, now: number): Refund {
  if (payment.status !== "SUCCEEDED") {
    throw new DomainError("conflict", "PAYMENT_NOT_REFUNDABLE", "Only a payment that succeeded can be refunded.", {
      status: payment.status,
    });
  }
  const claimedCents = sumCents(before.filter(({ status }) => status !== "FAILED").map((refund) => refund.amountCents));
  const refundableCents = payment.amountCents - claimedCents;
  if (asked.amountCents > refundableCents) {
    throw new DomainError("conflict", "REFUND_EXCEEDS_PAYMENT", "This is more than what is left of the payment.", {
      refundableCents,
    });
  }
  return {
    ...asked,
    status: "REQUESTED",
    providerRef: null,
    failureCode: null,
    attempts: 0,
    nextAttemptAt: now + refundLeaseMs,
    createdAt: now,
  };
}

/** Refuses a second use of a refund's id for something else. */
export function assertSameRefund(made: Refund, asked: NewRefund): void {
  if (made.paymentId === asked.paymentId && made.amountCents === asked.amountCents) return;
  throw new DomainError("conflict", "REFUND_ID_REUSED", "This refund id was used for another refund.");
}

/** The provider has taken the refund on: the money counts as returned. */
export function finishRefund(payment: Payment, refund: Refund): Change {
  const { id: refundId, amountCents, reason } = refund;
  const { id: paymentId, orderId, currency, provider, providerRef } = payment;
  const refundedCents = payment.refundedCents + amountCents;
  return {
    payment: { ...payment, refundedCents },
    ledger: { id: refundId, kind: "refund", amountCents: -amountCents },
    entries: [
      {
        type: "payment.refunded",
        by: provider,
        detail: { paymentId, refundId, amountCents, refundedCents, currency, reason },
      },
    ],
    facts: [{ type: "payment.refunded", data: { paymentId, orderId, amountCents, currency, provider, providerRef } }],
  };
}

/** The provider refused the refund for good: no money moved, and what it had claimed is free again. */
export function failRefund(payment: Payment, { id: refundId, amountCents }: Refund, failureCode: string): Change {
  const detail = { paymentId: payment.id, refundId, amountCents, failureCode };
  return {
    payment,
    ledger: null,
    entries: [{ type: "payment.refund_failed", by: payment.provider, detail }],
    facts: [],
  };
}
