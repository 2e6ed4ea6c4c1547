import type { Payment as PaymentView } from "../../contracts/payments.ts";
import { toIso, toIsoOrNull } from "../../lib/time.ts";
import type { Payment } from "./payment.ts";

/** A payment as the outside sees it. */
export const toView = (payment: Payment): PaymentView => ({
  id: payment.id,
  orderId: payment.orderId,
  provider: payment.provider,
  method: payment.method,
  status: payment.status,
  amountCents: payment.amountCents,
  refundedCents: payment.refundedCents,
  currency: payment.currency,
  providerRef: payment.providerRef,
  redirectUrl: payment.redirectUrl,
  failureCode: payment.failureCode,
  createdAt: toIso(payment.createdAt),
  settledAt: toIsoOrNull(payment.settledAt),
});
