import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { newId } from "../../../lib/ids.ts";
import { sandboxProvider, type SandboxProvider } from "../../../services/payments/providers/sandbox/client.ts";
import type { Journal } from "../../../services/payments/providers/sandbox/api.ts";
import { deliverDue, queueDeliveries } from "../../../services/payments/providers/sandbox/deliveries.ts";
import { sandboxMigrations } from "../../../services/payments/providers/sandbox/migrations.ts";
import { startSandbox, type Sandbox } from "../../../services/payments/providers/sandbox/server.ts";
import { isSignedBy } from "../../../services/payments/providers/sandbox/signature.ts";
import type { ChargeRequest } from "../../../services/payments/providers/provider.ts";
import { describeStores } from "../../support/stores.ts";
import { eventually } from "../../support/wait.ts";

interface Received {
  id: string;
  type: string;
  reference: string;
  signed: boolean;
}

const webhookSecret = "a secret of the sandbox and its merchant";

describeStores("the sandbox", (store) => {
  let sandbox: Sandbox;
  let merchant: Server;
  let provider: SandboxProvider;
  let received: Received[] = [];
  /** Statuses for the next webhooks about a payment; 200 when none is left. */
  const merchantAnswers = new Map<string, number[]>();

  const clientOf = (url: string) => {
    const { port } = merchant.address() as AddressInfo;
    return sandboxProvider({ url, publicUrl: `http://127.0.0.1:${port}`, webhookSecrets: [webhookSecret] });
  };
  const start = () => startSandbox({ store: store().config, port: 0, webhookSecret });

  beforeAll(async () => {
    merchant = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      const signature = request.headers["hub-signature"] as string;
      const event = JSON.parse(body.toString()) as { id: string; type: string; data: { reference: string } };
      received.push({
        id: event.id,
        type: event.type,
        reference: event.data.reference,
        signed: isSignedBy(webhookSecret, signature, body, Date.now()),
      });
      response.writeHead(merchantAnswers.get(event.data.reference)?.shift() ?? 200).end();
    });
    await new Promise<void>((resolve) => merchant.listen(0, "127.0.0.1", resolve));
    sandbox = await start();
    provider = clientOf(sandbox.url);
  });
  afterAll(async () => {
    await sandbox.stop();
    merchant.closeAllConnections();
    await new Promise((resolve) => merchant.close(resolve));
  });
  beforeEach(() => {
    received = [];
  });

  const request = (token: string | null, fields: Partial<ChargeRequest> = {}): ChargeRequest => ({
    paymentId: newId(),
    orderId: newId(),
    amountCents: 1_000,
    currency: "GBP",
    method: "card",
    token,
    ...fields,
  });
  const known = ({ token: _token, ...payment }: ChargeRequest) => ({ ...payment, ref: null });
  const soon = () => AbortSignal.timeout(5_000);
  const charge = (asked: ChargeRequest, signal = soon()) => provider.charge(asked, signal);
  const refund = (chargeRef: string | null, amountCents: number, refundId = newId()) =>
    provider.refund({ refundId, paymentId: newId(), chargeRef: chargeRef ?? "", amountCents }, soon());
  const journal = async (): Promise<Journal> => (await (await fetch(`${sandbox.url}/journal`)).json()) as Journal;
  const webhooksOf = (paymentId: string) => received.filter(({ reference }) => reference === paymentId);

  it.each([
    [null, "succeeded", null],
    ["tok_ok", "succeeded", null],
    ["tok_declined", "failed", "card_declined"],
    ["tok_made_up", "failed", "invalid_token"],
    ["tok_silent", "pending", null],
  ])("answers %s with %s", async (token, status, failureCode) => {
    expect(await charge(request(token))).toMatchObject({ status, failureCode, amountCents: 1_000, currency: "GBP" });
  });

  it("makes one charge for fifty requests with the same key", async () => {
    const asked = request("tok_ok");

    const answers = await Promise.all(Array.from({ length: 50 }, () => charge(asked)));

    expect(new Set(answers.map(({ ref }) => ref)).size).toBe(1);
    const { charges } = await journal();
    expect(charges.filter(({ reference }) => reference === asked.paymentId)).toHaveLength(1);
  });

  it("refuses the same key for another amount, and says nothing definite about the charge", async () => {
    const asked = request("tok_ok");
    await charge(asked);
    await expect(charge({ ...asked, amountCents: 1 })).rejects.toMatchObject({ name: "ProviderUnavailable" });
  });

  it("charges and holds its answer back for tok_timeout, and answers the second request", async () => {
    const asked = request("tok_timeout");

    await expect(charge(asked, AbortSignal.timeout(300))).rejects.toMatchObject({
      name: "ProviderUnavailable",
      answered: false,
    });

    expect(await provider.find(known(asked), soon())).toMatchObject({ status: "succeeded" });
    expect(await charge(asked)).toMatchObject({ status: "succeeded" });
  });

  it("charges and answers 500 for tok_error_after_charge, and answers the second request", async () => {
    const asked = request("tok_error_after_charge");
    await expect(charge(asked)).rejects.toMatchObject({ name: "ProviderUnavailable", answered: true });
    expect(await charge(asked)).toMatchObject({ status: "succeeded" });
  });

  it.each([
    ["tok_async_ok", "charge.succeeded"],
    ["tok_async_declined", "charge.failed"],
  ])("decides %s later and sends a signed webhook", async (token, type) => {
    const asked = request(token);
    expect(await charge(asked)).toMatchObject({ status: "pending", redirectUrl: null });

    const [event] = await eventually(() => webhooksOf(asked.paymentId).length > 0 && webhooksOf(asked.paymentId));

    expect(event).toMatchObject({ type, signed: true });
  });

  it("sends one event five times for tok_duplicate", async () => {
    const asked = request("tok_duplicate");
    expect(await charge(asked)).toMatchObject({ status: "succeeded" });

    await eventually(() => webhooksOf(asked.paymentId).length === 5);

    expect(new Set(webhooksOf(asked.paymentId).map(({ id }) => id)).size).toBe(1);
  });

  it("sends a webhook again until it is answered with 2xx", async () => {
    const asked = request("tok_async_ok");
    merchantAnswers.set(asked.paymentId, [500, 404]);
    await charge(asked);

    await eventually(() => webhooksOf(asked.paymentId).length === 3);

    expect(webhooksOf(asked.paymentId).every(({ signed }) => signed)).toBe(true);
  });

  it("lets a person decide tok_approve once", async () => {
    const asked = request("tok_approve");
    const { ref, redirectUrl } = await charge(asked);
    expect(redirectUrl).toMatch(new RegExp(`/sandbox/approvals/${ref}$`));
    expect(await provider.approval(ref ?? "", soon())).toMatchObject({ ref, status: "pending", amountCents: 1_000 });

    expect(await provider.approve(ref ?? "", "decline", soon())).toMatchObject({ status: "failed" });
    expect(await provider.approve(ref ?? "", "approve", soon())).toMatchObject({ status: "failed" });

    expect(await provider.find(known(asked), soon())).toMatchObject({
      status: "failed",
      failureCode: "approval_declined",
      redirectUrl: null,
    });
    await eventually(() => webhooksOf(asked.paymentId).length === 1);
  });

  it("has no approval page for other charges", async () => {
    const { ref } = await charge(request("tok_async_ok"));
    expect(await provider.approval(ref ?? "", soon())).toBeNull();
    await expect(provider.approve(ref ?? "", "approve", soon())).rejects.toMatchObject({ kind: "not_found" });
  });

  it("never charges a key that was voided before it was used", async () => {
    const asked = request("tok_ok");
    expect(await provider.find(known(asked), soon())).toBeNull();

    expect(await provider.void(known(asked), soon())).toMatchObject({ status: "voided" });

    expect(await charge(asked)).toMatchObject({ status: "voided" });
    expect(await provider.find(known(asked), soon())).toMatchObject({ status: "voided" });
  });

  it("voids what waits for approval, and not what was decided", async () => {
    const waiting = request("tok_approve");
    const { ref } = await charge(waiting);
    const done = request("tok_ok");
    await charge(done);

    expect(await provider.void(known(waiting), soon())).toMatchObject({ status: "voided", ref });
    expect(await provider.void(known(done), soon())).toMatchObject({ status: "succeeded" });

    expect(await provider.approve(ref ?? "", "approve", soon())).toMatchObject({ status: "voided" });
  });

  it("either charges or voids when both are asked for at once, and both learn the same", async () => {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const asked = request("tok_ok");
        const [charged, voided] = await Promise.all([charge(asked), provider.void(known(asked), soon())]);
        expect(charged.status).toBe(voided.status);
        expect(charged.ref).toBe(voided.ref);
      }),
    );
  });

  it("refunds once for each id, and never more than was charged", async () => {
    const { ref } = await charge(request("tok_ok"));
    const refundId = newId();

    const same = await Promise.all(Array.from({ length: 10 }, () => refund(ref, 400, refundId)));
    const others = await Promise.allSettled(Array.from({ length: 10 }, () => refund(ref, 250)));

    expect(new Set(same.map((answer) => answer.ref)).size).toBe(1);
    expect(others.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    const { refunds } = await journal();
    const made = refunds.filter(({ chargeRef }) => chargeRef === ref);
    expect(made.map(({ amountCents }) => amountCents).sort()).toEqual([250, 250, 400]);
  });

  it.each([
    ["an unknown charge", async () => "ch_unknown", "unknown_charge"],
    ["a declined one", async () => (await charge(request("tok_declined"))).ref, "charge_not_refundable"],
  ])("refuses to refund %s for good", async (_what, refOf, code) => {
    await expect(refund(await refOf(), 1)).rejects.toMatchObject({ name: "ProviderRefused", code });
  });

  it.each([
    ["POST", "/charges", "{}", 422],
    ["POST", "/charges", "{", 400],
    ["POST", "/refunds", `{"chargeRef":"x","amountCents":-1}`, 422],
    ["POST", "/charges/void", `{"reference":""}`, 422],
    ["GET", "/nowhere", null, 404],
  ])("refuses %s %s %s with %i", async (method, path, body, status) => {
    const response = await fetch(`${sandbox.url}${path}`, { method, body, headers: { "idempotency-key": newId() } });
    expect(response.status).toBe(status);
  });

  it("refuses to move money without a key", async () => {
    for (const path of ["/charges", "/refunds"]) {
      expect((await fetch(`${sandbox.url}${path}`, { method: "POST", body: "{}" })).status).toBe(400);
    }
  });

  it("keeps its books and its unsent webhooks over a restart", async () => {
    const asked = request("tok_duplicate");
    merchantAnswers.set(asked.paymentId, [503]);
    const { ref } = await charge(asked);
    const late = request("tok_async_ok");
    await charge(late);
    await sandbox.stop();

    sandbox = await start();
    provider = clientOf(sandbox.url);

    expect(await provider.find(known(asked), soon())).toMatchObject({ ref, status: "succeeded" });
    await eventually(() => webhooksOf(late.paymentId).length > 0);
    await eventually(() => webhooksOf(asked.paymentId).length >= 5);
  });

  it("gives a delivery up only after two days, and has it for itself while it sends", async () => {
    const db = await store().open("sandbox_of_two_days", sandboxMigrations);
    const { paymentId } = request(null);
    merchantAnswers.set(paymentId, Array<number>(9).fill(500));
    let nowMs = Date.now();
    const { port } = merchant.address() as AddressInfo;
    const body = JSON.stringify({ id: "evt_1", type: "charge.succeeded", data: { reference: paymentId } });
    await db.transaction((tx) =>
      queueDeliveries(db, tx, [{ url: `http://127.0.0.1:${port}/`, body, times: 1 }], nowMs),
    );
    const deliverAfter = (ms: number) => {
      nowMs += ms;
      const options = { db, webhookSecret, now: () => nowMs };
      const never = new AbortController().signal;
      return Promise.all([deliverDue(options, never), deliverDue(options, never)]);
    };

    await deliverAfter(0);
    await deliverAfter(499);
    expect(webhooksOf(paymentId)).toHaveLength(1);
    await deliverAfter(1);
    await deliverAfter(24 * 3_600_000);
    expect(webhooksOf(paymentId)).toHaveLength(3);
    await deliverAfter(25 * 3_600_000);
    await deliverAfter(25 * 3_600_000);
    expect(webhooksOf(paymentId)).toHaveLength(4);
  });
});
