import { checkLocks, checkMails, checkMoney, checkOrders, checkStock } from "../../../chaos/check-orders.ts";
import type { StoredMail } from "../../../chaos/evidence.ts";
import type { Verdict } from "../../../chaos/verdict.ts";
import { charge, Past, stored } from "./world.ts";

const red = (verdicts: readonly Verdict[]): string[] =>
  verdicts.flatMap(({ id, ok, examples }) => (ok ? [] : [id, ...examples]));

describe("what clients were told", () => {
  const past = new Past();
  past.placed("one");

  it("holds when it is stored, once, as it was told", () => {
    const { verdicts, counts } = checkOrders(past.history, stored({ id: "one" }));

    expect(red(verdicts)).toEqual([]);
    expect(counts).toMatchObject({ acknowledged: 1, lost: 0, unexpected: 0, duplicated: 0, recovered: 0 });
  });

  it.each([
    ["the order is gone", stored(), ["I1", "one (key-one) is not stored"], { lost: 1 }],
    [
      "its total is another",
      stored({ id: "one", totalCents: 501 }),
      ["I1", "one (key-one) is not as it was told"],
      { lost: 1 },
    ],
    [
      "its lines are others",
      stored({ id: "one", lines: "A*1@500" }),
      ["I1", "one (key-one) is not as it was told"],
      { lost: 1 },
    ],
    [
      "its key made a second one",
      stored({ id: "one" }, { id: "two", key: "key-one" }),
      ["I2", "key-one: one, two"],
      { duplicated: 1 },
    ],
    [
      "there is one that nobody asked for",
      stored({ id: "one" }, { id: "two" }),
      ["I1", "two of the unknown key key-two"],
      { unexpected: 1 },
    ],
  ])("does not hold when %s", (_what, orders, expected, figures) => {
    const { verdicts, counts } = checkOrders(past.history, orders);

    expect(red(verdicts)).toEqual(expected);
    expect(counts).toMatchObject(figures);
  });

  it("does not hold when an order is stored that was refused for good", () => {
    const refusing = new Past();
    const operation = refusing.history.begin("place", { person: 0, key: "key-one" });
    refusing.try(operation, { status: 409, why: "OUT_OF_STOCK" });

    expect(red(checkOrders(refusing.history, stored({ id: "one" })).verdicts)).toEqual([
      "I1",
      "one of the refused key key-one",
    ]);
  });

  it("does not hold when a client never learnt what became of its request", () => {
    const open = new Past();
    open.do("cancel", { status: null, why: "TIMEOUT" });

    expect(red(checkOrders(open.history, stored()).verdicts)).toEqual(["I2", "cancel 0"]);
  });

  it("counts what succeeded after its outcome was unknown", () => {
    const recovering = new Past();
    recovering.do("pay", { status: null, why: "ECONNRESET" }, { status: 200 });
    recovering.do("pay", { status: 200 });

    expect(checkOrders(recovering.history, stored()).counts).toMatchObject({
      attempts: 3,
      operations: 2,
      recovered: 1,
    });
  });
});

describe("the provider's money", () => {
  it("holds for paid, refunded, expired and twice paid orders", () => {
    const orders = stored(
      { id: "paid", refundedCents: 100 },
      { id: "refunded", status: "REFUNDED", refundedCents: 500 },
      { id: "expired", status: "EXPIRED", paymentId: null },
    );
    const charges = [
      charge("paid", { refundedCents: 100 }),
      charge("refunded", { refundedCents: 500 }),
      charge("expired", { refundedCents: 500 }),
      charge("declined", { status: "failed" }),
    ];

    expect(red(checkMoney(orders, charges))).toEqual([]);
  });

  it.each([
    ["nothing was charged", stored({ id: "one" }), [], ["order one is PAID, and the provider has no money for it"]],
    [
      "another amount was charged",
      stored({ id: "one" }),
      [charge("one", { amountCents: 400 })],
      ["order one: 500 less 0, at the provider 400 less 0"],
    ],
    [
      "the provider took the same payment's money twice",
      stored({ id: "one" }),
      [charge("one"), charge("one")],
      ["payment pay-one was charged 2 times"],
    ],
    [
      "a refund was not made",
      stored({ id: "one", refundedCents: 500, status: "REFUNDED" }),
      [charge("one")],
      ["order one: 500 less 500, at the provider 500 less 0"],
    ],
    [
      "an expired order's money was kept",
      stored({ id: "one", status: "EXPIRED" }),
      [charge("one")],
      ["payment pay-one: the provider keeps 500 for no order"],
    ],
    [
      "an order was charged twice",
      stored({ id: "one" }),
      [charge("one"), charge("again")],
      ["payment pay-again: the provider keeps 500 for no order"],
    ],
    [
      "one payment paid two orders",
      stored({ id: "one" }, { id: "two", paymentId: "pay-one" }),
      [charge("one")],
      ["payment pay-one paid one and two"],
    ],
  ])("does not hold when %s", (_what, orders, charges, examples) => {
    expect(red(checkMoney(orders, charges))).toEqual(["I3", ...examples]);
  });
});

describe("stock", () => {
  const goods = [{ sku: "A", priceCents: 250, onHand: 10 }];

  it("is what there was, less what was paid and what was sent", () => {
    const orders = stored(
      { id: "paid" },
      { id: "sent", status: "REFUNDED", wasShipped: true },
      { id: "returned", status: "REFUNDED" },
      { id: "cancelled", status: "CANCELLED" },
    );

    expect(red(checkStock(orders, goods, new Map([["A", 6]])))).toEqual([]);
    expect(red(checkStock(orders, goods, new Map([["A", 7]])))).toEqual(["I4", "A: 7 on hand, 6 expected"]);
  });

  it("was oversold when more was paid for than there was", () => {
    const orders = stored({ id: "one", units: [{ sku: "A", quantity: 11 }] });

    expect(red(checkStock(orders, goods, new Map([["A", 0]])))).toEqual(["I4", "A: 11 of 10 were sold"]);
  });
});

describe("locks", () => {
  it("may meet a deadlock now and then, but not as a habit", () => {
    expect(red(checkLocks({ commits: 5_000, deadlocks: 2 }))).toEqual([]);
    expect(red(checkLocks({ commits: 5_000, deadlocks: 6 }))).toEqual(["I4", "6 deadlocks beside 5000 commits"]);
  });
});

describe("e-mails", () => {
  const past = new Past();
  past.placed("one");
  const mail = (id: string, change: Partial<StoredMail> = {}): StoredMail => ({
    ...{ id, eventId: `event-${id}`, userId: "ann", type: "order.created", orderId: "one", status: "SENT" },
    ...change,
  });
  const received = (...ids: string[]): Map<string, number> => new Map(ids.map((id) => [`<${id}@enterprise-hub>`, 1]));

  it("hold when each event was told once, also if the mail server was told twice of the same", () => {
    const arrived = new Map([["<m@enterprise-hub>", 2]]);

    expect(red(checkMails(past.history, { stored: [mail("m")], received: arrived }))).toEqual([]);
  });

  it.each([
    ["nobody was told", [], received(), ["I5", "no e-mail says that order one was placed"]],
    [
      "an event was told twice",
      [mail("m"), mail("n", { eventId: "event-m", type: "order.paid" })],
      received("m", "n"),
      ["I5", "event event-m for ann"],
    ],
    [
      "an order was told twice",
      [mail("m"), mail("n")],
      received("m", "n"),
      ["I5", "two e-mails say that order one was placed"],
    ],
    [
      "one that was sent never came",
      [mail("m")],
      received(),
      ["I5", "<m@enterprise-hub> (order.created) never arrived"],
    ],
    [
      "one came that nobody sent",
      [mail("m")],
      received("m", "x"),
      ["I5", "<x@enterprise-hub> arrived, and nobody knows of it"],
    ],
  ])("do not hold when %s", (_what, mails, arrived, expected) => {
    expect(red(checkMails(past.history, { stored: mails, received: arrived }))).toEqual(expected);
  });
});
