import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { migrations } from "../../../services/payments/migrations/index.ts";
import { settle } from "../../../services/payments/payment.ts";
import { describeStores } from "../../support/stores.ts";
import { endings, facts, ledger, newPayment, resultOf, world, type World } from "./support.ts";

describeStores("the payments repository", (store) => {
  let db: Database;
  let here: World;

  beforeAll(async () => {
    db = await store().open("payments", migrations);
  });
  beforeEach(() => {
    here = world(db);
  });

  const open = (fields: Parameters<typeof newPayment>[0] = {}) =>
    here.deps.payments.open(newPayment(fields), here.deps.now());
  const settleAs = (payment: { id: string; amountCents: number; currency: string }, status: "succeeded" | "failed") =>
    here.deps.payments.change(payment.id, here.deps.now(), (current) =>
      settle(current, resultOf({ ...payment, paymentId: payment.id }, status), here.deps.now()),
    );

  it("gives back what was opened", async () => {
    const asked = newPayment({
      token: "tok_ok",
      dedupKey: newId(),
      method: "alipay",
      amountCents: 9_007_199_254_740_991,
    });

    const payment = await here.deps.payments.open(asked, here.deps.now());

    expect(payment).toMatchObject({ ...asked, status: "PENDING", refundedCents: 0, settledAt: null });
    expect(await here.deps.payments.find(asked.id)).toEqual(payment);
    expect(await here.deps.payments.byKey(asked.dedupKey ?? "")).toEqual(payment);
    expect(await here.deps.payments.ofOrder(asked.orderId)).toEqual([payment]);
    expect(await here.deps.payments.ofCustomer(asked.customerId)).toEqual([payment]);
    expect(await here.deps.payments.history(asked.orderId)).toMatchObject([
      { type: "payment.created", by: "payments" },
    ]);
  });

  it("knows nothing of what was never opened", async () => {
    const id = newId();
    expect(await here.deps.payments.find(id)).toBeNull();
    expect(await here.deps.payments.byKey(id)).toBeNull();
    expect(await here.deps.payments.change(id, 0, () => ({ change: null }))).toBeNull();
  });

  it("opens, settles and tells of eighty at once, each with its own answer", async () => {
    const asked = Array.from({ length: 80 }, (_, n) => newPayment({ amountCents: 100 + n }));

    const opened = await Promise.all(asked.map((one) => here.deps.payments.open(one, here.deps.now())));
    const settled = await Promise.all(
      opened.map((payment, n) => settleAs(payment, n % 5 === 0 ? "failed" : "succeeded")),
    );

    expect(opened.map(({ id }) => id)).toEqual(asked.map(({ id }) => id));
    for (const [n, one] of settled.entries()) {
      const { id = "", orderId = "" } = asked[n] ?? {};
      const ending = n % 5 === 0 ? "failed" : "succeeded";
      expect(one?.payment).toMatchObject({ id, status: ending.toUpperCase() });
      expect(await here.deps.payments.find(id)).toEqual(one?.payment);
      expect((await here.deps.payments.history(orderId)).map(({ type }) => type)).toEqual([
        "payment.created",
        `payment.${ending}`,
      ]);
      expect(await ledger(db, orderId)).toEqual(ending === "succeeded" ? [100 + n] : []);
      expect(await facts(db, { id })).toEqual([`payment.${ending}`]);
    }
  });

  it("opens one payment for an order, of fifty asked for at once", async () => {
    const orderId = newId();

    const { values, codes } = await endings(Array.from({ length: 50 }, () => open({ orderId })));

    expect(values).toHaveLength(1);
    expect(codes).toEqual(Array(49).fill("PAYMENT_OPEN"));
    expect(await here.deps.payments.ofOrder(orderId)).toEqual(values);
  });

  it("answers fifty requests with the same key with the same payment", async () => {
    const same = { orderId: newId(), customerId: newId(), dedupKey: newId() };

    const { values, codes } = await endings(Array.from({ length: 50 }, () => open(same)));

    expect(codes).toEqual([]);
    expect(new Set(values.map(({ id }) => id)).size).toBe(1);
    expect(await here.deps.payments.ofOrder(same.orderId)).toHaveLength(1);
  });

  it("refuses a key that was used for another order", async () => {
    const dedupKey = newId();
    await open({ dedupKey });
    await expect(open({ dedupKey })).rejects.toMatchObject({ kind: "invalid", code: "IDEMPOTENCY_KEY_REUSED" });
  });

  it("opens another payment after one that failed", async () => {
    const orderId = newId();
    const first = await open({ orderId });
    await settleAs(first, "failed");

    const second = await open({ orderId });

    expect(second.id).not.toBe(first.id);
    expect((await here.deps.payments.ofOrder(orderId)).map(({ status }) => status)).toEqual(["FAILED", "PENDING"]);
  });

  it("answers with the payment that paid the order instead of opening one", async () => {
    const orderId = newId();
    const first = await open({ orderId });
    await settleAs(first, "succeeded");

    expect(await open({ orderId, dedupKey: newId() })).toMatchObject({ id: first.id, status: "SUCCEEDED" });
    await expect(open({ orderId, amountCents: 1_001 })).rejects.toMatchObject({ code: "ORDER_ALREADY_PAID" });
    expect(await here.deps.payments.ofOrder(orderId)).toHaveLength(1);
  });

  it("never opens a second payment for an order while its first one is being settled", async () => {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const orderId = newId();
        const first = await open({ orderId });
        await Promise.allSettled([settleAs(first, "succeeded"), open({ orderId }), open({ orderId })]);
        expect(await here.deps.payments.ofOrder(orderId)).toHaveLength(1);
      }),
    );
  });

  it("settles once, of twenty results at once", async () => {
    const payment = await open();

    const results = await Promise.all(Array.from({ length: 20 }, () => settleAs(payment, "succeeded")));

    expect(results.filter((result) => result?.outcome === "settled")).toHaveLength(1);
    expect(await ledger(db, payment.orderId)).toEqual([1_000]);
    expect(await facts(db, payment)).toEqual(["payment.succeeded"]);
  });

  it("keeps a success that comes after a failure, in order", async () => {
    const payment = await open();
    await settleAs(payment, "failed");
    await settleAs(payment, "succeeded");
    await settleAs(payment, "failed");

    expect(await here.deps.payments.find(payment.id)).toMatchObject({ status: "SUCCEEDED", eventSequence: 2 });
    expect(await facts(db, payment)).toEqual(["payment.failed", "payment.succeeded"]);
    expect(await here.deps.payments.history(payment.orderId)).toMatchObject([
      { type: "payment.created" },
      { type: "payment.failed", by: "sandbox" },
      { type: "payment.succeeded", detail: { late: true } },
    ]);
  });

  it("keeps nothing of a change whose decision throws", async () => {
    const payment = await open();
    const failing = here.deps.payments.change(payment.id, 0, () => {
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await here.deps.payments.find(payment.id)).toEqual(payment);
  });

  it("gives a payment that is due to one sweeper, and to nobody before its next check", async () => {
    await db.execute("UPDATE payments SET next_check_at = NULL");
    const mine = await Promise.all(Array.from({ length: 12 }, () => open()));
    const claimDue = here.deps.payments.claimDue.bind(here.deps.payments);
    expect(await claimDue(here.deps.now() + 4_999, 100)).toEqual([]);

    const at = here.deps.now() + 5_000;
    const claimed = (await Promise.all([claimDue(at, 100), claimDue(at, 100), claimDue(at, 100)])).flat();

    expect(claimed.map(({ id }) => id).sort()).toEqual(mine.map(({ id }) => id).sort());
    expect(await claimDue(at + 9_999, 100)).toEqual([]);
    expect(await claimDue(at + 10_000, 100)).toHaveLength(12);
  });
});
