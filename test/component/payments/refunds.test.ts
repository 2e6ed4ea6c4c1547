import { newId } from "../../../lib/ids.ts";
import { eventually } from "../../support/wait.ts";
import { expectBooksToAgree, openShop, type Shop } from "./support.ts";

describe.each(["SQLite", "MySQL"] as const)("refunding through the sandbox on %s", (store) => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await openShop(store);
  });
  afterEach(() => expectBooksToAgree(shop));
  afterAll(() => shop.stop());

  const refund = (paymentId: string, amountCents: number, refundId = newId()) =>
    shop.broker.call("payments.refund", { refundId, paymentId, amountCents, reason: "broken" });
  const refundsOf = async (providerRef: string | null) =>
    (await shop.journal()).refunds.filter(({ chargeRef }) => chargeRef === providerRef);

  it("returns parts until nothing is left, and tells of each", async () => {
    const { id } = await shop.pay();

    expect(await refund(id, 300)).toMatchObject({ status: "SUCCEEDED", refundedCents: 300 });
    expect(await refund(id, 700)).toMatchObject({ refundedCents: 1_000 });
    await expect(refund(id, 1)).rejects.toMatchObject({
      code: 409,
      type: "REFUND_EXCEEDS_PAYMENT",
      data: { refundableCents: 0 },
    });

    await eventually(() => shop.told().filter(({ paymentId }) => paymentId === id).length === 3);
    expect(shop.told().filter((told) => told.paymentId === id && told.type === "payment.refunded")).toHaveLength(2);
  });

  it("never returns more than was paid, however many ask at once", async () => {
    const { id, providerRef } = await shop.pay();

    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => refund(id, 300)));

    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    expect(await refundsOf(providerRef)).toHaveLength(3);
    expect(await shop.stored({ id })).toMatchObject({ refundedCents: 900 });
  });

  it("returns money once for an id, however often it is asked for", async () => {
    const { id, providerRef } = await shop.pay();
    const refundId = newId();

    const answers = await Promise.all(Array.from({ length: 20 }, () => refund(id, 1_000, refundId)));
    await refund(id, 1_000, refundId);

    expect(answers.every(({ refundedCents }) => refundedCents === 1_000)).toBe(true);
    expect(await refundsOf(providerRef)).toMatchObject([{ refundId, amountCents: 1_000 }]);
    await expect(refund(id, 999, refundId)).rejects.toMatchObject({ code: 409, type: "REFUND_ID_REUSED" });
  });

  it("refuses a payment that did not succeed, and one that does not exist", async () => {
    const { id } = await shop.pay({ token: "tok_declined" });
    await expect(refund(id, 1)).rejects.toMatchObject({ code: 409, type: "PAYMENT_NOT_REFUNDABLE" });
    await expect(refund(newId(), 1)).rejects.toMatchObject({ code: 404, type: "NOT_FOUND" });
  });
});
