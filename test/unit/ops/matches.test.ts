import type { HoldBrief } from "../../../contracts/inventory.ts";
import type { OrderBrief } from "../../../contracts/orders.ts";
import type { PaymentBrief } from "../../../contracts/payments.ts";
import { moneyMatches, stockMatches } from "../../../services/ops/matches.ts";

const now = Date.parse("2026-01-02T03:04:05.000Z");
const order = (change: Partial<OrderBrief> = {}): OrderBrief => ({
  id: "o",
  status: "PAID",
  totalCents: 100,
  refundedCents: 0,
  paymentId: "p",
  shipped: false,
  ...change,
});
const unpaid = (status: OrderBrief["status"], change: Partial<OrderBrief> = {}): OrderBrief =>
  order({ status, paymentId: null, ...change });
const payment = (change: Partial<PaymentBrief> = {}): PaymentBrief => ({
  id: "p",
  orderId: "o",
  status: "SUCCEEDED",
  amountCents: 100,
  refundedCents: 0,
  ...change,
});
const stray = (refundedCents: number) => payment({ id: "stray", refundedCents });

describe("the money of an order", () => {
  it.each<[string, OrderBrief, PaymentBrief[]]>([
    ["paid once", order(), [payment()]],
    ["paid after a failed try", order(), [payment({ id: "x", status: "FAILED" }), payment()]],
    ["refunded in part", order({ refundedCents: 30 }), [payment({ refundedCents: 30 })]],
    ["refunded in full", order({ status: "REFUNDED", refundedCents: 100 }), [payment({ refundedCents: 100 })]],
    ["paid twice, one returned", order(), [payment(), stray(100)]],
    ["returned while expired, then paid", order(), [stray(100), payment()]],
    ["unpaid", unpaid("CREATED"), [payment({ status: "PENDING" })]],
    ["cancelled, late money returned", unpaid("CANCELLED", { refundedCents: 100 }), [stray(100)]],
    ["free of charge", order({ totalCents: 0 }), [payment({ amountCents: 0 })]],
  ])("matches when it is %s", (_name, one, payments) => {
    expect(moneyMatches(one, payments)).toBe(true);
  });

  it.each<[string, OrderBrief, PaymentBrief[]]>([
    ["paid by no payment", order(), []],
    ["paid by a payment that failed", order(), [payment({ status: "FAILED" })]],
    ["paid by another amount", order(), [payment({ amountCents: 99 })]],
    ["paid twice", order(), [payment(), stray(0)]],
    ["counted as refunded and is not", order({ refundedCents: 30 }), [payment()]],
    ["refunded and not counted as such", order(), [payment({ refundedCents: 30 })]],
    ["REFUNDED with money left", order({ status: "REFUNDED", refundedCents: 90 }), [payment({ refundedCents: 90 })]],
    ["cancelled with money kept", unpaid("CANCELLED"), [stray(99)]],
    ["expired with money kept", unpaid("EXPIRED"), [payment()]],
    ["unpaid and knows a payment", order({ status: "CREATED" }), [payment({ status: "PENDING" })]],
  ])("does not match when it is %s", (_name, one, payments) => {
    expect(moneyMatches(one, payments)).toBe(false);
  });
});

describe("the stock of an order", () => {
  const hold = (status: HoldBrief["status"], expiresAt = "2026-01-02T03:00:00.000Z"): HoldBrief => ({
    orderId: "o",
    status,
    expiresAt,
  });
  const statuses: (HoldBrief["status"] | "none")[] = ["none", "HELD", "COMMITTED", "RELEASED", "RETURNED"];

  it.each<[OrderBrief, string[]]>([
    [unpaid("CREATED"), ["HELD"]],
    [order({ status: "PAID" }), ["COMMITTED"]],
    [order({ status: "SHIPPED", shipped: true }), ["COMMITTED"]],
    [order({ status: "COMPLETED", shipped: true }), ["COMMITTED"]],
    [order({ status: "REFUNDED", shipped: true }), ["COMMITTED"]],
    [order({ status: "REFUNDED" }), ["RELEASED", "RETURNED"]],
    [unpaid("CANCELLED"), ["RELEASED"]],
    [unpaid("EXPIRED"), ["RELEASED"]],
  ])("matches one that is $status only as it should be", (one, allowed) => {
    const matching = statuses.filter((status) => stockMatches(one, status === "none" ? undefined : hold(status), now));

    expect(matching).toEqual(allowed);
  });

  it("may be held again for an expired order whose payment came late", () => {
    expect(stockMatches(unpaid("EXPIRED"), hold("HELD", "2026-01-02T03:05:00.000Z"), now)).toBe(true);
  });
});
