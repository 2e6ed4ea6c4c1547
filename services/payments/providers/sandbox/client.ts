import type { Static } from "@sinclair/typebox";
import { paymentMethods } from "../../../../contracts/payments.ts";
import { notFound } from "../../../../lib/errors.ts";
import { nextKey } from "../../../../lib/audit.ts";
import { sumCents } from "../../../../lib/money.ts";
import { compileSchema } from "../../../../lib/validator.ts";
import { jsonApi, parsedJson } from "../json-api.ts";
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

const auditPage = 500;

export function sandboxProvider({
  url,
  publicUrl,
  webhookUrl = publicUrl,
  webhookSecrets,
}: SandboxClientOptions): SandboxProvider {
  const call = jsonApi({ name: "the sandbox", url });
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
    methods: paymentMethods,

    async charge({ paymentId, orderId, amountCents, currency, method, token }, signal) {
      const body = { reference: paymentId, orderId, amountCents, currency, method, token, webhookUrl: webhooks };
      return about(paymentId, await call(SandboxCharge, { path: "/charges", key: paymentId, body, signal }));
    },

    async find({ paymentId }, signal) {
      const path = `/charges?reference=${encodeURIComponent(paymentId)}`;
      const { charge } = await call(FindAnswer, { path, signal });
      return charge && about(paymentId, charge);
    },

    async void({ paymentId }, signal) {
      const body = { reference: paymentId };
      return about(paymentId, await call(SandboxCharge, { path: "/charges/void", body, signal }));
    },

    async refund({ refundId, chargeRef, amountCents }, signal) {
      const body = { chargeRef, amountCents };
      const { ref } = await call(SandboxRefund, { path: "/refunds", key: refundId, body, signal });
      return { ref };
    },

    parseWebhook(rawBody, headers, nowMs) {
      const header = headers[signatureHeader];
      if (!webhookSecrets.some((secret) => isSignedBy(secret, header, rawBody, nowMs))) throw invalidSignature();
      return toMessage(rawBody, toResult);
    },

    async approval(ref, signal) {
      try {
        return await call(SandboxCharge, { path: `/approvals/${encodeURIComponent(ref)}`, signal });
      } catch (error) {
        if (error instanceof ProviderRefused) return null;
        throw error;
      }
    },

    async approve(ref, decision, signal) {
      try {
        const path = `/approvals/${encodeURIComponent(ref)}`;
        return await call(SandboxCharge, { path, body: { decision }, signal });
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
      const { charges, refunds } = await call(JournalPage, { ...request, signal });
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
  const event = parsedJson(rawBody.toString());
  if (isEvent(event) !== true) throw malformedEvent();
  const { id: eventId, type, data } = event as Static<typeof SandboxEvent>;
  if (!type.startsWith("charge.")) return { eventId, type, charge: null };
  if (isCharge(data) !== true) throw malformedEvent();
  return { eventId, type, charge: toResult(data as SandboxCharge) };
}
