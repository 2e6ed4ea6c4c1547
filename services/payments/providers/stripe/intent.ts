import { Type, type Static } from "@sinclair/typebox";
import { compileSchema } from "../../../../lib/validator.ts";
import type { TheirCharge } from "../../books.ts";
import { maxCodeLength, ProviderUnavailable, type ChargeResult, type ChargeStatus } from "../provider.ts";

// What is read of a PaymentIntent, from answers and from webhooks, and what it means.

const Failure = Type.Object({ code: Type.Optional(Type.String()), decline_code: Type.Optional(Type.String()) });
const nullish = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Null()]));

export const Intent = Type.Object({
  id: Type.String({ pattern: "^pi_\\w{1,60}$" }),
  object: Type.Literal("payment_intent"),
  status: Type.String(),
  amount: Type.Integer({ minimum: 0 }),
  amount_received: Type.Integer({ minimum: 0 }),
  currency: Type.String({ pattern: "^[a-z]{3}$" }),
  metadata: Type.Record(Type.String(), Type.String()),
  last_payment_error: nullish(Failure),
  cancellation_reason: nullish(Type.String()),
  next_action: nullish(
    Type.Object({
      redirect_to_url: nullish(Type.Object({ url: nullish(Type.String()) })),
      alipay_handle_redirect: nullish(Type.Object({ url: nullish(Type.String()) })),
      wechat_pay_display_qr_code: nullish(Type.Object({ hosted_instructions_url: nullish(Type.String()) })),
    }),
  ),
  latest_charge: nullish(Type.Union([Type.String(), Type.Object({ amount_refunded: Type.Integer({ minimum: 0 }) })])),
});
export type Intent = Static<typeof Intent>;

const isIntentSchema = compileSchema(Intent);
export const isIntent = (value: unknown): value is Intent => isIntentSchema(value) === true;

/** Null in answers that are not a PaymentIntent, such as a proxy's. */
export function intentIn(answer: unknown): Intent {
  if (isIntent(answer)) return answer;
  throw new ProviderUnavailable("stripe answered something that is no PaymentIntent");
}

/** Our ids, as Stripe keeps and shows them. */
export const metadataOf = ({ paymentId, orderId }: { paymentId: string; orderId: string }) => ({
  hub_payment_id: paymentId,
  hub_order_id: orderId,
});
export const paymentIdIn = ({ metadata }: Intent): string | null => metadata.hub_payment_id ?? null;

/** An intent that nobody confirmed yet: it moves no money, and the customer was asked for nothing. */
export const isUntouched = ({ status, last_payment_error: failure }: Intent): boolean =>
  status === "requires_confirmation" || (status === "requires_payment_method" && !failure);

/** What an intent says of the payment it was made for. */
export function toResult(intent: Intent, paymentId: string): ChargeResult {
  const status = statusOf(intent);
  const { id: ref, amount, amount_received: received, currency, last_payment_error: failure } = intent;
  return {
    provider: "stripe",
    paymentId,
    ref,
    status,
    failureCode: status === "failed" ? shortened(failure?.decline_code ?? failure?.code ?? "failed") : null,
    redirectUrl: status === "pending" ? redirectUrlOf(intent) : null,
    amountCents: status === "succeeded" ? received : amount,
    currency: currency.toUpperCase(),
  };
}

export const shortened = (code: string): string => code.replace(/[^\w.-]/g, "_").slice(0, maxCodeLength);

const statuses = new Map<string, ChargeStatus>([
  ["succeeded", "succeeded"],
  ["canceled", "voided"],
  ["processing", "pending"],
  ["requires_action", "pending"],
  ["requires_capture", "pending"],
  ["requires_confirmation", "pending"],
]);

function statusOf({ status, last_payment_error: failure }: Intent): ChargeStatus {
  // Stripe would let the customer try again with the same intent; with us another try is another payment
  if (status === "requires_payment_method") return failure ? "failed" : "pending";
  const known = statuses.get(status);
  if (!known) throw new ProviderUnavailable(`stripe says ${shortened(status)} of a PaymentIntent`);
  return known;
}

const redirectUrlOf = ({ next_action: next }: Intent): string | null =>
  next?.redirect_to_url?.url ??
  next?.alipay_handle_redirect?.url ??
  next?.wechat_pay_display_qr_code?.hosted_instructions_url ??
  null;

/** An intent in Stripe's books; `latest_charge` must have been asked for whole. */
export function toTheirCharge(intent: Intent, paymentId: string): TheirCharge {
  const { ref, status, amountCents, currency } = toResult(intent, paymentId);
  const charge = intent.latest_charge;
  const returnedCents = typeof charge === "object" ? (charge?.amount_refunded ?? 0) : 0;
  return { paymentId, ref: ref ?? intent.id, status, amountCents, currency, returnedCents };
}
