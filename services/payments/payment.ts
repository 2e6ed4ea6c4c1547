import type { Fact } from "../../contracts/events.ts";
import type { PaymentMethod, PaymentStatus } from "../../contracts/payments.ts";
import { DomainError } from "../../lib/errors.ts";
import type { Transitions } from "../../lib/transition.ts";
import type { ChargeResult, ChargeStatus } from "./providers/provider.ts";

/** One attempt to have an order paid. Times are milliseconds since the epoch. */
export interface Payment {
  id: string;
  orderId: string;
  customerId: string;
  provider: string;
  method: PaymentMethod;
  /** Kept to send the very same request again. */
  token: string | null;
  /** Who asked with which idempotency key, as a digest. */
  dedupKey: string | null;
  status: PaymentStatus;
  amountCents: number;
  refundedCents: number;
  currency: string;
  providerRef: string | null;
  redirectUrl: string | null;
  failureCode: string | null;
  /** What the provider last said that does not fit this payment; a person has to look at it. */
  conflict: string | null;
  createdAt: number;
  settledAt: number | null;
  /** When the provider is asked next, how often it was asked; null once settled. */
  nextCheckAt: number | null;
  checks: number;
  eventSequence: number;
  /** What continues the trace of the request that began it; null where that was not traced. */
  traceparent: string | null;
}

/** A line of a payment's history. */
export interface Entry {
  type: string;
  by: string;
  detail: Record<string, unknown>;
}

/** Money that moved: a charge is positive, a refund negative. `id` is the payment's or the refund's, so it counts once. */
export interface LedgerEntry {
  id: string;
  kind: "charge" | "refund";
  amountCents: number;
}

/** What one decision does to a payment, all of it or nothing. */
export interface Change {
  payment: Payment;
  ledger: LedgerEntry | null;
  entries: Entry[];
  facts: Fact[];
}

/** A success may arrive after we had given up: the money came, so it is recorded, and the order decides what follows. */
export const paymentTransitions: Transitions<PaymentStatus> = {
  PENDING: ["SUCCEEDED", "FAILED", "CANCELLED"],
  FAILED: ["SUCCEEDED"],
  CANCELLED: ["SUCCEEDED"],
  SUCCEEDED: [],
};

const statusAfter: Record<ChargeStatus, PaymentStatus> = {
  succeeded: "SUCCEEDED",
  failed: "FAILED",
  voided: "CANCELLED",
  pending: "PENDING",
};

const firstCheckMs = 5_000;
const mostCheckMs = 60_000;
const unknownForMs = 30_000;
const approvalForMs = 3_600_000;

/** How long until the provider is asked about a payment that it was asked about `checks` times. */
export const checkAfterMs = (checks: number): number => Math.min(mostCheckMs, firstCheckMs * 2 ** Math.min(checks, 10));

export type NewPayment = Pick<
  Payment,
  "id" | "orderId" | "customerId" | "provider" | "method" | "token" | "dedupKey" | "amountCents" | "currency"
> & { traceparent?: string | null };

export function openPayment(asked: NewPayment, now: number): Change {
  const payment: Payment = {
    ...asked,
    traceparent: asked.traceparent ?? null,
    status: "PENDING",
    refundedCents: 0,
    providerRef: null,
    redirectUrl: null,
    failureCode: null,
    conflict: null,
    createdAt: now,
    settledAt: null,
    nextCheckAt: now + checkAfterMs(0),
    checks: 0,
    eventSequence: 0,
  };
  const { id: paymentId, amountCents, currency, method } = payment;
  const entry = { type: "payment.created", by: "payments", detail: { paymentId, amountCents, currency, method } };
  return { payment, ledger: null, entries: [entry], facts: [] };
}

/** Refuses to let a payment made under an idempotency key stand for a request about something else. */
export function assertSameRequest(made: Payment, asked: NewPayment): void {
  const isSame = (["orderId", "customerId", "method", "token"] as const).every((field) => made[field] === asked[field]);
  if (isSame) return;
  throw new DomainError("invalid", "IDEMPOTENCY_KEY_REUSED", "This key was used for another payment.");
}

/** Refuses to let a payment that went through stand for one of another amount; both are never charged. */
export function assertSameAmount(paid: Payment, asked: NewPayment): void {
  if (paid.amountCents === asked.amountCents && paid.currency === asked.currency) return;
  throw new DomainError("conflict", "ORDER_ALREADY_PAID", "This order was paid already, with another amount.", {
    paymentId: paid.id,
  });
}

export interface Settlement {
  outcome: "settled" | "noted" | "unchanged" | "conflict";
  change: Change | null;
}

const nothing: Settlement = { outcome: "unchanged", change: null };

/** Applies what the provider says about a payment's charge; the same again, or something overtaken, changes nothing. */
export function settle(payment: Payment, charge: ChargeResult, now: number): Settlement {
  if (!fits(payment, charge)) return conflict(payment, charge);
  const status = statusAfter[charge.status];
  if (status === "PENDING") return notePending(payment, charge);
  if (!paymentTransitions[payment.status].includes(status)) return nothing;

  const succeeded = status === "SUCCEEDED";
  const failureCode = succeeded ? null : (charge.failureCode ?? (status === "CANCELLED" ? "cancelled" : "failed"));
  const settled: Payment = {
    ...payment,
    status,
    providerRef: payment.providerRef ?? charge.ref,
    redirectUrl: null,
    failureCode,
    settledAt: now,
    nextCheckAt: null,
  };
  const { id: paymentId, orderId, amountCents, currency, provider, providerRef } = settled;
  const fact = { paymentId, orderId, amountCents, currency, provider, providerRef };
  return {
    outcome: "settled",
    change: {
      payment: settled,
      ledger: succeeded ? { id: paymentId, kind: "charge", amountCents } : null,
      entries: [
        {
          type: `payment.${status.toLowerCase()}`,
          by: provider,
          detail: {
            paymentId,
            amountCents,
            currency,
            providerRef,
            ...(failureCode === null ? {} : { failureCode }),
            ...(payment.status === "PENDING" ? {} : { late: true, was: payment.status }),
          },
        },
      ],
      facts: [
        succeeded
          ? { type: "payment.succeeded", data: fact }
          : { type: "payment.failed", data: { ...fact, failureCode } },
      ],
    },
  };
}

/** Whether an open payment's charge must be stopped: never heard of for 30 s, or waiting for a person for an hour. */
export function mustVoid(payment: Payment, found: ChargeResult | null, now: number): boolean {
  const ageMs = now - payment.createdAt;
  if (found === null) return ageMs > unknownForMs;
  return found.status === "pending" && ageMs > approvalForMs;
}

/** Of a payment that the provider refused to charge at all. */
export const refusedCharge = ({ id, provider, amountCents, currency }: Payment, failureCode: string): ChargeResult => ({
  provider,
  paymentId: id,
  ref: null,
  status: "failed",
  failureCode,
  redirectUrl: null,
  amountCents,
  currency,
});

/** A voided charge moved no money, and may have been voided before the provider heard of an amount. */
function fits(payment: Payment, { provider, status, ref, amountCents, currency }: ChargeResult): boolean {
  if (provider !== payment.provider) return false;
  if (ref !== null && payment.providerRef !== null && ref !== payment.providerRef) return false;
  return status === "voided" || (amountCents === payment.amountCents && currency === payment.currency);
}

function conflict(payment: Payment, { provider, ref, status, amountCents, currency }: ChargeResult): Settlement {
  const said = `${provider} ${ref ?? "-"}: ${status} ${amountCents} ${currency}`;
  // the reconciler hears the same every minute; it is written down once
  if (payment.conflict === said) return { outcome: "conflict", change: null };
  const detail = { paymentId: payment.id, providerRef: ref, status, amountCents, currency };
  return {
    outcome: "conflict",
    change: {
      payment: { ...payment, conflict: said },
      ledger: null,
      entries: [{ type: "payment.conflict", by: provider, detail }],
      facts: [],
    },
  };
}

function notePending(payment: Payment, { ref, redirectUrl }: ChargeResult): Settlement {
  if (payment.status !== "PENDING" || payment.providerRef !== null) return nothing;
  const entry = {
    type: "payment.pending",
    by: payment.provider,
    detail: { paymentId: payment.id, providerRef: ref },
  };
  return {
    outcome: "noted",
    change: { payment: { ...payment, providerRef: ref, redirectUrl }, ledger: null, entries: [entry], facts: [] },
  };
}
