import { newId } from "../../../lib/ids.ts";
import { eventually } from "../../support/wait.ts";
import { expectBooksToAgree, openShop, type Shop } from "./support.ts";

describe.each(["SQLite", "MySQL"] as const)("webhooks on %s", (store) => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await openShop(store);
  });
  afterEach(() => expectBooksToAgree(shop));
  afterAll(() => shop.stop());

  const eventAbout = (charge: object, id = newId()) => ({ id, type: "charge.succeeded", createdAt: 1, data: charge });
  /** A payment that waits for approval, and the charge as the sandbox would tell of it. */
  const waiting = async () => {
    const payment = await shop.pay({ token: "tok_approve" });
    const charge = {
      ref: payment.providerRef,
      reference: payment.id,
      status: "succeeded",
      amountCents: payment.amountCents,
      currency: payment.currency,
      failureCode: null,
      needsApproval: true,
      createdAt: 1,
    };
    return { payment, charge };
  };
  const approve = (payment: { providerRef: string | null }) =>
    shop.broker.call("payments.approve", { providerRef: payment.providerRef ?? "", decision: "approve" });
  const statusesOf = async (paymentId: string) =>
    (
      await shop.db.select<{ status: string }>("SELECT status FROM provider_events WHERE payment_id = ?", [paymentId])
    ).map(({ status }) => status);

  it("sent twenty times at once have one effect", async () => {
    const { payment, charge } = await waiting();
    const event = eventAbout(charge);
    await approve(payment);

    const answers = await Promise.all(Array.from({ length: 20 }, () => shop.deliver(event)));

    expect(answers).toEqual(Array(20).fill({ received: true }));
    await shop.becomes(payment, "SUCCEEDED", 4_000);
    await eventually(() => shop.told().some(({ paymentId }) => paymentId === payment.id));
    await eventually(async () => (await statusesOf(payment.id)).every((status) => status === "APPLIED"));
    expect(shop.told().filter(({ paymentId }) => paymentId === payment.id)).toHaveLength(1);
  });

  it("with different ids about the same charge have one effect too", async () => {
    const { payment, charge } = await waiting();
    await approve(payment);

    await Promise.all(Array.from({ length: 20 }, () => shop.deliver(eventAbout(charge))));

    await eventually(async () => (await statusesOf(payment.id)).filter((status) => status === "APPLIED").length >= 20);
    expect(shop.told().filter(({ paymentId }) => paymentId === payment.id).length).toBeLessThanOrEqual(1);
  });

  it("that arrive before the provider's answer settle the payment, and the answer changes nothing", async () => {
    const orderId = newId();
    const creating = shop.pay({ orderId, token: "tok_timeout" });
    const charge = await eventually(async () => {
      const { items } = await shop.broker.call("payments.ofOrder", { orderId });
      return (await shop.journal()).charges.find(({ reference }) => reference === items[0]?.id);
    });

    await shop.deliver(eventAbout(charge));

    await shop.becomes({ id: charge.reference }, "SUCCEEDED", 2_000);
    expect(await creating).toMatchObject({ id: charge.reference, status: "SUCCEEDED" });
  });

  it("about another amount are kept as a conflict and change nothing", async () => {
    const { payment, charge } = await waiting();

    await shop.deliver(eventAbout({ ...charge, amountCents: 1 }));

    await eventually(async () => (await statusesOf(payment.id))[0] === "CONFLICT");
    expect(await shop.stored(payment)).toMatchObject({ status: "PENDING", amountCents: 1_000 });
    const history = await shop.broker.call("payments.history", { orderId: payment.orderId });
    expect(history.at(-1)).toMatchObject({ type: "payment.conflict", detail: { amountCents: 1 } });
    await approve(payment);
    await shop.becomes(payment, "SUCCEEDED", 4_000);
  });

  it("about a payment nobody knows are kept", async () => {
    const { payment, charge } = await waiting();
    const reference = newId();

    await shop.deliver(eventAbout({ ...charge, reference }));

    await eventually(async () => (await statusesOf(reference))[0] === "UNMATCHED");
    await approve(payment);
  });

  it.each([
    ["of another secret", (body: string) => shop.signature(body, { secret: "guessed" })],
    ["over six minutes old", (body: string) => shop.signature(body, { atMs: Date.now() - 360_000 })],
    ["from the future", (body: string) => shop.signature(body, { atMs: Date.now() + 360_000 })],
    ["of another body", (body: string) => shop.signature(`${body} `)],
    ["that are none", () => "v1=nothing"],
  ])("with signatures %s are refused and leave no trace", async (_which, signatureOf) => {
    const { payment, charge } = await waiting();
    const body = JSON.stringify(eventAbout(charge));

    await expect(shop.deliver(body, signatureOf(body))).rejects.toMatchObject({
      code: 401,
      type: "INVALID_SIGNATURE",
    });

    expect(await statusesOf(payment.id)).toEqual([]);
    await approve(payment);
  });

  it("without a signature are refused", async () => {
    const body = Buffer.from("{}").toString("base64");
    const call = (provider: string) => shop.broker.call("payments.webhook", { provider, body, headers: {} });
    await expect(call("sandbox")).rejects.toMatchObject({ code: 401, type: "INVALID_SIGNATURE" });
    await expect(call("stripe")).rejects.toMatchObject({ code: 404, type: "NOT_FOUND" });
  });

  it("that are signed and malformed are refused with 422", async () => {
    for (const body of ["{", "[]", JSON.stringify({ id: "evt_1", type: "charge.succeeded", createdAt: 1, data: 1 })]) {
      await expect(shop.deliver(body)).rejects.toMatchObject({ code: 422, type: "VALIDATION_FAILED" });
    }
  });

  it("that were kept by a node that died are applied by the next one that looks", async () => {
    const { payment, charge } = await waiting();
    await approve(payment);
    await shop.db.execute(
      `INSERT INTO provider_events (provider, event_id, type, payment_id, charge, status, attempts, received_at, due_at)
       VALUES ('sandbox', ?, 'charge.succeeded', ?, ?, 'WAITING', 0, 0, 0)`,
      [
        newId(),
        payment.id,
        JSON.stringify({ ...charge, provider: "sandbox", paymentId: payment.id, redirectUrl: null }),
      ],
    );
    await shop.becomes(payment, "SUCCEEDED", 4_000);
  });
});
