import Stripe from "stripe";
import { ProviderRefused, ProviderUnavailable } from "../provider.ts";
import { shortened } from "./intent.ts";

/** Stripe refuses these for good, before anything was done; 402 is what a card's bank said. */
const refusals = new Set([400, 402, 404]);

/**
 * What a failed request means. The words of an error are left out: they may quote what was sent. Used-up keys
 * (`idempotency_error`) and refused credentials say nothing about the payment, so its outcome stays unknown.
 */
export function meaningOf(error: unknown): Error {
  if (error instanceof ProviderUnavailable || error instanceof ProviderRefused) return error;
  if (!(error instanceof Stripe.errors.StripeError)) return new ProviderUnavailable("stripe did not answer in time");
  const { statusCode = 0, type, rawType, code, decline_code: decline, requestId = "" } = error;
  if (refusals.has(statusCode) && rawType !== "idempotency_error") {
    return new ProviderRefused(shortened(decline ?? code ?? rawType ?? "invalid_request"));
  }
  const answered = statusCode === 409 || statusCode === 429 || statusCode >= 500;
  return new ProviderUnavailable(`stripe: ${type} ${statusCode} ${requestId}`.trim(), { answered });
}

/** One request, within its signal; nothing is sent once that has ended. */
export async function within<T>(signal: AbortSignal, request: () => Promise<T>): Promise<T> {
  const ended = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new ProviderUnavailable("stripe did not answer in time")), {
      once: true,
    });
  });
  if (signal.aborted) throw new ProviderUnavailable("there was no time left to ask stripe");
  try {
    return await Promise.race([request(), ended]);
  } catch (error) {
    throw meaningOf(error);
  }
}
