import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { openOutbox } from "../../../lib/outbox.ts";
import { ordersAudit } from "../../../services/orders/audit.repository.ts";
import type { KeyedRequest } from "../../../services/orders/idempotency.ts";
import { migrations } from "../../../services/orders/migrations/index.ts";
import { draftOrder } from "../../../services/orders/draft-order.ts";
import { cancel, pay, requestRefund, type Change, type OrderState } from "../../../services/orders/order.ts";
import { ordersRepository, type OrdersRepository } from "../../../services/orders/orders.repository.ts";
import { refundsRepository, type RefundsRepository } from "../../../services/orders/refunds.repository.ts";
import { delivery } from "../../support/delivery.ts";
import { describeStores } from "../../support/stores.ts";

const start = 1_700_000_000_000;

function draft(expiresAt = start + 900_000, customerId = newId()): Change {
  const lines = [
    { sku: "85123A", name: "HEART 心", quantity: 2, unitPriceCents: 255 },
    { sku: "85123a", name: "heart", quantity: 1, unitPriceCents: 1 },
  ];
  const address = {
    name: "Ann",
    line1: "1 Road",
    line2: null,
    city: "York",
    region: null,
    postalCode: "YO1",
    country: "GB",
    phone: null,
  };
  return draftOrder({ id: newId(), customerId, currency: "GBP", lines, address, note: "🎁", expiresAt }, start);
}

const answer = { status: 201, body: { id: "x" } };
const requestOf = (userId: string, key: string): KeyedRequest => ({
  userId,
  key,
  fingerprint: `f-${key}`,
  digest: newId(),
  exactDigest: newId(),
});

describeStores("the orders repository", (store) => {
  let db: Database;
  let orders: OrdersRepository;
  let refunds: RefundsRepository;

  beforeAll(async () => {
    db = await store().open("orders", migrations);
    orders = ordersRepository(
      db,
      openOutbox(db, "orders", () => {}),
    );
    refunds = refundsRepository(db);
  });
  beforeEach(async () => {
    for (const table of ["orders", "order_lines", "order_history", "refunds", "idempotency_keys", "outbox"]) {
      await db.execute(`DELETE FROM ${table}`);
    }
  });

  const insert = async (change = draft()): Promise<OrderState> => {
    const order = await orders.insert(change, null, answer);
    if (!order) throw new Error("not inserted");
    return order;
  };
  const paid = async (): Promise<OrderState> => {
    const order = await insert();
    const money = { paymentId: newId(), amountCents: order.totalCents };
    return (await orders.change(order.id, (current) => pay(current, money, start), start)).order;
  };

  it("finds the answer about an order among any number of its customer's", async () => {
    const change = draft();
    const { id, customerId } = change.order;
    const others = Array.from({ length: 1_100 }, (_, i) => [customerId, `a-${i}`, "f", 201, '{"id":"another"}', start]);
    await db.execute(
      `INSERT INTO idempotency_keys (user_id, idempotency_key, fingerprint, status, body, created_at)
       VALUES ${others.map(() => "(?, ?, ?, ?, ?, ?)").join(", ")}`,
      others.flat(),
    );
    await orders.insert(change, requestOf(customerId, "b"), { status: 201, body: { id } });

    const answers = await ordersAudit(db, () => start).answersAbout({ id, customerId });

    expect(answers.map(({ key }) => key)).toEqual(["b"]);
  });

  it("reads an order back as it was stored, lines in order and every character kept", async () => {
    const order = await insert();
    expect(await orders.find(order.id)).toEqual(order);
    expect(order.eventSequence).toBe(1);
    expect(await orders.find(newId())).toBeNull();
  });

  it("stores an order, its answer and its event together or not at all", async () => {
    const request = requestOf(newId(), "k");
    await orders.insert(draft(), request, answer);
    const second = await orders.insert(draft(), request, answer);

    expect(second).toBeNull();
    expect(await db.select("SELECT id FROM orders")).toHaveLength(1);
    expect(await db.select("SELECT id FROM outbox")).toHaveLength(1);
    expect(await orders.storedResponse(request.userId, "k")).toEqual({ ...answer, fingerprint: "f-k" });
    expect(await orders.storedResponse(request.userId, "K")).toBeNull();
  });

  it("stores one of twenty copies at once", async () => {
    const request = requestOf(newId(), "k");
    const stored = await Promise.all(Array.from({ length: 20 }, () => orders.insert(draft(), request, answer)));
    expect(stored.filter(Boolean)).toHaveLength(1);
    expect(await db.select("SELECT id FROM orders")).toHaveLength(1);
  });

  it("lets one of a payment and a cancellation at once happen", async () => {
    for (let round = 0; round < 10; round += 1) {
      const order = await insert();
      const money = { paymentId: newId(), amountCents: order.totalCents };
      const outcomes = await Promise.allSettled([
        orders.change(order.id, (current) => pay(current, money, start), start),
        orders.change(order.id, (current) => cancel(current, "c", "no", start, newId()), start),
      ]);
      const after = await orders.find(order.id);
      const won = outcomes.filter(({ status }) => status === "fulfilled").length;
      // a cancellation after the payment is the beginning of a refund
      if (after?.status === "CANCELLED") expect(won).toBe(1);
      else expect(after).toMatchObject({ status: "PAID", refundingCents: order.totalCents });
      const events = await db.select<{ sequence: number | string }>(
        "SELECT sequence FROM outbox WHERE subject = ? ORDER BY sequence",
        [order.id],
      );
      expect(events.map(({ sequence }) => Number(sequence))).toEqual([1, 2]);
    }
  });

  it("leaves everything as it was when a decision refuses", async () => {
    const order = await insert();
    const refusing = orders.change(
      order.id,
      () => {
        throw new Error("no");
      },
      start,
    );
    await expect(refusing).rejects.toThrow("no");
    expect(await orders.find(order.id)).toEqual(order);
  });

  it("tells a history as it came about, also when a node's clock is behind", async () => {
    const order = await insert();
    const clock = jest.spyOn(Date, "now").mockReturnValue(Date.now() - 60_000);
    try {
      const money = { paymentId: newId(), amountCents: order.totalCents };
      await orders.change(order.id, (current) => pay(current, money, start), start);
    } finally {
      clock.mockRestore();
    }
    expect((await orders.history(order.id)).map(({ type }) => type)).toEqual(["order.created", "order.paid"]);
    expect((await orders.historiesOf(order.customerId)).map(({ type }) => type)).toEqual([
      "order.created",
      "order.paid",
    ]);
  });

  it("applies an event once", async () => {
    const order = await insert();
    const money = { paymentId: newId(), amountCents: order.totalCents };
    const again = delivery(() => false);
    const { change } = await orders.change(order.id, (current) => pay(current, money, start), start, {
      delivery: again,
    });
    expect(change).toBeNull();
    expect((await orders.find(order.id))?.status).toBe("CREATED");
  });

  it("expires each due order once, however many sweep, and no other", async () => {
    for (let i = 0; i < 25; i += 1) await insert(draft(start + 1_000));
    const waiting = await insert(draft(start + 5_000));
    const settled = await paid();

    const passes = await Promise.all(Array.from({ length: 4 }, () => orders.expireDue(start + 2_000, 10)));
    let last = 0;
    do ({ expired: last } = await orders.expireDue(start + 2_000, 10));
    while (last > 0);

    expect(passes.every(({ expired }) => expired <= 10)).toBe(true);
    expect(passes.filter(({ expired }) => expired > 0).every(({ lateMs }) => lateMs === 1_000)).toBe(true);
    const facts = await db.select("SELECT id FROM outbox WHERE type = 'order.expired'");
    expect(facts).toHaveLength(25);
    expect((await orders.find(waiting.id))?.status).toBe("CREATED");
    expect((await orders.find(settled.id))?.status).toBe("PAID");
  });

  it("ends a refund once, though two finish it at the same time", async () => {
    const order = await paid();
    const asked = { amountCents: 100, reason: "r", by: "s", kind: "refund" as const, refundId: newId() };
    await orders.change(order.id, (current) => requestRefund(current, asked), start);
    const count = (current: OrderState): Change => ({
      order: { ...current, refundedCents: current.refundedCents + 100 },
      facts: [],
      history: [],
    });
    const end = () => orders.change(order.id, count, start, { refund: { id: asked.refundId, status: "DONE" } });

    await Promise.all([end(), end(), end()]);

    expect((await orders.find(order.id))?.refundedCents).toBe(100);
  });

  it("gives a due refund to one of two sweeps, and again when its lease is over", async () => {
    const order = await paid();
    const asked = { amountCents: 100, reason: "r", by: "s", kind: "refund" as const, refundId: newId() };
    await orders.change(order.id, (current) => requestRefund(current, asked), start);

    expect(await refunds.claimDue(start, 10, 30_000)).toEqual([]);
    const claims = await Promise.all([
      refunds.claimDue(start + 11_000, 10, 30_000),
      refunds.claimDue(start + 11_000, 10, 30_000),
    ]);
    expect(claims.flat()).toMatchObject([{ id: asked.refundId, amountCents: 100, kind: "refund" }]);
    expect(await refunds.claimDue(start + 42_000, 10, 30_000)).toHaveLength(1);
  });
});
