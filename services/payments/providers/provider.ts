import type { PaymentMethod } from "../../../contracts/payments.ts";
import { DomainError, invalidField } from "../../../lib/errors.ts";
import type { TheirCharge } from "../books.ts";

// What a payment provider has to offer; docs/payment-providers.md says how to add one. What a client must map:
// - our ids onto the provider's idempotency: Stripe's Idempotency-Key header and metadata, Alipay's out_trade_no and
//   out_request_no, WeChat Pay's out_trade_no and out_refund_no. The same id again must never move money again;
// - `void` onto Alipay's trade.close, WeChat Pay's close, Stripe's cancel of a PaymentIntent: afterwards a request with
//   that id, however late it arrives, must not charge;
// - errors onto the two classes below. When in doubt the outcome is unknown, never refused: an unknown outcome is asked
//   about again until it is known, a refusal ends the payment.

export type ChargeStatus = "succeeded" | "failed" | "pending" | "voided";

/** The state of a charge at the provider. */
export interface ChargeResult {
  /** The provider's name. */
  provider: string;
  /** Our id: what the provider was asked to charge for. */
  paymentId: string;
  /** The provider's own id; null when it refused to make a charge at all. */
  ref: string | null;
  status: ChargeStatus;
  failureCode: string | null;
  /** Where the customer has to act; only of a pending charge. */
  redirectUrl: string | null;
  amountCents: number;
  currency: string;
}

export interface ChargeRequest {
  /** The provider's idempotency key. */
  paymentId: string;
  orderId: string;
  amountCents: number;
  currency: string;
  method: PaymentMethod;
  token: string | null;
}

/** A payment to be asked about, with the provider's own id where it is known. */
export interface KnownPayment extends Omit<ChargeRequest, "token"> {
  ref: string | null;
}

export interface RefundRequest {
  /** The provider's idempotency key. */
  refundId: string;
  paymentId: string;
  chargeRef: string;
  amountCents: number;
}

/** A message of the provider whose signature was right. */
export interface ProviderMessage {
  /** Unique at this provider, at most 64 ASCII characters; a message that comes again has it again. */
  eventId: string;
  type: string;
  /** The charge as it is now; null when the message is about something else. */
  charge: ChargeResult | null;
}

/** Which charges an audit asks for: those of these payments, or a page of all in an order of the provider's own. */
export type JournalRange =
  { payments: readonly { paymentId: string; ref: string | null }[] } | { after: string | null; sinceMs: number };

/** Every call ends with its signal, at the latest: then with ProviderUnavailable. */
export interface PaymentProvider {
  readonly name: string;
  /** What can be paid with there; it refuses the others. */
  readonly methods: readonly PaymentMethod[];
  charge(request: ChargeRequest, signal: AbortSignal): Promise<ChargeResult>;
  /** The charge made for a payment, or null when the provider was never told to make one. */
  find(payment: KnownPayment, signal: AbortSignal): Promise<ChargeResult | null>;
  /**
   * Makes sure that this payment will not be charged from now on, known to the provider or not. Answers `voided`, or
   * with the charge as it is when it was decided before.
   */
  void(payment: KnownPayment, signal: AbortSignal): Promise<ChargeResult>;
  /** Returns money; resolves once the provider has taken the refund on for good. */
  refund(request: RefundRequest, signal: AbortSignal): Promise<{ ref: string }>;
  /** Verifies and reads a webhook; `headers` have lower-case names. Throws INVALID_SIGNATURE, or a validation error. */
  parseWebhook(rawBody: Buffer, headers: Readonly<Record<string, string>>, nowMs: number): ProviderMessage;
  /** The provider's books, for an audit. `next` is what to go on after; null at the end. */
  journal(range: JournalRange, signal: AbortSignal): Promise<{ charges: TheirCharge[]; next: string | null }>;
  /** How many payments one question to the journal may be about, and how old ones an audit asks for. */
  readonly audited: { most: number; forMs: number };
}

/** What the columns for a provider's words hold. */
export const maxCodeLength = 64;

export const invalidSignature = (): DomainError =>
  new DomainError("unauthenticated", "INVALID_SIGNATURE", "The signature of this message is not valid.");

export const malformedEvent = (): DomainError =>
  invalidField("body", "MALFORMED_EVENT", "This is not an event of this provider in JSON.");

/** The outcome of a request is unknown: no answer came, or one that says nothing about it. */
export class ProviderUnavailable extends Error {
  /** True when the provider did answer (5xx, 429), so that asking again at once may help. */
  readonly answered: boolean;

  constructor(message: string, { answered = false, cause }: { answered?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.name = "ProviderUnavailable";
    this.answered = answered;
  }
}

/** The provider said no for good: no money moved, and asking again would be refused again. */
export class ProviderRefused extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`the provider refused: ${code}`);
    this.name = "ProviderRefused";
    this.code = code;
  }
}
