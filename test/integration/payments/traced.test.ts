import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { during } from "../../../lib/request-context.ts";
import type { Span } from "../../../lib/tracing.ts";
import type { PaymentProvider } from "../../../services/payments/providers/provider.ts";
import { sandboxProvider } from "../../../services/payments/providers/sandbox/client.ts";
import { stripeProvider } from "../../../services/payments/providers/stripe/client.ts";
import { traced } from "../../../services/payments/providers/traced.ts";
import { stripeSecretKey } from "../../support/stripe.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const id = "0198c0de-0000-7000-8000-000000000001";
const payment = { paymentId: id, orderId: id, amountCents: 500, currency: "GBP", method: "card", ref: "pi_1" } as const;
const charge = { ...payment, token: "tok_ok" };
const refund = { refundId: id, paymentId: id, chargeRef: "pi_1", amountCents: 500 };

/** Keeps what becomes of its parts, and numbers them. */
function recorder(): { root: Span; ended: { name: string; traceparent: string; failed: boolean }[] } {
  const ended: { name: string; traceparent: string; failed: boolean }[] = [];
  let count = 0;
  const span = (name: string): Span => {
    const traceparent = `00-${traceId}-${String((count += 1)).padStart(16, "0")}-01`;
    return {
      traceparent,
      child: (childName) => span(childName),
      set: () => {},
      rename: () => {},
      end: (error) => void ended.push({ name, traceparent, failed: error !== undefined }),
    };
  };
  return { root: span("root"), ended };
}

/** A party that notes which trace it was told of and gives no usable answer. */
async function startParty(): Promise<{ url: string; told: (string | undefined)[]; stop(): Promise<void> }> {
  const told: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    told.push(request.headers.traceparent as string | undefined);
    request.resume().on("end", () => response.writeHead(500).end("{}"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    told,
    stop: () => new Promise((resolve) => void (server.closeAllConnections(), server.close(() => resolve()))),
  };
}

const clients: [string, (url: string) => PaymentProvider][] = [
  ["sandbox", (url) => sandboxProvider({ url, publicUrl: url, webhookSecrets: ["s".repeat(32)] })],
  ["stripe", (url) => stripeProvider({ url, secretKey: stripeSecretKey, webhookSecrets: ["whsec_0"], returnUrl: url })],
];

describe.each(clients)("a request to %s", (name, clientOf) => {
  let party: Awaited<ReturnType<typeof startParty>>;
  let provider: PaymentProvider;

  beforeAll(async () => {
    party = await startParty();
    provider = traced(clientOf(party.url));
  });
  beforeEach(() => void party.told.splice(0));
  afterAll(() => party.stop());

  const questions: [string, (signal: AbortSignal) => Promise<unknown>][] = [
    ["charge", (signal) => provider.charge(charge, signal)],
    ["find", (signal) => provider.find(payment, signal)],
    ["void", (signal) => provider.void(payment, signal)],
    ["refund", (signal) => provider.refund(refund, signal)],
  ];
  it.each(questions)("is a part of the trace, which the provider is told of: %s", async (question, ask) => {
    const { root, ended } = recorder();

    await expect(during(root, {}, () => ask(AbortSignal.timeout(2_000)))).rejects.toThrow();

    const [asked] = ended;
    expect(asked).toMatchObject({ name: `${name} ${question}`, failed: true });
    expect(party.told.length).toBeGreaterThan(0);
    expect(new Set(party.told)).toEqual(new Set([asked?.traceparent]));
  });

  it("says nothing of a trace where there is none", async () => {
    await expect(provider.find(payment, AbortSignal.timeout(2_000))).rejects.toThrow();

    expect(party.told).toEqual([undefined]);
  });
});
