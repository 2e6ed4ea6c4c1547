import { messageOf } from "../../lib/errors.ts";
import { reach } from "../../lib/failpoints.ts";
import type { Deps } from "./deps.ts";
import type { ProviderEvent } from "./provider-events.repository.ts";
import { settle, type Payment } from "./payment.ts";
import { settlePayment } from "./settle-payment.ts";

const batch = 50;

export interface Webhook {
  provider: string;
  body: string;
  headers: Record<string, string>;
}

/** Verifies a provider's message and keeps it; it is acted on afterwards, by `applyDueEvents`. */
export async function receiveWebhook(
  { providers, events, now }: Pick<Deps, "providers" | "events" | "now">,
  { provider, body, headers }: Webhook,
): Promise<void> {
  const message = providers.addressed(provider).parseWebhook(Buffer.from(body, "base64"), headers, now());
  await events.receive(provider, message, now());
  await reach("webhook.after-commit");
}

/** Acts on messages that wait; true when there may be more. */
export async function applyDueEvents(deps: Deps): Promise<boolean> {
  const due = await deps.events.due(deps.now(), batch);
  const ids = new Set(due.flatMap(({ charge }) => charge?.paymentId ?? []));
  const payments = new Map((await deps.payments.findAll([...ids])).map((payment) => [payment.id, payment]));
  const known = due.filter((event) => isKnown(deps, event, paymentOf(payments, event)));
  if (known.length > 0) await deps.events.applied(known, deps.now());
  await Promise.all(
    due
      .filter((event) => !known.includes(event))
      .map((event) =>
        deps.continuing(paymentOf(payments, event), `webhook ${event.provider}`, () => applyEvent(deps, event)),
      ),
  );
  return due.length === batch;
}

const paymentOf = (payments: ReadonlyMap<string, Payment>, { charge }: ProviderEvent): Payment | undefined =>
  charge ? payments.get(charge.paymentId) : undefined;

/**
 * Whether it says what its payment knows, as most do, because the answer to the charge came before. No later change of a
 * payment makes such a message one that says something new, so no lock is needed to see it.
 */
const isKnown = ({ now }: Deps, { charge }: ProviderEvent, payment: Payment | undefined): boolean =>
  charge !== null && payment !== undefined && settle(payment, charge, now()).outcome === "unchanged";

async function applyEvent(deps: Deps, event: ProviderEvent): Promise<void> {
  const { events, now, log } = deps;
  const fields = { provider: event.provider, event: event.eventId, type: event.type };
  try {
    const handled = await events.handle(event, now(), async ({ charge }, tx) => {
      if (!charge) return "IGNORED";
      const settled = await settlePayment(deps, charge, tx);
      await reach("webhook.before-commit");
      if (!settled) return "UNMATCHED";
      return settled.outcome === "conflict" ? "CONFLICT" : "APPLIED";
    });
    if (handled?.status === "UNMATCHED" && handled.final) {
      log.error("webhook of an unknown payment", { ...fields, said: event.charge });
    }
  } catch (error) {
    log.warn("webhook will be tried again", { ...fields, error: messageOf(error) });
    await events.failed(event, messageOf(error), now());
  }
}
