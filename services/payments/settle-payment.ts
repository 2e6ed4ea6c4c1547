import type { Tx } from "../../lib/database.ts";
import type { Deps } from "./deps.ts";
import { settle, type Payment, type Settlement } from "./payment.ts";
import type { ChargeResult } from "./providers/provider.ts";

export type Settled = Settlement & { payment: Payment };

/** Applies what a provider says about a charge, in one transaction; null when the payment is unknown. */
export async function settlePayment(
  { payments, now, log }: Pick<Deps, "payments" | "now" | "log">,
  charge: ChargeResult,
  tx?: Tx,
): Promise<Settled | null> {
  const at = now();
  const settled = await payments.change(charge.paymentId, at, (payment) => settle(payment, charge, at), tx);
  if (settled?.outcome === "settled") {
    const { id: paymentId, orderId, status, failureCode } = settled.payment;
    log.info("payment settled", { paymentId, orderId, status, failureCode });
  }
  if (settled?.outcome === "conflict") {
    const { id: paymentId, orderId, amountCents, currency, providerRef } = settled.payment;
    log.error("provider contradicts the payment", {
      paymentId,
      orderId,
      expected: { amountCents, currency, providerRef },
      said: charge,
    });
  }
  return settled;
}
