import { messageOf } from "../../lib/errors.ts";
import type { Deps } from "./deps.ts";
import { mustVoid, type Payment } from "./payment.ts";
import { askOnce } from "./providers/ask.ts";
import { settlePayment } from "./settle-payment.ts";

const batch = 20;

/**
 * Asks the providers about payments that are still open, and stops those that would stay so. True when there may be
 * more. A payment is claimed by moving its next check, so that no lock is held while a provider is asked.
 */
export async function reconcilePayments(deps: Deps): Promise<boolean> {
  const due = await deps.payments.claimDue(deps.now(), batch);
  await Promise.all(
    due.map((payment) => deps.continuing(payment, "reconcile payment", () => reconcile(deps, payment))),
  );
  return due.length === batch;
}

async function reconcile(deps: Deps, payment: Payment): Promise<void> {
  const { providers, now, log } = deps;
  try {
    const provider = providers.named(payment.provider);
    const { id: paymentId, orderId, amountCents, currency, method, providerRef: ref } = payment;
    const known = { paymentId, orderId, amountCents, currency, method, ref };
    const found = await askOnce((signal) => provider.find(known, signal));
    const charge = mustVoid(payment, found, now())
      ? await askOnce((signal) => provider.void({ ...known, ref: found?.ref ?? ref }, signal))
      : found;
    if (charge) await settlePayment(deps, charge);
  } catch (error) {
    log.warn("payment could not be reconciled", { paymentId: payment.id, error: messageOf(error) });
  }
}
