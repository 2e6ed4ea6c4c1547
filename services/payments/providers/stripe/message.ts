import Stripe from "stripe";
import { invalidSignature, malformedEvent, maxCodeLength, type ProviderMessage } from "../provider.ts";
import { isIntent, isUntouched, paymentIdIn, toResult } from "./intent.ts";

/** A signature that is older, or from further ahead, may be a recorded message played again. */
const toleranceSeconds = 300;

interface Received {
  webhooks: Stripe["webhooks"];
  secrets: readonly string[];
  rawBody: Buffer;
  headers: Readonly<Record<string, string>>;
  nowMs: number;
}

/** Verifies and reads an event of Stripe. */
export function readMessage(received: Received): ProviderMessage {
  assertRecent(received);
  const event = verified(received) as Partial<Stripe.Event> | null;
  const { id, type, data } = event ?? {};
  if (!isWord(id) || typeof type !== "string") throw malformedEvent();
  const about = { eventId: id, type: type.slice(0, maxCodeLength) };
  if (!type.startsWith("payment_intent.")) return { ...about, charge: null };
  const intent: unknown = data?.object;
  if (!isIntent(intent)) throw malformedEvent();
  const paymentId = paymentIdIn(intent);
  // an intent of somebody else in the same account, or one that was only made
  if (paymentId === null || isUntouched(intent)) return { ...about, charge: null };
  return { ...about, charge: toResult(intent, paymentId) };
}

const isWord = (value: unknown): value is string => typeof value === "string" && /^[\x21-\x7e]{1,64}$/.test(value);

/** The package refuses old signatures, and lets those from the future pass. */
function assertRecent({ headers, nowMs }: Received): void {
  const times = Array.from((headers["stripe-signature"] ?? "").matchAll(/(?:^|,)t=(\d+)/g), ([, t]) => Number(t));
  if (times.length !== 1 || times.some((t) => t > nowMs / 1_000 + toleranceSeconds)) throw invalidSignature();
}

/** The event inside, once one of the secrets fits. */
function verified({ webhooks, secrets, rawBody, headers, nowMs }: Received): unknown {
  for (const secret of secrets) {
    try {
      const header = headers["stripe-signature"] ?? "";
      return webhooks.constructEvent(rawBody, header, secret, toleranceSeconds, undefined, nowMs);
    } catch (error) {
      // signed, and no JSON
      if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) throw malformedEvent();
    }
  }
  throw invalidSignature();
}
