import Stripe from "stripe";
import { paymentMethods } from "../../../../contracts/payments.ts";
import { traceHeaders } from "../../../../lib/request-context.ts";
import { answerWithinMs } from "../ask.ts";
import {
  ProviderRefused,
  ProviderUnavailable,
  type ChargeRequest,
  type ChargeResult,
  type KnownPayment,
  type PaymentProvider,
} from "../provider.ts";
import { within } from "./errors.ts";
import { intentIn, isUntouched, metadataOf, paymentIdIn, toResult, toTheirCharge, type Intent } from "./intent.ts";
import { readMessage } from "./message.ts";
import type { StripeAccount } from "./stripe.ts";

/** Stripe's own way to send requests, with the trace that each belongs to. */
function tracingClient(): ReturnType<typeof Stripe.createNodeHttpClient> {
  const client = Stripe.createNodeHttpClient();
  const send = client.makeRequest.bind(client);
  client.makeRequest = (host, port, path, method, headers, ...rest) =>
    send(host, port, path, method, { ...headers, ...traceHeaders() }, ...rest);
  return client;
}

export interface StripeOptions extends StripeAccount {
  /** Where customers come back to from a page of their bank or wallet. */
  returnUrl: string;
}

const auditPage = 50;
const atOnce = 10;
const auditedForMs = 7 * 24 * 3_600_000;

/**
 * Payments by Stripe. A charge takes two requests: the first makes a PaymentIntent under our id, which moves no money and
 * can be repeated by whoever lost the answer, and the second confirms it. So a payment is found, and ended, without
 * knowing whether it was ever charged: a cancelled intent cannot be confirmed any more.
 */
export function stripeProvider({ secretKey, webhookSecrets, url, returnUrl }: StripeOptions): PaymentProvider {
  const { protocol, hostname, port } = new URL(url);
  const stripe = new Stripe(secretKey, {
    host: hostname,
    port: port || (protocol === "https:" ? 443 : 80),
    protocol: protocol === "https:" ? "https" : "http",
    timeout: answerWithinMs,
    // whoever asks has a deadline of its own, and knows whether a second try fits in
    maxNetworkRetries: 0,
    telemetry: false,
    httpClient: tracingClient(),
  });

  const retrieve = async (ref: string, signal: AbortSignal): Promise<Intent> =>
    intentIn(await within(signal, () => stripe.paymentIntents.retrieve(ref, { expand: ["latest_charge"] })));

  /** The intent under our id, made now if it was not before. The same parameters each time, or Stripe refuses the key. */
  const open = async (payment: Omit<ChargeRequest, "token">, signal: AbortSignal): Promise<Intent> => {
    const { paymentId, amountCents, currency, method } = payment;
    const asked = {
      amount: amountCents,
      currency: currency.toLowerCase(),
      payment_method_types: [method],
      metadata: metadataOf(payment),
    };
    return intentIn(
      await within(signal, () => stripe.paymentIntents.create(asked, { idempotencyKey: `${paymentId}-open` })),
    );
  };

  /** The intent as it is now. What is told of a key is what was true when it was used. */
  const current = async (payment: KnownPayment, signal: AbortSignal): Promise<Intent> => {
    if (payment.ref !== null) return retrieve(payment.ref, signal);
    // the search may lag by a minute, but Stripe forgets a key after a day
    const query = `metadata['hub_payment_id']:'${payment.paymentId}'`;
    const found = await within(signal, () => stripe.paymentIntents.search({ query, limit: 1 }));
    const { id } = found.data[0] ?? (await open(payment, signal));
    return retrieve(id, signal);
  };

  /** After a refusal the intent says whether the customer was refused, or the request. */
  const afterRefusal = async (intent: Intent, refusal: unknown, signal: AbortSignal): Promise<Intent> => {
    if (!(refusal instanceof ProviderRefused)) throw refusal;
    const now = await retrieve(intent.id, signal);
    if (isUntouched(now)) throw refusal;
    return now;
  };

  const confirm = async (intent: Intent, request: ChargeRequest, signal: AbortSignal): Promise<Intent> => {
    try {
      return intentIn(
        await within(signal, () =>
          stripe.paymentIntents.confirm(intent.id, meansOf(request, returnUrl), {
            idempotencyKey: `${request.paymentId}-confirm`,
          }),
        ),
      );
    } catch (error) {
      return afterRefusal(intent, error, signal);
    }
  };

  return {
    name: "stripe",
    methods: paymentMethods,

    async charge(request, signal): Promise<ChargeResult> {
      if (request.method === "card" && request.token === null) throw new ProviderRefused("payment_method_required");
      const intent = await open(request, signal);
      return toResult(await confirm(intent, request, signal), request.paymentId);
    },

    async find(payment, signal) {
      const intent = await current(payment, signal);
      return isUntouched(intent) ? null : toResult(intent, payment.paymentId);
    },

    async void(payment, signal) {
      const intent = await current(payment, signal);
      if (intent.status === "canceled" || intent.status === "succeeded") return toResult(intent, payment.paymentId);
      try {
        const canceled = await within(signal, () => stripe.paymentIntents.cancel(intent.id));
        return toResult(intentIn(canceled), payment.paymentId);
      } catch (error) {
        return toResult(await afterRefusal(intent, error, signal), payment.paymentId);
      }
    },

    async refund({ refundId, paymentId, chargeRef, amountCents }, signal) {
      // the key is forgotten after a day, and this refund may have waited longer for Stripe to answer
      const made = await within(signal, () => stripe.refunds.list({ payment_intent: chargeRef, limit: 100 }));
      const known = made.data.find(({ metadata }) => metadata?.hub_refund_id === refundId);
      const refund =
        known ??
        (await within(signal, () =>
          stripe.refunds.create(
            {
              payment_intent: chargeRef,
              amount: amountCents,
              metadata: { hub_refund_id: refundId, hub_payment_id: paymentId },
            },
            { idempotencyKey: refundId },
          ),
        ));
      if (refund.status === "failed" || refund.status === "canceled") {
        throw new ProviderRefused(refund.failure_reason ?? "refund_failed");
      }
      if (typeof refund.id !== "string") throw new ProviderUnavailable("stripe answered something that is no refund");
      return { ref: refund.id };
    },

    parseWebhook: (rawBody, headers, nowMs) =>
      readMessage({ webhooks: stripe.webhooks, secrets: webhookSecrets, rawBody, headers, nowMs }),

    audited: { most: auditPage, forMs: auditedForMs },
    async journal(range, signal) {
      if ("payments" in range) {
        const refs = range.payments.flatMap(({ ref }) => ref ?? []);
        const intents: Intent[] = [];
        for (let i = 0; i < refs.length; i += atOnce) {
          intents.push(...(await Promise.all(refs.slice(i, i + atOnce).map((ref) => retrieve(ref, signal)))));
        }
        return { charges: intents.flatMap(inBooks), next: null };
      }
      const { after, sinceMs } = range;
      const page = await within(signal, () =>
        stripe.paymentIntents.list({
          limit: 100,
          created: { gte: Math.floor(sinceMs / 1_000) },
          expand: ["data.latest_charge"],
          ...(after === null ? {} : { starting_after: after }),
        }),
      );
      const next = page.has_more ? (page.data.at(-1)?.id ?? null) : null;
      return { charges: page.data.map(intentIn).flatMap(inBooks), next };
    },
  };
}

/** Nothing for intents that others made in the same account. */
function inBooks(intent: Intent) {
  const paymentId = paymentIdIn(intent);
  return paymentId === null ? [] : [toTheirCharge(intent, paymentId)];
}

/** How the customer pays: a card that Stripe's own form gave a token for, or a wallet whose page they are sent to. */
function meansOf({ method, token }: ChargeRequest, returnUrl: string): Stripe.PaymentIntentConfirmParams {
  if (method === "card") return { payment_method: token ?? "", return_url: returnUrl };
  if (method === "alipay") return { payment_method_data: { type: "alipay" }, return_url: returnUrl };
  return {
    payment_method_data: { type: "wechat_pay" },
    payment_method_options: { wechat_pay: { client: "web" } },
    return_url: returnUrl,
  };
}
