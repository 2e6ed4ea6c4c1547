import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { createPayment } from "../../../services/payments/create-payment.ts";
import { migrations } from "../../../services/payments/migrations/index.ts";
import { ProviderRefused } from "../../../services/payments/providers/provider.ts";
import { reconcilePayments } from "../../../services/payments/reconcile-payments.ts";
import { settlePayment } from "../../../services/payments/settle-payment.ts";
import { describeStores } from "../../support/stores.ts";
import { facts, input, ledger, newPayment, noAnswer, resultOf, serverError, world, type World } from "./support.ts";

describeStores("a payment whose outcome was unknown", (store) => {
  let db: Database;
  let here: World;

  beforeAll(async () => {
    db = await store().open("payments", migrations);
  });
  beforeEach(async () => {
    await db.execute("UPDATE payments SET next_check_at = NULL");
    here = world(db);
  });

  const create = (fields: object = {}) => createPayment(here.deps, input(fields));
  const reconcileAfter = async (ms: number) => {
    here.pass(ms);
    await reconcilePayments(here.deps);
  };
  const stored = (id: string) => here.deps.payments.find(id);

  it("is charged by the second of two requests with its key when the first was answered with 500", async () => {
    here.provider.after.push(serverError());

    const payment = await create();

    expect(payment.status).toBe("SUCCEEDED");
    expect(here.provider.asked).toEqual(["charge", "charge"]);
    expect(here.provider.charges.size).toBe(1);
  });

  it("stays open after two errors, and the reconciler finds that it was charged", async () => {
    here.provider.after.push(serverError(), serverError());
    const payment = await create();
    expect(payment.status).toBe("PENDING");

    await reconcileAfter(5_000);

    expect(await stored(payment.id)).toMatchObject({ status: "SUCCEEDED", providerRef: `ch_${payment.id}` });
    expect(await ledger(db, payment.orderId)).toEqual([1_000]);
    expect(await facts(db, payment)).toEqual(["payment.succeeded"]);
  });

  it("stays open when no answer comes, without a second request", async () => {
    here.provider.after.push(noAnswer());

    const payment = await create();

    expect(payment.status).toBe("PENDING");
    expect(here.provider.asked).toEqual(["charge"]);
    await expect(create({ orderId: payment.orderId })).rejects.toMatchObject({
      code: "PAYMENT_OPEN",
      data: { paymentId: payment.id },
    });
  });

  it("is resumed by the same key, with the same id at the provider", async () => {
    const same = { orderId: newId(), customerId: newId(), key: newId() };
    here.provider.after.push(noAnswer());
    const first = await create(same);

    const second = await create(same);
    const third = await create(same);

    expect([first.status, second.status, third.status]).toEqual(["PENDING", "SUCCEEDED", "SUCCEEDED"]);
    expect(new Set([first.id, second.id, third.id]).size).toBe(1);
    expect(here.provider.asked).toEqual(["charge", "charge"]);
    expect(here.provider.charges.size).toBe(1);
  });

  it("is not asked for again by the same key when the provider's first answer was that it is pending", async () => {
    const same = { orderId: newId(), customerId: newId(), key: newId() };
    here.provider.status = "pending";
    await create(same);
    await create(same);
    expect(here.provider.asked).toEqual(["charge"]);
  });

  it("that was killed before the provider was called is voided and cancelled after 30 s, and never charged", async () => {
    const payment = await here.deps.payments.open(newPayment(), here.deps.now());

    await reconcileAfter(5_000);
    await reconcileAfter(10_000);
    expect(await stored(payment.id)).toMatchObject({ status: "PENDING" });
    await reconcileAfter(20_000);

    expect(await stored(payment.id)).toMatchObject({ status: "CANCELLED" });
    expect(here.provider.asked).toEqual(["find", "find", "find", "void"]);
    expect(await ledger(db, payment.orderId)).toEqual([]);
    expect(await facts(db, payment)).toEqual(["payment.failed"]);
    const late = await here.provider.charge({ ...payment, paymentId: payment.id }, AbortSignal.timeout(1_000));
    expect(late.status).toBe("voided");
  });

  it("that was killed between the provider's answer and its saving is found within the first check", async () => {
    const payment = await here.deps.payments.open(newPayment(), here.deps.now());
    await here.provider.charge({ ...payment, paymentId: payment.id }, AbortSignal.timeout(1_000));

    await reconcileAfter(5_000);

    expect(await stored(payment.id)).toMatchObject({ status: "SUCCEEDED" });
  });

  it("is kept as paid when the charge was made between the reconciler's question and its void", async () => {
    const payment = await here.deps.payments.open(newPayment(), here.deps.now());
    const find = here.provider.find.bind(here.provider);
    here.provider.find = async (paymentId, signal) => {
      const found = await find(paymentId, signal);
      await here.provider.charge({ ...payment, paymentId: payment.id }, signal);
      return found;
    };

    await reconcileAfter(31_000);

    expect(here.provider.asked).toEqual(["find", "charge", "void"]);
    expect(await stored(payment.id)).toMatchObject({ status: "SUCCEEDED" });
    expect(await ledger(db, payment.orderId)).toEqual([1_000]);
  });

  it("is asked about again when the provider is down, and found when it is back", async () => {
    here.provider.after.push(noAnswer());
    const payment = await create();
    here.provider.before.push(noAnswer(), noAnswer());

    await reconcileAfter(5_000);
    await reconcileAfter(10_000);
    expect(await stored(payment.id)).toMatchObject({ status: "PENDING" });
    await reconcileAfter(20_000);

    expect(await stored(payment.id)).toMatchObject({ status: "SUCCEEDED" });
  });

  it("is not voided while the provider does not answer whether it knows it", async () => {
    const payment = await here.deps.payments.open(newPayment(), here.deps.now());
    here.provider.before.push(noAnswer());

    await reconcileAfter(600_000);

    expect(here.provider.asked).toEqual(["find"]);
    expect(await stored(payment.id)).toMatchObject({ status: "PENDING" });
  });

  it("is settled once by two sweepers", async () => {
    here.provider.after.push(noAnswer());
    const payment = await create();
    here.pass(5_000);

    await Promise.all([reconcilePayments(here.deps), reconcilePayments(here.deps), reconcilePayments(here.deps)]);

    expect(here.provider.asked).toEqual(["charge", "find"]);
    expect(await ledger(db, payment.orderId)).toEqual([1_000]);
  });

  it("waits for a person for an hour, and is then voided and cancelled", async () => {
    here.provider.status = "pending";
    const payment = await create();

    await reconcileAfter(3_600_000);
    expect(await stored(payment.id)).toMatchObject({ status: "PENDING" });
    await reconcileAfter(60_000);

    expect(await stored(payment.id)).toMatchObject({ status: "CANCELLED", redirectUrl: null });
    expect(here.provider.charges.get(payment.id)?.status).toBe("voided");
  });

  it("fails at once when the provider refuses the request for good", async () => {
    here.provider.before.push(new ProviderRefused("currency_not_supported"));

    const payment = await create();

    expect(payment).toMatchObject({ status: "FAILED", failureCode: "currency_not_supported", providerRef: null });
    expect(await ledger(db, payment.orderId)).toEqual([]);
  });

  it("stays open when our own code fails on the answer: no payment is failed by a mistake", async () => {
    here.provider.after.push(new TypeError("undefined is not a function"));
    const payment = await create();
    expect(payment.status).toBe("PENDING");
    await reconcileAfter(5_000);
    expect(await stored(payment.id)).toMatchObject({ status: "SUCCEEDED" });
  });

  it("answers as paid when a webhook was faster than the provider's answer that got lost", async () => {
    const charge = here.provider.charge.bind(here.provider);
    here.provider.charge = async (request, signal) => {
      await settlePayment(here.deps, await charge(request, signal));
      throw noAnswer();
    };

    expect(await create()).toMatchObject({ status: "SUCCEEDED" });
  });

  it("stays paid when the provider's pending answer arrives after the webhook", async () => {
    const charge = here.provider.charge.bind(here.provider);
    here.provider.charge = async (request, signal) => {
      await settlePayment(here.deps, await charge(request, signal));
      return resultOf(request, "pending");
    };

    const payment = await create();

    expect(payment.status).toBe("SUCCEEDED");
    expect(await ledger(db, payment.orderId)).toEqual([1_000]);
  });

  it("is left alone, and raised, when the provider charged another amount", async () => {
    const charge = here.provider.charge.bind(here.provider);
    here.provider.charge = (request, signal) => charge({ ...request, amountCents: 999 }, signal);

    const payment = await create();
    await reconcileAfter(5_000);
    await reconcileAfter(10_000);

    expect(await stored(payment.id)).toMatchObject({ status: "PENDING" });
    expect(here.logged.filter((event) => event === "provider contradicts the payment")).toHaveLength(3);
    expect(await here.deps.payments.history(payment.orderId)).toMatchObject([
      { type: "payment.created" },
      { type: "payment.conflict", detail: { amountCents: 999 } },
    ]);
  });
});
