import type { TSchema, Static } from "@sinclair/typebox";
import { messageOf, notFound } from "../../../../lib/errors.ts";
import { nextKey } from "../../../../lib/audit.ts";
import { traceHeaders } from "../../../../lib/request-context.ts";
import { sumCents } from "../../../../lib/money.ts";
import { compileSchema } from "../../../../lib/validator.ts";
import {
  invalidSignature,
  malformedEvent,
  maxCodeLength,
  ProviderRefused,
  ProviderUnavailable,
  type ChargeResult,
  type PaymentProvider,
  type ProviderMessage,
} from "../provider.ts";
import { FindAnswer, JournalPage, SandboxCharge, SandboxEvent, SandboxRefund, type Decision } from "./api.ts";
import { isSignedBy, signatureHeader } from "./signature.ts";

const name = "sandbox";

export interface SandboxClientOptions {
  /** Where the sandbox answers. */
  url: string;
  /** Where customers reach the approval page. */
  publicUrl: string;
  /** Where the sandbox reaches us with its webhooks; `publicUrl` when absent. */
  webhookUrl?: string;
  /** During a rotation of the secret, the new one and the one before. */
  webhookSecrets: readonly string[];
}

/** The sandbox, with the page on which a person plays the customer who approves or declines. */
export interface SandboxProvider extends PaymentProvider {
  /** The charge to decide on; null when there is none to be decided by a person under this reference. */
  approval(ref: string, signal: AbortSignal): Promise<SandboxCharge | null>;
  /** Decides it, or answers with what was decided before. */
  approve(ref: string, decision: Decision, signal: AbortSignal): Promise<SandboxCharge>;
}

interface Request {
  path: string;
  key?: string;
  body?: object;
  signal: AbortSignal;
}

/** With a code of the sandbox's own, these say that the request was refused before anything was done. */
const refusals = new Set([400, 404, 413, 422]);

const auditPage = 500;

export function sandboxProvider({
  url,
  publicUrl,
  webhookUrl = publicUrl,
  webhookSecrets,
}: SandboxClientOptions): SandboxProvider {
  const webhooks = `${webhookUrl}/api/v1/payments/webhooks/sandbox`;

  const toResult = (charge: SandboxCharge): ChargeResult => ({
    provider: name,
    paymentId: charge.reference,
    ref: charge.ref,
    status: charge.status,
    failureCode: charge.failureCode?.slice(0, maxCodeLength) ?? null,
    redirectUrl:
      charge.needsApproval && charge.status === "pending" ? `${publicUrl}/sandbox/approvals/${charge.ref}` : null,
    amountCents: charge.amountCents,
    currency: charge.currency,
  });
  const about = (paymentId: string, charge: SandboxCharge): ChargeResult => {
    if (charge.reference === paymentId) return toResult(charge);
    throw new ProviderUnavailable(`the sandbox answered about ${charge.reference} when asked about ${paymentId}`);
  };

  return {
    name,

    async charge({ paymentId, orderId, amountCents, currency, method, token }, signal) {
      const body = { reference: paymentId, orderId, amountCents, currency, method, token, webhookUrl: webhooks };
      return about(paymentId, await call(url, SandboxCharge, { path: "/charges", key: paymentId, body, signal }));
    },

    async find({ paymentId }, signal) {
      const path = `/charges?reference=${encodeURIComponent(paymentId)}`;
      const { charge } = await call(url, FindAnswer, { path, signal });
      return charge && about(paymentId, charge);
    },

    async void({ paymentId }, signal) {
      const body = { reference: paymentId };
      return about(paymentId, await call(url, SandboxCharge, { path: "/charges/void", body, signal }));
    },

    async refund({ refundId, chargeRef, amountCents }, signal) {
      const body = { chargeRef, amountCents };
      const { ref } = await call(url, SandboxRefund, { path: "/refunds", key: refundId, body, signal });
      return { ref };
    },

    parseWebhook(rawBody, headers, nowMs) {
      const header = headers[signatureHeader];
      if (!webhookSecrets.some((secret) => isSignedBy(secret, header, rawBody, nowMs))) throw invalidSignature();
      return toMessage(rawBody, toResult);
    },

    async approval(ref, signal) {
      try {
        return await call(url, SandboxCharge, { path: `/approvals/${encodeURIComponent(ref)}`, signal });
      } catch (error) {
        if (error instanceof ProviderRefused) return null;
        throw error;
      }
    },

    async approve(ref, decision, signal) {
      try {
        const path = `/approvals/${encodeURIComponent(ref)}`;
        return await call(url, SandboxCharge, { path, body: { decision }, signal });
      } catch (error) {
        if (error instanceof ProviderRefused) throw notFound("approval");
        throw error;
      }
    },

    audited: { most: auditPage, forMs: Infinity },
    async journal(range, signal) {
      const request =
        "payments" in range
          ? { path: "/journal", body: { references: range.payments.map(({ paymentId }) => paymentId) } }
          : { path: `/journal?limit=${auditPage}&after=${encodeURIComponent(range.after ?? "")}` };
      const { charges, refunds } = await call(url, JournalPage, { ...request, signal });
      const returned = Map.groupBy(refunds, ({ chargeRef }) => chargeRef);
      return {
        charges: charges.map(({ reference, ref, status, amountCents, currency }) => ({
          ...{ paymentId: reference, ref, status, amountCents, currency },
          returnedCents: sumCents((returned.get(ref) ?? []).map((refund) => refund.amountCents)),
        })),
        next: nextKey(charges, auditPage, ({ ref }) => ref),
      };
    },
  };
}

const isEvent = compileSchema(SandboxEvent);
const isCharge = compileSchema(SandboxCharge);

function toMessage(rawBody: Buffer, toResult: (charge: SandboxCharge) => ChargeResult): ProviderMessage {
  const event = parsed(rawBody.toString());
  if (isEvent(event) !== true) throw malformedEvent();
  const { id: eventId, type, data } = event as Static<typeof SandboxEvent>;
  if (!type.startsWith("charge.")) return { eventId, type, charge: null };
  if (isCharge(data) !== true) throw malformedEvent();
  return { eventId, type, charge: toResult(data as SandboxCharge) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const checks = new Map<TSchema, ReturnType<typeof compileSchema>>();

/** One request to the sandbox. Whatever is not an answer to it leaves the outcome unknown: ProviderUnavailable. */
async function call<T extends TSchema>(url: string, schema: T, request: Request): Promise<Static<T>> {
  const { status, text } = await send(url, request);
  if (status !== 200) {
    const code = codeIn(parsed(text));
    // without the code it may be something on the way that answers, and the request may have gone through
    if (refusals.has(status) && code !== null) throw new ProviderRefused(code);
    throw new ProviderUnavailable(`the sandbox answered ${status}`, { answered: status >= 500 || status === 429 });
  }
  const answer = parsed(text);
  const check = checks.get(schema) ?? compileSchema(schema);
  checks.set(schema, check);
  if (check(answer) !== true) throw new ProviderUnavailable("the sandbox answered something that is no answer");
  return answer;
}

async function send(url: string, { path, key, body, signal }: Request): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(`${url}${path}`, {
      method: body ? "POST" : "GET",
      headers: {
        "content-type": "application/json",
        ...traceHeaders(),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      redirect: "error",
      signal,
    });
    return { status: response.status, text: await response.text() };
  } catch (cause) {
    throw new ProviderUnavailable(`the sandbox cannot be reached: ${messageOf(cause)}`, { cause });
  }
}

function codeIn(answer: unknown): string | null {
  const { code } = (answer ?? {}) as { code?: unknown };
  return typeof code === "string" && /^\w{1,64}$/.test(code) ? code : null;
}
