import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { createPayment } from "../../../services/payments/create-payment.ts";
import { migrations } from "../../../services/payments/migrations/index.ts";
import type { Payment } from "../../../services/payments/payment.ts";
import { ProviderRefused } from "../../../services/payments/providers/provider.ts";
import { refundPayment, sendDueRefunds } from "../../../services/payments/refund-payment.ts";
import { describeStores } from "../../support/stores.ts";
import { endings, facts, input, ledger, newPayment, noAnswer, serverError, world, type World } from "./support.ts";

describeStores("refunds", (store) => {
  let db: Database;
  let here: World;
  let paid: Payment;

  beforeAll(async () => {
    db = await store().open("payments", migrations);
  });
  beforeEach(async () => {
    await db.execute("UPDATE refunds SET next_attempt_at = NULL");
    here = world(db);
    paid = await createPayment(here.deps, input());
  });

  const refund = (amountCents: number, id = newId()) =>
    refundPayment(here.deps, { id, paymentId: paid.id, amountCents, reason: "broken" });
  const sweepAfter = async (ms: number) => {
    here.pass(ms);
    await sendDueRefunds(here.deps);
  };

  it("return a part, then the rest, and then no more", async () => {
    expect(await refund(400)).toMatchObject({ refundedCents: 400, status: "SUCCEEDED" });
    expect(await refund(600)).toMatchObject({ refundedCents: 1_000 });
    await expect(refund(1)).rejects.toMatchObject({ code: "REFUND_EXCEEDS_PAYMENT", data: { refundableCents: 0 } });

    expect(await ledger(db, paid.orderId)).toEqual([-600, -400, 1_000]);
    expect(await facts(db, paid)).toEqual(["payment.succeeded", "payment.refunded", "payment.refunded"]);
  });

  it("never exceed the payment, of thirty at once", async () => {
    const { values, codes } = await endings(Array.from({ length: 30 }, () => refund(150)));

    expect(values).toHaveLength(6);
    expect(codes).toEqual(Array(24).fill("REFUND_EXCEEDS_PAYMENT"));
    expect(here.provider.refunds.size).toBe(6);
    expect(await here.deps.payments.find(paid.id)).toMatchObject({ refundedCents: 900 });
  });

  it("with the same id are one refund, at once and later", async () => {
    const id = newId();

    const { values, codes } = await endings(Array.from({ length: 20 }, () => refund(1_000, id)));
    const again = await refund(1_000, id);

    expect(codes).toEqual([]);
    expect([...values, again].map(({ refundedCents }) => refundedCents)).toEqual(Array(21).fill(1_000));
    expect(here.provider.refunds).toEqual(new Map([[id, 1_000]]));
    expect(await ledger(db, paid.orderId)).toEqual([-1_000, 1_000]);
  });

  it("are refused under an id that was used for another amount", async () => {
    const id = newId();
    await refund(100, id);
    await expect(refund(101, id)).rejects.toMatchObject({ kind: "conflict", code: "REFUND_ID_REUSED" });
  });

  it("are refused for a payment that is unknown, or did not succeed", async () => {
    const open = await here.deps.payments.open(newPayment(), here.deps.now());
    const of = (paymentId: string) => refundPayment(here.deps, { id: newId(), paymentId, amountCents: 1, reason: "x" });

    await expect(of(newId())).rejects.toMatchObject({ kind: "not_found" });
    await expect(of(open.id)).rejects.toMatchObject({ code: "PAYMENT_NOT_REFUNDABLE" });
    expect(here.provider.asked).not.toContain("refund");
  });

  it("that do not reach the provider keep their claim, and the sweep makes them with the same id", async () => {
    const id = newId();
    here.provider.before.push(noAnswer());
    await expect(refund(700, id)).rejects.toMatchObject({
      kind: "unavailable",
      code: "PAYMENT_PROVIDER_UNAVAILABLE",
      data: { retryAfterSeconds: 5 },
    });
    await expect(refund(301)).rejects.toMatchObject({ code: "REFUND_EXCEEDS_PAYMENT" });

    await sweepAfter(5_000);

    expect(here.provider.refunds).toEqual(new Map([[id, 700]]));
    expect(await refund(700, id)).toMatchObject({ refundedCents: 700 });
    expect(await ledger(db, paid.orderId)).toEqual([-700, 1_000]);
  });

  it("are answered at once while the provider was just found to be down", async () => {
    const id = newId();
    here.provider.before.push(noAnswer());
    await endings([refund(700, id)]);

    await expect(refund(700, id)).rejects.toMatchObject({ code: "PAYMENT_PROVIDER_UNAVAILABLE" });
    expect(here.provider.asked).toEqual(["charge", "refund"]);

    here.pass(5_000);
    expect(await refund(700, id)).toMatchObject({ refundedCents: 700 });
  });

  it("whose answer got lost are one refund", async () => {
    const id = newId();
    here.provider.after.push(serverError(), serverError());
    await expect(refund(700, id)).rejects.toMatchObject({ code: "PAYMENT_PROVIDER_UNAVAILABLE" });

    await sweepAfter(5_000);

    expect(here.provider.refunds).toEqual(new Map([[id, 700]]));
    expect(await ledger(db, paid.orderId)).toEqual([-700, 1_000]);
  });

  it("that were killed before the provider was called are made by the sweep once their lease is over", async () => {
    const id = newId();
    await here.deps.refunds.request({ id, paymentId: paid.id, amountCents: 250, reason: "broken" }, here.deps.now());

    await sweepAfter(9_999);
    expect(here.provider.refunds.size).toBe(0);
    await sweepAfter(1);

    expect(here.provider.refunds).toEqual(new Map([[id, 250]]));
    expect(await here.deps.payments.find(paid.id)).toMatchObject({ refundedCents: 250 });
  });

  it("are sent by one of several sweepers", async () => {
    await here.deps.refunds.request(
      { id: newId(), paymentId: paid.id, amountCents: 250, reason: "x" },
      here.deps.now(),
    );
    here.pass(10_000);

    await Promise.all([sendDueRefunds(here.deps), sendDueRefunds(here.deps), sendDueRefunds(here.deps)]);

    expect(here.provider.asked.filter((question) => question === "refund")).toHaveLength(1);
  });

  it("that the provider refuses for good give their claim back and are refused again under their id", async () => {
    const id = newId();
    here.provider.before.push(new ProviderRefused("charge_disputed"));
    const refused = { kind: "conflict", code: "PAYMENT_NOT_REFUNDABLE", data: { failureCode: "charge_disputed" } };

    await expect(refund(1_000, id)).rejects.toMatchObject(refused);
    await expect(refund(1_000, id)).rejects.toMatchObject(refused);

    expect(await refund(1_000)).toMatchObject({ refundedCents: 1_000 });
    expect(here.logged).toContain("provider refused a refund");
  });
});
