import { openPayment, type Payment } from "../../../services/payments/payment.ts";
import {
  assertSameRefund,
  failRefund,
  finishRefund,
  requestRefund,
  type Refund,
} from "../../../services/payments/refund.ts";

/** A matcher of a DomainError with these members. */
const refusal = (members: object): Error => expect.objectContaining(members) as Error;

const now = 1_000;
const open = openPayment(
  {
    id: "p1",
    orderId: "o1",
    customerId: "c1",
    provider: "sandbox",
    method: "card",
    token: null,
    dedupKey: null,
    amountCents: 1_000,
    currency: "GBP",
  },
  now,
).payment;
const paid: Payment = { ...open, status: "SUCCEEDED", providerRef: "ch_1" };
const asked = (amountCents: number) => ({ id: "r9", paymentId: "p1", amountCents, reason: "broken" });
const made = (amountCents: number, status: Refund["status"]): Refund => ({
  ...requestRefund(paid, [], { ...asked(amountCents), id: `r-${amountCents}-${status}` }, now),
  status,
});

describe("asking for a refund", () => {
  it.each(["PENDING", "FAILED", "CANCELLED"] as const)("is refused while the payment is %s", (status) => {
    expect(() => requestRefund({ ...paid, status }, [], asked(1), now)).toThrow(
      refusal({ code: "PAYMENT_NOT_REFUNDABLE" }),
    );
  });

  it("counts what was asked for and what was done, and not what was refused", () => {
    const before = [made(300, "REQUESTED"), made(200, "DONE"), made(900, "FAILED")];

    expect(requestRefund(paid, before, asked(500), now)).toMatchObject({ status: "REQUESTED", amountCents: 500 });
    expect(() => requestRefund(paid, before, asked(501), now)).toThrow(
      refusal({ code: "REFUND_EXCEEDS_PAYMENT", data: { refundableCents: 500 } }),
    );
  });

  it("refuses an id that was used for another amount or payment", () => {
    const refund = requestRefund(paid, [], asked(10), now);

    expect(() => assertSameRefund(refund, asked(10))).not.toThrow();
    for (const other of [asked(11), { ...asked(10), paymentId: "p2" }]) {
      expect(() => assertSameRefund(refund, other)).toThrow(refusal({ code: "REFUND_ID_REUSED" }));
    }
  });
});

describe("the end of a refund", () => {
  it("books the money that went back, and tells of this refund's amount", () => {
    expect(finishRefund({ ...paid, refundedCents: 100 }, made(300, "REQUESTED"))).toMatchObject({
      payment: { refundedCents: 400 },
      ledger: { kind: "refund", amountCents: -300 },
      facts: [{ type: "payment.refunded", data: { amountCents: 300, providerRef: "ch_1" } }],
    });
  });

  it("books nothing when the provider refused it", () => {
    expect(failRefund(paid, made(300, "REQUESTED"), "charge_not_refundable")).toMatchObject({
      payment: { refundedCents: 0 },
      ledger: null,
      facts: [],
      entries: [{ type: "payment.refund_failed" }],
    });
  });
});
