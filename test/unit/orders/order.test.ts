import type { OrderStatus } from "../../../contracts/orders.ts";
import { draftOrder, mergeItems } from "../../../services/orders/draft-order.ts";
import {
  assertPayable,
  cancel,
  complete,
  expire,
  meaningOf,
  pay,
  refundDone,
  refundRefused,
  requestRefund,
  returnMoney,
  ship,
  transitions,
  type Change,
  type OrderState,
} from "../../../services/orders/order.ts";

const statuses = Object.keys(transitions) as OrderStatus[];
const now = 1_700_000_000_000;
const lines = [{ sku: "85123A", name: "HOLDER", quantity: 6, unitPriceCents: 255 }];
const placed = draftOrder(
  { id: "o1", customerId: "c1", currency: "GBP", lines, address: null, note: null, expiresAt: now + 900_000 },
  now,
).order;

/** An order as it is after the shortest way to `status`. */
function orderIn(status: OrderStatus): OrderState {
  const paid = () => pay(placed, { paymentId: "p1", amountCents: placed.totalCents }, now).order;
  const sent = () => ship(paid(), "s1", { carrier: "DHL", trackingNumber: "1" }, now).order;
  const ways: Record<OrderStatus, () => OrderState> = {
    CREATED: () => placed,
    PAID: paid,
    SHIPPED: sent,
    COMPLETED: () => complete(sent(), "c1", now).order,
    CANCELLED: () => cancel(placed, "c1", "changed my mind", now, "r1").order,
    EXPIRED: () => expire(placed).order,
    REFUNDED: () => refunded(paid(), null),
  };
  return ways[status]();
}

function refunded(order: OrderState, amountCents: number | null): OrderState {
  const { order: asked, refund } = requestRefund(order, {
    amountCents,
    reason: "broken",
    by: "s1",
    kind: "refund",
    refundId: "r1",
  });
  return refundDone(asked, refund ?? fail("no refund")).order;
}

const refusal = (code: string): Error => expect.objectContaining({ name: "DomainError", code }) as Error;

function fail(why: string): never {
  throw new Error(why);
}

/** The ways into each status, as decisions on an order in another one. */
const into: Record<Exclude<OrderStatus, "CREATED">, (order: OrderState) => Change> = {
  PAID: (order) => pay(order, { paymentId: "p2", amountCents: order.totalCents }, now),
  SHIPPED: (order) => ship(order, "s1", { carrier: "DHL", trackingNumber: "1" }, now),
  COMPLETED: (order) => complete(order, "c1", now),
  CANCELLED: (order) => cancel(order, "c1", "no more", now, "r2"),
  EXPIRED: (order) => expire(order),
  REFUNDED: (order) =>
    refundDone(order, {
      id: "r3",
      orderId: order.id,
      paymentId: "p1",
      kind: "refund",
      amountCents: order.totalCents - order.refundedCents,
      reason: "x",
      by: "s1",
    }),
};

describe("the status table", () => {
  const pairs = statuses.flatMap((from) =>
    (Object.keys(into) as (keyof typeof into)[]).map((to) => [from, to] as const),
  );

  it.each(pairs)("from %s to %s is done or refused as the table says", (from, to) => {
    const order = orderIn(from);
    const paidCancellation = from === "PAID" && to === "CANCELLED";
    if (transitions[from].includes(to)) expect(into[to](order).order.status).toBe(to);
    // cancelling what is paid is not that step but the beginning of a refund
    else if (paidCancellation)
      expect(into[to](order).refund).toMatchObject({ kind: "cancel", amountCents: order.totalCents });
    else expect(() => into[to](order)).toThrow(refusal("ORDER_ILLEGAL_TRANSITION"));
  });

  it("reaches every status from CREATED and lets none but the last ones be an end", () => {
    const reached = new Set<OrderStatus>(["CREATED"]);
    for (const status of reached) for (const next of transitions[status]) reached.add(next);

    expect(reached).toEqual(new Set(statuses));
    expect(statuses.filter((status) => transitions[status].length === 0)).toEqual(["CANCELLED", "REFUNDED"]);
  });
});

describe("placing", () => {
  it("adds up lines to the total and tells of it", () => {
    const { order, facts } = draftOrder(
      { ...placed, lines: [...lines, { sku: "22752", name: "SET", quantity: 2, unitPriceCents: 765 }] },
      now,
    );
    expect(order).toMatchObject({ status: "CREATED", totalCents: 6 * 255 + 2 * 765, eventSequence: 0 });
    expect(facts).toMatchObject([
      { type: "order.created", data: { totalCents: 3060, expiresAt: new Date(now + 900_000).toISOString() } },
    ]);
  });

  it("makes one line of equal stock codes", () => {
    const items = [
      { sku: "A", quantity: 1 },
      { sku: "B", quantity: 2 },
      { sku: "A", quantity: 3 },
    ];
    expect(mergeItems(items)).toEqual([
      { sku: "A", quantity: 4 },
      { sku: "B", quantity: 2 },
    ]);
  });

  it("refuses a total that a double cannot hold", () => {
    const huge = { sku: "A", name: "A", quantity: 100_000, unitPriceCents: 10_000_000_000 };
    const draft = { ...placed, lines: Array.from({ length: 20 }, () => huge) };
    expect(() => draftOrder(draft, now)).toThrow(refusal("TOTAL_TOO_LARGE"));
  });
});

describe("paying", () => {
  it("is open until the deadline and not at it", () => {
    expect(() => assertPayable(placed, now + 899_999)).not.toThrow();
    expect(() => assertPayable(placed, now + 900_000)).toThrow(refusal("ORDER_NOT_PAYABLE"));
  });

  it.each(statuses.filter((status) => status !== "CREATED"))("is not open for an order that is %s", (status) => {
    expect(() => assertPayable(orderIn(status), now)).toThrow(refusal("ORDER_NOT_PAYABLE"));
  });
});

describe("the late-money table", () => {
  const own = { paymentId: "p1", amountCents: placed.totalCents };
  const other = { paymentId: "p9", amountCents: placed.totalCents };

  it.each([
    ["CREATED", other, "pay"],
    ["EXPIRED", other, "reserve-then-pay"],
    ["CANCELLED", other, "return"],
    ["PAID", own, "nothing"],
    ["PAID", other, "return"],
    ["SHIPPED", own, "nothing"],
    ["SHIPPED", other, "return"],
    ["COMPLETED", own, "nothing"],
    ["COMPLETED", other, "return"],
    ["REFUNDED", own, "nothing"],
    ["REFUNDED", other, "return"],
  ] as const)("for an order that is %s", (status, money, meaning) => {
    expect(meaningOf(orderIn(status), money)).toBe(meaning);
  });

  it("sends back an amount that is not the order's", () => {
    expect(meaningOf(placed, { paymentId: "p9", amountCents: 1 })).toBe("return");
  });

  it("leaves a cancelled order cancelled, counts what went back and tells the customer", () => {
    const cancelled = orderIn("CANCELLED");
    const { order, refund } = returnMoney(cancelled, other, "r9");
    const done = refundDone(order, refund ?? fail("no refund"));

    expect(done.order).toMatchObject({ status: "CANCELLED", refundedCents: cancelled.totalCents });
    expect(done.facts).toMatchObject([{ type: "order.refunded", data: { amountCents: cancelled.totalCents } }]);
  });

  it("does not count money of another payment as a refund of a paid order", () => {
    const { order, refund } = returnMoney(orderIn("PAID"), other, "r9");
    const done = refundDone(order, refund ?? fail("no refund"));

    expect(done.order).toMatchObject({ status: "PAID", refundedCents: 0, refundingCents: 0 });
    expect(done.facts).toEqual([]);
  });
});

describe("refunding", () => {
  const ask = (order: OrderState, amountCents: number | null): Change =>
    requestRefund(order, { amountCents, reason: "broken", by: "s1", kind: "refund", refundId: "r" });

  it("in parts only counts, until the last part ends the order", () => {
    const paid = orderIn("PAID");
    const part = refunded(paid, 500);
    expect(part).toMatchObject({ status: "PAID", refundedCents: 500, refundingCents: 0 });
    expect(refunded(part, null)).toMatchObject({ status: "REFUNDED", refundedCents: paid.totalCents });
  });

  it("never sets aside more than is left", () => {
    const { order } = ask(orderIn("PAID"), 1_000);
    expect(() => ask(order, 531)).toThrow(refusal("REFUND_EXCEEDS_PAYMENT"));
    expect(ask(order, 530).order.refundingCents).toBe(1_530);
    expect(() => ask(ask(order, 530).order, null)).toThrow(refusal("REFUND_EXCEEDS_PAYMENT"));
  });

  it.each(["CREATED", "EXPIRED", "CANCELLED", "REFUNDED"] as const)("is refused for an order that is %s", (status) => {
    expect(() => ask(orderIn(status), 1)).toThrow(refusal("ORDER_NOT_REFUNDABLE"));
  });

  it("holds a shipment back while money is being returned", () => {
    const { order } = ask(orderIn("PAID"), null);
    expect(() => ship(order, "s1", { carrier: "DHL", trackingNumber: "1" }, now)).toThrow(
      refusal("ORDER_ILLEGAL_TRANSITION"),
    );
  });

  it("that is refused for good frees the money again", () => {
    const { order, refund } = ask(orderIn("PAID"), null);
    expect(refundRefused(order, refund ?? fail("no refund"), "gone").order).toMatchObject({
      status: "PAID",
      refundingCents: 0,
    });
  });
});

describe("an order that is revived after a stray payment went back", () => {
  it("can be refunded in full: what went back before was not its own money", () => {
    const expired = orderIn("EXPIRED");
    const stray = returnMoney(expired, { paymentId: "p8", amountCents: expired.totalCents }, "r8");
    const returned = refundDone(stray.order, stray.refund ?? fail("no refund")).order;
    const revived = pay(returned, { paymentId: "p9", amountCents: returned.totalCents }, now).order;

    expect(revived).toMatchObject({ status: "PAID", refundedCents: 0 });
    expect(refunded(revived, null)).toMatchObject({ status: "REFUNDED", refundedCents: revived.totalCents });
  });
});
