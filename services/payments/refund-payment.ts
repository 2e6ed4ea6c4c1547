import { DomainError, messageOf } from "../../lib/errors.ts";
import { reach } from "../../lib/failpoints.ts";
import type { Deps } from "./deps.ts";
import type { Payment } from "./payment.ts";
import { ask, askOnce } from "./providers/ask.ts";
import { ProviderRefused } from "./providers/provider.ts";
import type { NewRefund } from "./refund.ts";
import type { RefundState } from "./refunds.repository.ts";

const batch = 20;
const retryAfterSeconds = 5;

/**
 * Returns money. The refund is committed before the provider is called, with its id as the provider's idempotency key.
 * When the provider cannot be reached, or not until `byMs`, the refund stays, and `sendDueRefunds` sends it again.
 */
export async function refundPayment(deps: Deps, asked: NewRefund, byMs?: number): Promise<Payment> {
  const requested = await deps.refunds.request(asked, deps.now());
  const { refund } = requested;
  await reach("refund.after-row");
  // A caller that repeats itself must not wait for a provider that was just found to be down.
  const resting = refund.attempts > 0 && (refund.nextAttemptAt ?? 0) > deps.now();
  const { payment, refund: ended } =
    refund.status === "REQUESTED" && !resting
      ? await send(deps, requested, (request) => ask(request, byMs))
      : requested;
  if (ended.status === "DONE") return payment;
  if (ended.status === "REQUESTED") {
    throw new DomainError(
      "unavailable",
      "PAYMENT_PROVIDER_UNAVAILABLE",
      "The payment provider cannot be reached now; the refund will be sent as soon as it can.",
      { retryAfterSeconds },
    );
  }
  throw new DomainError("conflict", "PAYMENT_NOT_REFUNDABLE", "The payment provider refused this refund.", {
    failureCode: ended.failureCode,
  });
}

/** Sends refunds that did not reach the provider; true when there may be more. */
export async function sendDueRefunds(deps: Deps): Promise<boolean> {
  const due = await deps.refunds.claimDue(deps.now(), batch);
  await Promise.all(
    due.map(async (refund) => {
      const payment = await deps.payments.find(refund.paymentId);
      if (payment) await send(deps, { refund, payment }, askOnce);
    }),
  );
  return due.length === batch;
}

async function send(deps: Deps, state: RefundState, askProvider: typeof ask): Promise<RefundState> {
  const { refunds, now, log } = deps;
  const { id: refundId, paymentId, amountCents } = state.refund;
  try {
    const ref = await sendTo(deps, state, askProvider);
    await reach("refund.after-answer");
    const done = await refunds.finish(refundId, ref, now());
    log.info("payment refunded", { refundId, paymentId, amountCents });
    return done;
  } catch (error) {
    if (error instanceof ProviderRefused) {
      log.error("provider refused a refund", { refundId, paymentId, amountCents, failureCode: error.code });
      return refunds.fail(refundId, error.code, now());
    }
    log.warn("refund will be sent again", { refundId, paymentId, error: messageOf(error) });
    await refunds.postpone(state.refund, now());
    return currentState(deps, state);
  }
}

async function sendTo({ providers }: Deps, { refund, payment }: RefundState, askProvider: typeof ask): Promise<string> {
  const { providerRef } = payment;
  if (providerRef === null) throw new Error(`payment ${payment.id} succeeded without a reference of the provider`);
  const provider = providers.named(payment.provider);
  const request = {
    refundId: refund.id,
    paymentId: payment.id,
    chargeRef: providerRef,
    amountCents: refund.amountCents,
  };
  const { ref } = await askProvider((signal) => provider.refund(request, signal));
  return ref;
}

/** Another sender of the same refund may have been luckier. */
async function currentState({ refunds, payments }: Deps, state: RefundState): Promise<RefundState> {
  const [refund, payment] = await Promise.all([refunds.find(state.refund.id), payments.find(state.payment.id)]);
  return refund && payment ? { refund, payment } : state;
}
