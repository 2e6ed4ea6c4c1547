import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Stripe from "stripe";
import { newId } from "../../../lib/ids.ts";
import type { Journal, SandboxCharge } from "../../../services/payments/providers/sandbox/api.ts";
import { sandboxProvider } from "../../../services/payments/providers/sandbox/client.ts";
import { startSandbox } from "../../../services/payments/providers/sandbox/server.ts";
import { sign } from "../../../services/payments/providers/sandbox/signature.ts";
import { stripeProvider } from "../../../services/payments/providers/stripe/client.ts";
import { describeProvider, type ProviderWorld } from "../../support/describe-provider.ts";
import { sqliteStore } from "../../support/stores.ts";
import { startStripe, stripeSecretKey } from "../../support/stripe.ts";

/** Takes connections and never answers. */
async function silence(): Promise<{ url: string; stop: () => Promise<void> }> {
  const server: Server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function sandboxWorld(): Promise<ProviderWorld> {
  const store = sqliteStore();
  const nobody = await silence();
  const webhookSecrets = ["the secret of today, which is long", "the secret of yesterday, as long"];
  const sandbox = await startSandbox({ store: store.config, port: 0, webhookSecret: webhookSecrets[0] ?? "" });
  // its webhooks go nowhere: these tests make their own
  const client = (url: string) => sandboxProvider({ url, publicUrl: "http://127.0.0.1:9", webhookSecrets });
  const provider = client(sandbox.url);
  const journal = async () => (await (await fetch(`${sandbox.url}/journal`)).json()) as Journal;
  const signed = (body: string, secret = webhookSecrets[0] ?? "", atMs = Date.now()) => ({
    body: Buffer.from(body),
    headers: { "hub-signature": sign(Buffer.from(body), secret, atMs) },
  });
  return {
    provider,
    unreachable: client(nobody.url),
    tokens: {
      ok: "tok_ok",
      declined: "tok_declined",
      waits: "tok_approve",
      unanswered: "tok_timeout",
      failing: "tok_error_after_charge",
    },
    async decide({ ref }, decision) {
      await provider.approve(ref, decision, AbortSignal.timeout(5_000));
    },
    async moved(paymentId) {
      const { charges, refunds } = await journal();
      const own = charges.filter(({ reference, status }) => reference === paymentId && status === "succeeded");
      const refs = own.map(({ ref }) => ref);
      return {
        taken: own.map(({ amountCents }) => amountCents),
        returned: refunds.filter(({ chargeRef }) => refs.includes(chargeRef)).map(({ amountCents }) => amountCents),
      };
    },
    async message({ paymentId }, { secret, atMs } = {}) {
      const data = (await journal()).charges.find(({ reference }) => reference === paymentId) as SandboxCharge;
      return signed(JSON.stringify({ id: newId(), type: "charge.succeeded", createdAt: 1, data }), secret, atMs);
    },
    signed: (body) => signed(body),
    otherMessage: JSON.stringify({ id: newId(), type: "payout.sent", createdAt: 1, data: {} }),
    previousSecret: webhookSecrets[1] ?? "",
    async stop() {
      await sandbox.stop();
      await nobody.stop();
      await store.dispose();
    },
  };
}

async function stripeWorld(): Promise<ProviderWorld> {
  const server = await startStripe();
  const nobody = await silence();
  const webhookSecrets = ["whsec_todaytodaytodaytoday", "whsec_yesterdayyesterday"];
  const client = (url: string) =>
    stripeProvider({ secretKey: stripeSecretKey, webhookSecrets, url, returnUrl: "https://shop.example/paid" });
  const provider = client(server.url);
  const { webhooks } = new Stripe(stripeSecretKey);
  const signed = (payload: string, secret = webhookSecrets[0] ?? "", atMs = Date.now()) => ({
    body: Buffer.from(payload),
    headers: {
      "stripe-signature": webhooks.generateTestHeaderString({ payload, secret, timestamp: Math.floor(atMs / 1_000) }),
    },
  });
  return {
    // the tokens that make trouble are this test's own: Stripe has no such cards
    provider: {
      ...provider,
      charge(request, signal) {
        const when = "after" as const;
        if (request.token === "unanswered") server.trouble({ path: /confirm$/, when });
        if (request.token === "failing") server.trouble({ path: /confirm$/, when, status: 500 });
        const troubled = request.token === "unanswered" || request.token === "failing";
        return provider.charge(troubled ? { ...request, token: "pm_ok" } : request, signal);
      },
    },
    unreachable: client(nobody.url),
    tokens: {
      ok: "pm_ok",
      declined: "pm_declined",
      waits: "pm_3ds",
      unanswered: "unanswered",
      failing: "failing",
    },
    decide: async ({ paymentId }, decision) => server.decide(paymentId, decision),
    async moved(paymentId) {
      const own = [...server.intents.values()].filter(({ metadata }) => metadata.hub_payment_id === paymentId);
      const ids = own.map(({ id }) => id);
      return {
        taken: own.map(({ amount_received: taken }) => taken).filter((taken) => taken > 0),
        returned: server.refunds
          .filter(({ payment_intent: of }) => ids.includes(String(of)))
          .map(({ amount }) => Number(amount)),
      };
    },
    async message({ paymentId }, { secret, atMs } = {}) {
      const object = server.intentOf(paymentId);
      const event = { id: `evt_${newId()}`, object: "event", type: "payment_intent.succeeded", data: { object } };
      return signed(JSON.stringify(event), secret, atMs);
    },
    signed: (body) => signed(body),
    otherMessage: JSON.stringify({ id: "evt_1", object: "event", type: "payout.paid", data: { object: {} } }),
    previousSecret: webhookSecrets[1] ?? "",
    async stop() {
      await server.stop();
      await nobody.stop();
    },
  };
}

describeProvider("the sandbox", sandboxWorld);
describeProvider("stripe", stripeWorld);
