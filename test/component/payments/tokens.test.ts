import { contracts } from "../../../contracts/bus.ts";
import { newId } from "../../../lib/ids.ts";
import { compileSchema } from "../../../lib/validator.ts";
import { customer } from "../../support/broker.ts";
import { eventually } from "../../support/wait.ts";
import { expectBooksToAgree, openShop, type Shop } from "./support.ts";

describe.each(["SQLite", "MySQL"] as const)("paying through the sandbox on %s", (store) => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await openShop(store);
  });
  afterEach(() => expectBooksToAgree(shop));
  afterAll(() => shop.stop());

  const timed = async <T>(work: Promise<T>): Promise<{ value: T; ms: number }> => {
    const startedMs = performance.now();
    return { value: await work, ms: performance.now() - startedMs };
  };
  const chargesOf = async (id: string) => (await shop.journal()).charges.filter(({ reference }) => reference === id);
  /** The reconciler asks now; test/e2e/payments.test.ts waits until it does by itself. */
  const reconcile = () => shop.broker.call("payments.hasten", {});
  const historyOf = async (orderId: string) =>
    (await shop.broker.call("payments.history", { orderId })).map(({ type }) => type);

  it.each([undefined, "tok_ok"])("settles at once with %s", async (token) => {
    const payment = await shop.pay({ token });

    expect(payment).toMatchObject({ status: "SUCCEEDED", amountCents: 1_000, refundedCents: 0, failureCode: null });
    expect(payment.providerRef).toMatch(/^ch_/);
    expect(payment.settledAt).not.toBeNull();
    expect(compileSchema(contracts["payments.create"].result)(payment)).toBe(true);
    await eventually(() => shop.told().some(({ paymentId }) => paymentId === payment.id));
    expect(await historyOf(payment.orderId)).toEqual(["payment.created", "payment.succeeded"]);
  });

  it.each([
    ["tok_declined", "card_declined"],
    ["tok_nonsense", "invalid_token"],
  ])("fails at once with %s, and the order can be paid afterwards", async (token, failureCode) => {
    const declined = await shop.pay({ token });
    expect(declined).toMatchObject({ status: "FAILED", failureCode, redirectUrl: null });

    const { orderId, customerId } = { orderId: declined.orderId, customerId: newId() };
    expect(await shop.pay({ orderId, customerId })).toMatchObject({ status: "SUCCEEDED" });
    expect((await shop.broker.call("payments.ofOrder", { orderId })).items.map(({ status }) => status)).toEqual([
      "FAILED",
      "SUCCEEDED",
    ]);
  });

  it.each([
    ["tok_async_ok", "SUCCEEDED", null],
    ["tok_async_declined", "FAILED", "card_declined"],
  ] as const)("is pending with %s until the webhook says %s", async (token, status, failureCode) => {
    const payment = await shop.pay({ token });
    expect(payment).toMatchObject({ status: "PENDING", redirectUrl: null, settledAt: null });

    expect(await shop.becomes(payment, status, 4_000)).toMatchObject({ failureCode });
    expect(shop.webhooks.filter(({ event }) => event.data.reference === payment.id)).toMatchObject([{ status: 200 }]);
  });

  it.each([
    ["approve", "SUCCEEDED", "succeeded"],
    ["decline", "FAILED", "failed"],
  ] as const)("waits with tok_approve for a person to %s", async (decision, status, said) => {
    const payment = await shop.pay({ token: "tok_approve", method: "alipay" });
    const providerRef = payment.providerRef ?? "";
    expect(payment.redirectUrl).toBe(`${shop.config.publicUrl}/sandbox/approvals/${providerRef}`);
    const page = await shop.broker.call("payments.approvalPage", { providerRef });
    expect(page).toEqual({ providerRef, status: "pending", amountCents: 1_000, currency: "GBP" });

    expect(await shop.broker.call("payments.approve", { providerRef, decision })).toEqual({ status: said });
    const other = decision === "approve" ? "decline" : "approve";
    expect(await shop.broker.call("payments.approve", { providerRef, decision: other })).toEqual({ status: said });

    expect(await shop.becomes(payment, status, 4_000)).toMatchObject({ redirectUrl: null });
  });

  it("has no approval page for what does not exist", async () => {
    expect(await shop.broker.call("payments.approvalPage", { providerRef: "ch_none" })).toBeNull();
    await expect(
      shop.broker.call("payments.approve", { providerRef: "../journal", decision: "approve" }),
    ).rejects.toMatchObject({ code: 404 });
  });

  it("answers pending in under 4 s with tok_timeout, and the reconciler finds the charge", async () => {
    const { value: payment, ms } = await timed(shop.pay({ token: "tok_timeout" }));

    expect(payment).toMatchObject({ status: "PENDING", providerRef: null });
    expect(ms).toBeLessThan(4_000);
    await reconcile();
    await shop.becomes(payment, "SUCCEEDED");
    expect(await chargesOf(payment.id)).toHaveLength(1);
  });

  it("settles with tok_timeout when the client comes again with its key, on one charge", async () => {
    const request = { token: "tok_timeout", orderId: newId(), customerId: newId(), key: newId() };
    const first = await shop.pay(request);

    const again = await shop.pay(request);

    expect(again).toMatchObject({ id: first.id, status: "SUCCEEDED" });
    expect(await shop.broker.call("payments.byKey", { key: request.key })).toEqual(again);
    expect(await chargesOf(first.id)).toHaveLength(1);
  });

  it("settles in the same answer with tok_error_after_charge, on one charge", async () => {
    const { value: payment, ms } = await timed(shop.pay({ token: "tok_error_after_charge" }));

    expect(payment.status).toBe("SUCCEEDED");
    expect(ms).toBeLessThan(2_000);
    expect(await chargesOf(payment.id)).toHaveLength(1);
  });

  it("takes the five webhooks of tok_duplicate and tells of the payment once", async () => {
    const payment = await shop.pay({ token: "tok_duplicate" });
    expect(payment.status).toBe("SUCCEEDED");

    await eventually(() => shop.webhooks.filter(({ event }) => event.data.reference === payment.id).length === 5);

    const rows = await shop.db.select("SELECT event_id FROM provider_events WHERE payment_id = ?", [payment.id]);
    expect(rows).toHaveLength(1);
    expect(shop.told().filter(({ paymentId }) => paymentId === payment.id)).toHaveLength(1);
    expect(await historyOf(payment.orderId)).toEqual(["payment.created", "payment.succeeded"]);
  });

  it("finds out about tok_silent, of which no webhook ever tells", async () => {
    const payment = await shop.pay({ token: "tok_silent" });
    expect(payment.status).toBe("PENDING");

    await eventually(async () => {
      await reconcile();
      return (await shop.stored(payment)).status === "SUCCEEDED";
    });

    expect(shop.webhooks.filter(({ event }) => event.data.reference === payment.id)).toEqual([]);
  });

  it("charges an order once, of fifty payments asked for at once", async () => {
    const orderId = newId();

    const answers = await Promise.allSettled(Array.from({ length: 50 }, () => shop.pay({ orderId })));

    const paid = answers.filter((each) => each.status === "fulfilled").map(({ value }) => value.id);
    expect(new Set(paid).size).toBe(1);
    for (const each of answers) {
      if (each.status === "rejected") expect(each.reason).toMatchObject({ code: 409, type: "PAYMENT_OPEN" });
    }
    expect(await chargesOf(paid[0] ?? "")).toHaveLength(1);
    expect((await shop.broker.call("payments.ofOrder", { orderId })).items).toHaveLength(1);
  });

  it("answers fifty copies of a keyed request with one payment", async () => {
    const request = { orderId: newId(), customerId: newId(), key: newId() };

    const answers = await Promise.all(Array.from({ length: 50 }, () => shop.pay(request)));

    expect(new Set(answers.map(({ id, status }) => `${id} ${status}`)).size).toBe(1);
    expect(await chargesOf(answers[0]?.id ?? "")).toHaveLength(1);
  });

  it("says which payment is open when another one is asked for", async () => {
    const open = await shop.pay({ token: "tok_async_ok" });
    await expect(shop.pay({ orderId: open.orderId })).rejects.toMatchObject({
      code: 409,
      type: "PAYMENT_OPEN",
      data: { paymentId: open.id },
    });
  });

  it("shows a payment to its customer and to staff, and to nobody else", async () => {
    const customerId = newId();
    const { id } = await shop.pay({ customerId });
    const getAs = (userId: string) => shop.broker.call("payments.get", { id }, { meta: { user: customer(userId) } });

    expect(await getAs(customerId)).toMatchObject({ id });
    expect(await shop.stored({ id })).toMatchObject({ id });
    await expect(getAs(newId())).rejects.toMatchObject({ code: 404, type: "NOT_FOUND" });
    await expect(shop.broker.call("payments.get", { id })).rejects.toMatchObject({ code: 401 });
    await expect(shop.stored({ id: newId() })).rejects.toMatchObject({ code: 404 });
    expect(await shop.broker.call("payments.ofCustomer", { customerId })).toMatchObject([{ id }]);
  });
});
