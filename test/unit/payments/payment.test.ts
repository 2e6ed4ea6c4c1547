import type { PaymentStatus } from "../../../contracts/payments.ts";
import { contracts } from "../../../contracts/bus.ts";
import { compileSchema } from "../../../lib/validator.ts";
import {
  checkAfterMs,
  mustVoid,
  openPayment,
  paymentTransitions,
  settle,
  type Payment,
} from "../../../services/payments/payment.ts";
import { toView } from "../../../services/payments/payment-view.ts";
import type { ChargeResult, ChargeStatus } from "../../../services/payments/providers/provider.ts";

const now = Date.UTC(2026, 0, 1);
const ids = { id: "0198c0de-0000-7000-8000-00000000000a", orderId: "0198c0de-0000-7000-8000-00000000000b" };
const opened = openPayment(
  {
    ...ids,
    customerId: "0198c0de-0000-7000-8000-00000000000c",
    provider: "sandbox",
    method: "card",
    token: null,
    dedupKey: null,
    amountCents: 1_250,
    currency: "GBP",
  },
  now,
);
const payment = (fields: Partial<Payment> = {}): Payment => ({ ...opened.payment, ...fields });
const charge = (status: ChargeStatus, fields: Partial<ChargeResult> = {}): ChargeResult => ({
  provider: "sandbox",
  paymentId: ids.id,
  ref: "ch_1",
  status,
  failureCode: status === "failed" ? "card_declined" : null,
  redirectUrl: null,
  amountCents: 1_250,
  currency: "GBP",
  ...fields,
});

const statuses: PaymentStatus[] = ["PENDING", "SUCCEEDED", "FAILED", "CANCELLED"];
const allowed = new Set([
  "PENDING>SUCCEEDED",
  "PENDING>FAILED",
  "PENDING>CANCELLED",
  "FAILED>SUCCEEDED",
  "CANCELLED>SUCCEEDED",
]);
const resultFor: Record<PaymentStatus, ChargeStatus> = {
  PENDING: "pending",
  SUCCEEDED: "succeeded",
  FAILED: "failed",
  CANCELLED: "voided",
};

describe("the statuses of a payment", () => {
  const pairs = statuses.flatMap((from) => statuses.map((to) => [from, to] as const));

  it.each(pairs)("treats %s to %s as its table says, in the table and when settling", (from, to) => {
    const expected = allowed.has(`${from}>${to}`);

    const { outcome, change } = settle(payment({ status: from, providerRef: "ch_1" }), charge(resultFor[to]), now);

    expect(paymentTransitions[from].includes(to)).toBe(expected);
    expect(outcome).toBe(expected ? "settled" : "unchanged");
    expect(change?.payment.status).toBe(expected ? to : undefined);
  });

  it("can all be reached from PENDING", () => {
    const reached = new Set<PaymentStatus>(["PENDING"]);
    for (const status of reached) for (const next of paymentTransitions[status]) reached.add(next);
    expect([...reached].sort()).toEqual([...statuses].sort());
  });
});

describe("settling", () => {
  it("books a success, tells of it, and stops asking", () => {
    const { change } = settle(payment({ redirectUrl: "http://hub/approve" }), charge("succeeded"), now + 5);

    expect(change).toMatchObject({
      payment: { status: "SUCCEEDED", providerRef: "ch_1", redirectUrl: null, settledAt: now + 5, nextCheckAt: null },
      ledger: { id: ids.id, kind: "charge", amountCents: 1_250 },
      entries: [{ type: "payment.succeeded", by: "sandbox" }],
      facts: [{ type: "payment.succeeded", data: { paymentId: ids.id, orderId: ids.orderId, providerRef: "ch_1" } }],
    });
  });

  it("books no money for a failure and says why", () => {
    const { change } = settle(payment(), charge("failed"), now);

    expect(change).toMatchObject({
      payment: { status: "FAILED", failureCode: "card_declined" },
      ledger: null,
      facts: [{ type: "payment.failed", data: { failureCode: "card_declined" } }],
    });
  });

  it("records money that comes after we had given up, and that it was late", () => {
    const { change } = settle(payment({ status: "CANCELLED", failureCode: "cancelled" }), charge("succeeded"), now);

    expect(change).toMatchObject({
      payment: { status: "SUCCEEDED", failureCode: null },
      ledger: { amountCents: 1_250 },
      entries: [{ detail: { late: true, was: "CANCELLED" } }],
    });
  });

  it.each([
    ["amount", { amountCents: 1_251 }],
    ["currency", { currency: "EUR" }],
    ["reference", { ref: "ch_2" }],
    ["provider", { provider: "other" }],
  ])("leaves the status alone when the %s is another one, and writes that down once", (_what, other) => {
    const open = payment({ providerRef: "ch_1" });

    const first = settle(open, charge("succeeded", other), now);
    const again = settle(first.change?.payment ?? open, charge("succeeded", other), now);

    expect(first).toMatchObject({
      outcome: "conflict",
      change: { payment: { status: "PENDING" }, ledger: null, facts: [], entries: [{ type: "payment.conflict" }] },
    });
    expect(again).toEqual({ outcome: "conflict", change: null });
  });

  it("can still settle a payment about which the provider said something wrong", () => {
    const contradicted = settle(payment(), charge("succeeded", { amountCents: 1 }), now).change?.payment;
    expect(settle(contradicted ?? payment(), charge("succeeded"), now).outcome).toBe("settled");
  });

  it("cancels a payment the provider voided without knowing an amount", () => {
    const voided = charge("voided", { amountCents: 0, currency: "XXX" });
    expect(settle(payment(), voided, now).change?.payment).toMatchObject({
      status: "CANCELLED",
      failureCode: "cancelled",
    });
  });

  it("notes where the customer has to act, once", () => {
    const pending = charge("pending", { redirectUrl: "http://hub/approve" });

    const { outcome, change } = settle(payment(), pending, now);

    expect(outcome).toBe("noted");
    expect(change?.payment).toMatchObject({
      status: "PENDING",
      providerRef: "ch_1",
      redirectUrl: "http://hub/approve",
    });
    expect(settle(change?.payment ?? payment(), pending, now).outcome).toBe("unchanged");
  });
});

describe("reconciling", () => {
  it("asks after 5 s, 10 s, 20 s, 40 s and then every minute", () => {
    expect([0, 1, 2, 3, 4, 5, 60].map(checkAfterMs)).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });

  it.each([
    ["unknown for 30 s", null, 30_000, false],
    ["unknown for longer", null, 30_001, true],
    ["waiting for a person for an hour", charge("pending"), 3_600_000, false],
    ["waiting for a person for longer", charge("pending"), 3_600_001, true],
    ["settled long ago", charge("succeeded"), 9_999_999, false],
  ])("decides whether to stop a charge that is %s", (_what, found, ageMs, expected) => {
    expect(mustVoid(payment(), found, now + ageMs)).toBe(expected);
  });
});

describe("the view of a payment", () => {
  it.each([payment(), settle(payment(), charge("succeeded"), now).change?.payment ?? payment()])(
    "fits its contract",
    (each) => {
      expect(compileSchema(contracts["payments.get"].result)(toView(each))).toBe(true);
    },
  );
});
