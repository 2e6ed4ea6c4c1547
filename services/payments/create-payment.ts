import type { Actions } from "../../contracts/bus.ts";
import { messageOf } from "../../lib/errors.ts";
import { reach } from "../../lib/failpoints.ts";
import { currentTraceparent } from "../../lib/request-context.ts";
import type { Deps } from "./deps.ts";
import { refusedCharge, type Payment } from "./payment.ts";
import { ask } from "./providers/ask.ts";
import { ProviderRefused, type ChargeResult } from "./providers/provider.ts";
import { settlePayment } from "./settle-payment.ts";

type Input = Actions["payments.create"]["params"];

/**
 * Opens a payment, then has the provider charge it. The row is committed before the provider is called, with the row's
 * id as the provider's idempotency key: whatever is lost on the way, the same charge can be asked about again. A payment
 * whose outcome is unknown is answered as it is, PENDING, and left to the reconciler. `byMs`: when the provider must have
 * answered.
 */
export async function createPayment(deps: Deps, input: Input, byMs?: number): Promise<Payment> {
  const { payments, providers, newId, now } = deps;
  const { orderId, customerId, amountCents, currency, method, token = null, key = null } = input;
  const provider = providers.current.name;
  const about = { orderId, customerId, provider, method, token, amountCents, currency };
  const asked = { id: newId(), ...about, dedupKey: key, traceparent: currentTraceparent() };
  const payment = await payments.open(asked, now());
  // With a reference the provider has answered before, and its webhook or the reconciler brings the rest.
  if (payment.status !== "PENDING" || payment.providerRef !== null) return payment;

  await reach("payment.after-row");
  const charge = await chargeAt(deps, payment, byMs);
  await reach("payment.after-answer");
  const settled = charge && (await settlePayment(deps, charge));
  // A webhook may have settled it while the provider's answer was awaited.
  return settled?.payment ?? (await payments.find(payment.id)) ?? payment;
}

/** The provider's answer; null when the outcome is unknown. */
async function chargeAt({ providers, log }: Deps, payment: Payment, byMs?: number): Promise<ChargeResult | null> {
  const { id: paymentId, orderId, amountCents, currency, method, token } = payment;
  try {
    const provider = providers.named(payment.provider);
    const charge = { paymentId, orderId, amountCents, currency, method, token };
    return await ask((signal) => provider.charge(charge, signal), byMs);
  } catch (error) {
    if (error instanceof ProviderRefused) return refusedCharge(payment, error.code);
    log.warn("outcome of a charge is unknown", { paymentId, orderId, error: messageOf(error) });
    return null;
  }
}
