import Stripe from "stripe";
import { newId } from "../../../lib/ids.ts";
import { startStripe, stripeSecretKey, type StripeServer } from "../../support/stripe.ts";
import { eventually } from "../../support/wait.ts";
import { openShop, type Shop } from "./support.ts";

const secrets = ["whsec_todaytodaytodaytoday", "whsec_yesterdayyesterday"] as const;
const { webhooks } = new Stripe(stripeSecretKey);

describe.each(["SQLite", "MySQL"] as const)("payments by Stripe on %s", (store) => {
  let shop: Shop;
  let stripe: StripeServer;

  beforeAll(async () => {
    stripe = await startStripe();
    shop = await openShop(store, {
      STRIPE_SECRET_KEY: stripeSecretKey,
      STRIPE_WEBHOOK_SECRET: secrets.join(","),
      STRIPE_URL: stripe.url,
      PAYMENT_RETURN_URL: "https://shop.example/paid",
    });
  });
  afterAll(async () => {
    await shop.stop();
    await stripe.stop();
  });

  const told = (paymentId: string) => shop.told().filter((one) => one.paymentId === paymentId);
  const ledgerOf = async (paymentId: string) =>
    (
      await shop.db.select<{ amount_cents: number | string }>(
        "SELECT amount_cents FROM payment_ledger WHERE payment_id = ? ORDER BY amount_cents",
        [paymentId],
      )
    ).map(({ amount_cents: cents }) => Number(cents));
  const statusesOf = async (paymentId: string) =>
    (
      await shop.db.select<{ status: string }>("SELECT status FROM provider_events WHERE payment_id = ?", [paymentId])
    ).map(({ status }) => status);
  /** An event about the intent as it is now, as Stripe would send it. */
  const eventOf = (paymentId: string, type: string, change: object = {}, id = `evt_${newId()}`) =>
    JSON.stringify({ id, object: "event", type, data: { object: { ...stripe.intentOf(paymentId), ...change } } });
  const deliver = (payload: string, secret: string = secrets[0]) =>
    shop.broker.call("payments.webhook", {
      provider: "stripe",
      body: Buffer.from(payload).toString("base64"),
      headers: { "stripe-signature": webhooks.generateTestHeaderString({ payload, secret }) },
    });
  const makeDue = (table: "payments" | "refunds", column: string) =>
    shop.db.execute(`UPDATE ${table} SET ${column} = 0 WHERE ${column} IS NOT NULL`);
  const reconcile = async () => {
    await makeDue("payments", "next_check_at");
    await shop.broker.call("payments.hasten", {});
  };

  it("are charged at once, under our ids, and told of", async () => {
    const payment = await shop.pay({ token: "pm_ok" });

    expect(payment).toMatchObject({ provider: "stripe", status: "SUCCEEDED" });
    expect(payment.providerRef).toBe(stripe.intentOf(payment.id).id);
    expect(stripe.intentOf(payment.id).metadata).toEqual({
      hub_payment_id: payment.id,
      hub_order_id: payment.orderId,
    });
    expect(await ledgerOf(payment.id)).toEqual([1_000]);
    await eventually(() => told(payment.id).length === 1);
  });

  it("are charged once when the same key comes again while the first answer is awaited", async () => {
    const [key, orderId, customerId] = [newId(), newId(), newId()];
    const asked = { key, orderId, customerId, token: "pm_ok" };

    const answers = await Promise.all([shop.pay(asked), shop.pay(asked), shop.pay(asked)]);

    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    const own = [...stripe.intents.values()].filter(({ metadata }) => metadata.hub_order_id === orderId);
    expect(own.map(({ amount_received: taken }) => taken)).toEqual([1_000]);
    expect(await ledgerOf(answers[0].id)).toEqual([1_000]);
  });

  it("that the bank declines fail, with its reason", async () => {
    expect(await shop.pay({ token: "pm_declined" })).toMatchObject({
      status: "FAILED",
      failureCode: "insufficient_funds",
    });
    expect(await shop.pay({ token: "pm_unknown" })).toMatchObject({
      status: "FAILED",
      failureCode: "resource_missing",
    });
    expect(await shop.pay({})).toMatchObject({ status: "FAILED", failureCode: "payment_method_required" });
  });

  it.each(["alipay", "wechat_pay"])("by %s send the customer to a page, and end with the webhook", async (method) => {
    const payment = await shop.pay({ method });
    expect(payment).toMatchObject({
      status: "PENDING",
      redirectUrl: expect.stringContaining("https://pay.example/") as string,
    });

    stripe.decide(payment.id, "approve");
    await deliver(eventOf(payment.id, "payment_intent.succeeded"), secrets[1]);

    await shop.becomes(payment, "SUCCEEDED");
    expect(await ledgerOf(payment.id)).toEqual([1_000]);
  });

  it.each([429, 500])("go on after Stripe answered %i before it did anything", async (status) => {
    stripe.trouble({ path: /payment_intents$/, status, when: "before" });
    expect(await shop.pay({ token: "pm_ok" })).toMatchObject({ status: "SUCCEEDED" });
  });

  it.each([
    ["the answer was lost", { path: /confirm$/, when: "after" }],
    ["Stripe answered 500 after it charged", { path: /confirm$/, status: 500, when: "after" }],
    ["the answer to the first request was lost", { path: /payment_intents$/, when: "after" }],
  ] as const)("end as Stripe has them when %s", async (what, trouble) => {
    stripe.trouble(trouble);
    const payment = await shop.pay({ token: "pm_ok" });
    const untouched = what.includes("first");
    if (untouched) await shop.db.execute("UPDATE payments SET created_at = 0 WHERE id = ?", [payment.id]);

    const ended = await eventually(async () => {
      await reconcile();
      const current = await shop.stored(payment);
      return current.status !== "PENDING" && current;
    });

    expect(ended.status).toBe(untouched ? "CANCELLED" : "SUCCEEDED");
    expect(await ledgerOf(payment.id)).toEqual(untouched ? [] : [1_000]);
    const own = [...stripe.intents.values()].filter(({ metadata }) => metadata.hub_payment_id === payment.id);
    expect(own.map((one) => one.status)).toEqual([untouched ? "canceled" : "succeeded"]);
  });

  it("that were lost for longer than Stripe keeps keys are found by our id", async () => {
    stripe.trouble({ path: /confirm$/, when: "after" });
    const payment = await shop.pay({ token: "pm_ok" });
    stripe.forgetKeys();
    stripe.searchable = true;

    await reconcile();

    await shop.becomes(payment, "SUCCEEDED");
    stripe.searchable = false;
    expect([...stripe.intents.values()].filter(({ metadata }) => metadata.hub_payment_id === payment.id)).toHaveLength(
      1,
    );
  });

  it("that wait for over an hour are ended at Stripe", async () => {
    const payment = await shop.pay({ token: "pm_3ds" });
    await shop.db.execute("UPDATE payments SET created_at = 0 WHERE id = ?", [payment.id]);

    await reconcile();

    await shop.becomes(payment, "CANCELLED");
    expect(stripe.intentOf(payment.id).status).toBe("canceled");
  });

  it("take a webhook that comes twenty times as one, and overtaken ones as none", async () => {
    const payment = await shop.pay({ token: "pm_3ds" });
    const before = eventOf(payment.id, "payment_intent.requires_action");
    const failed = { status: "requires_payment_method", last_payment_error: { code: "card_declined" } };
    stripe.decide(payment.id, "approve");
    const event = eventOf(payment.id, "payment_intent.succeeded");

    await Promise.all(Array.from({ length: 20 }, () => deliver(event)));
    await shop.becomes(payment, "SUCCEEDED");
    await deliver(before);
    await deliver(eventOf(payment.id, "payment_intent.payment_failed", { ...failed, amount_received: 0 }));

    await eventually(async () => {
      const statuses = await statusesOf(payment.id);
      return statuses.length === 3 && statuses.every((status) => status === "APPLIED");
    });
    expect(await shop.stored(payment)).toMatchObject({ status: "SUCCEEDED" });
    expect(await ledgerOf(payment.id)).toEqual([1_000]);
    await eventually(() => told(payment.id).length === 1);
  });

  it("take a webhook that is there before the answer", async () => {
    stripe.trouble({ path: /confirm$/, when: "after" });
    const orderId = newId();
    const creating = shop.pay({ orderId, token: "pm_ok" });
    const id = await eventually(
      () =>
        [...stripe.intents.values()].find((one) => one.metadata.hub_order_id === orderId && one.status === "succeeded")
          ?.metadata.hub_payment_id,
    );

    await deliver(eventOf(id, "payment_intent.succeeded"));

    await shop.becomes({ id }, "SUCCEEDED");
    expect(await creating).toMatchObject({ id, status: "SUCCEEDED" });
  });

  it.each([
    ["another amount", { amount_received: 1 }],
    ["another currency", { currency: "usd" }],
    ["another intent", { id: "pi_somebodyelses" }],
  ])("keep a webhook about %s as a conflict", async (_what, change) => {
    const payment = await shop.pay({ token: "pm_3ds" });
    const paid = { status: "succeeded", amount_received: 1_000, ...change };

    await deliver(eventOf(payment.id, "payment_intent.succeeded", paid));

    await eventually(async () => (await statusesOf(payment.id))[0] === "CONFLICT");
    expect(await shop.stored(payment)).toMatchObject({ status: "PENDING" });
  });

  it("refuse a webhook of another secret, and leave no trace of it", async () => {
    const payment = await shop.pay({ token: "pm_3ds" });
    const event = eventOf(payment.id, "payment_intent.succeeded", { status: "succeeded", amount_received: 1_000 });
    await expect(deliver(event, "whsec_guessedguessedguessed")).rejects.toMatchObject({
      code: 401,
      type: "INVALID_SIGNATURE",
    });
    expect(await statusesOf(payment.id)).toEqual([]);
  });

  it("are refunded once, also when the answer was lost for longer than Stripe keeps keys", async () => {
    const payment = await shop.pay({ token: "pm_ok" });
    const asked = { refundId: newId(), paymentId: payment.id, amountCents: 400, reason: "broken" };
    stripe.trouble({ path: /refunds$/, when: "before", status: 500 });
    stripe.trouble({ path: /refunds$/, when: "before", status: 500 });
    await expect(shop.broker.call("payments.refund", asked)).rejects.toMatchObject({
      type: "PAYMENT_PROVIDER_UNAVAILABLE",
    });
    // Stripe did take it on, and we never heard of it
    const body = new URLSearchParams({
      payment_intent: payment.providerRef ?? "",
      amount: "400",
      "metadata[hub_refund_id]": asked.refundId,
    });
    const headers = { authorization: `Bearer ${stripeSecretKey}`, "idempotency-key": asked.refundId };
    await fetch(`${stripe.url}/v1/refunds`, { method: "POST", body: body.toString(), headers });
    stripe.forgetKeys();

    await makeDue("refunds", "next_attempt_at");
    await shop.broker.call("payments.hasten", {});

    await eventually(async () => (await shop.stored(payment)).refundedCents === 400);
    expect(stripe.refunds.filter(({ payment_intent: of }) => of === payment.providerRef)).toHaveLength(1);
    expect(await ledgerOf(payment.id)).toEqual([-400, 1_000]);
  });

  it("are compared with Stripe's books by the doctor", async () => {
    const payment = await shop.pay({ token: "pm_ok" });
    const violations = async () => {
      const examples: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await shop.broker.call("payments.audit", cursor === undefined ? {} : { cursor });
        for (const finding of page.findings)
          if (finding.check === "payments.journal") examples.push(...finding.examples);
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      return examples;
    };
    expect(await violations()).not.toContain(payment.id);

    stripe.intentOf(payment.id).amount_received = 999;

    expect(await violations()).toContain(payment.id);
    stripe.intentOf(payment.id).amount_received = 1_000;
  });

  it("never say a secret in what went wrong", async () => {
    stripe.trouble({ path: /confirm$/, when: "before", status: 401 });
    const payment = await shop.pay({ token: "pm_secret_card" });
    expect(JSON.stringify(payment)).not.toMatch(/sk_test|pm_secret/);
  });
});
