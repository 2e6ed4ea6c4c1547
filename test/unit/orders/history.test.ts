import fc from "fast-check";
import { walk, type Step } from "../../../services/orders/history.ts";
import { draftOrder } from "../../../services/orders/draft-order.ts";
import {
  cancel,
  complete,
  expire,
  pay,
  refundDone,
  requestRefund,
  returnMoney,
  ship,
  type Change,
  type OrderState,
} from "../../../services/orders/order.ts";

const at = 1_700_000_000_000;
const totalCents = 500;
const placed = (): Change =>
  draftOrder(
    {
      id: "order",
      customerId: "ann",
      currency: "GBP",
      address: null,
      note: null,
      expiresAt: at + 1,
      lines: [{ sku: "A", name: "A", quantity: 2, unitPriceCents: 250 }],
    },
    at,
  );

const step = (type: string, detail: Record<string, unknown> = {}): Step => ({ type, detail });
const created = step("order.created");
const paid = step("order.paid", { paymentId: "p" });
const refunded = (amountCents: number, paymentId = "p"): Step => step("order.refunded", { amountCents, paymentId });

describe("the walk through an order's history", () => {
  it.each([
    ["nothing but its placing", [created], "CREATED"],
    ["payment, shipment and receipt", [created, paid, step("order.shipped"), step("order.completed")], "COMPLETED"],
    ["a late payment", [created, step("order.expired"), paid], "PAID"],
    ["a refund in parts", [created, paid, refunded(200), step("order.shipped"), refunded(300)], "REFUNDED"],
    ["a part of a refund", [created, paid, refunded(200)], "PAID"],
    [
      "money that came after the end",
      [created, step("order.cancelled"), step("order.payment_returned"), refunded(totalCents)],
      "CANCELLED",
    ],
    ["a second payment that went back", [created, paid, refunded(totalCents, "other")], "PAID"],
    [
      "a refund that was refused",
      [created, paid, step("order.refund_requested"), step("order.refund_refused")],
      "PAID",
    ],
  ])("follows %s", (_name, steps, status) => {
    expect(walk(steps, totalCents)).toMatchObject({ status, problem: null });
  });

  it.each([
    ["begins with nothing", [], null, null],
    ["begins in the middle", [paid], "PAID", "nothing cannot become PAID"],
    ["is paid twice", [created, paid, paid], "PAID", "PAID cannot become PAID"],
    ["ships what was not paid", [created, step("order.shipped")], "SHIPPED", "CREATED cannot become SHIPPED"],
    [
      "goes on after its end",
      [created, step("order.cancelled"), step("order.expired")],
      "EXPIRED",
      "CANCELLED cannot become EXPIRED",
    ],
    ["has a step that there is none of", [created, step("order.lost")], "CREATED", "an order has no step order.lost"],
  ])("finds a history that %s", (_name, steps, status, problem) => {
    expect(walk(steps, totalCents)).toMatchObject({ status, problem });
  });

  it("agrees with every order that the domain's own functions lead to", () => {
    const left = ({ totalCents: total, refundedCents }: OrderState): number => total - refundedCents;
    const returnable = (order: OrderState): boolean => ["PAID", "SHIPPED", "COMPLETED"].includes(order.status);
    const asked = (amountCents: number | null) =>
      ({ amountCents, reason: "r", by: "boss", kind: "refund", refundId: "r" }) as const;
    const moves: { when: (order: OrderState) => boolean; make: (order: OrderState) => Change }[] = [
      {
        when: ({ status }) => status === "CREATED" || status === "EXPIRED",
        make: (order) => pay(order, { paymentId: "p", amountCents: totalCents }, at),
      },
      { when: ({ status }) => status === "CREATED", make: (order) => expire(order) },
      {
        when: ({ status }) => status === "CREATED" || status === "PAID",
        make: (order) => cancel(order, "ann", "why", at, "r"),
      },
      {
        when: ({ status }) => status === "PAID",
        make: (order) => ship(order, "boss", { carrier: "c", trackingNumber: "t" }, at),
      },
      { when: ({ status }) => status === "SHIPPED", make: (order) => complete(order, "ann", at) },
      {
        when: (order) => returnable(order) && left(order) >= 200,
        make: (order) => requestRefund(order, asked(200)),
      },
      { when: returnable, make: (order) => requestRefund(order, asked(null)) },
      {
        when: ({ status }) => status !== "CREATED",
        make: (order) => returnMoney(order, { paymentId: "other", amountCents: totalCents }, "s"),
      },
    ];

    fc.assert(
      fc.property(fc.array(fc.constantFrom(...moves), { maxLength: 12 }), (chosen) => {
        const start = placed();
        let order = start.order;
        const steps: Step[] = [...start.history];
        const apply = (change: Change): void => {
          order = change.order;
          steps.push(...change.history);
        };
        for (const { when, make } of chosen) {
          if (!when(order)) continue;
          const change = make(order);
          apply(change);
          if (change.refund) apply(refundDone(order, change.refund));
        }
        const { status, problem, refundedCents } = walk(steps, totalCents);
        expect({ status, problem, refundedCents }).toEqual({
          status: order.status,
          problem: null,
          refundedCents: order.refundedCents,
        });
      }),
    );
  });
});
