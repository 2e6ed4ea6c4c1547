import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { openOutbox } from "../../../lib/outbox.ts";
import { draftOrder } from "../../../services/orders/draft-order.ts";
import { AlreadyServed, type KeyedRequest } from "../../../services/orders/idempotency.ts";
import { migrations } from "../../../services/orders/migrations/index.ts";
import { cancel, pay, requestRefund, type OrderState } from "../../../services/orders/order.ts";
import { ordersRepository, type OrdersRepository } from "../../../services/orders/orders.repository.ts";
import { delivery } from "../../support/delivery.ts";
import { describeStores } from "../../support/stores.ts";

const start = 1_700_000_000_000;
const tables = ["orders", "order_lines", "order_history", "idempotency_keys", "outbox", "refunds"];
const moneyFor = (order: OrderState) => ({ paymentId: newId(), amountCents: order.totalCents });
const requestOf = (userId: string, key: string): KeyedRequest => ({
  userId,
  key,
  fingerprint: `f-${key}`,
  digest: `${userId} ${key}`,
  exactDigest: `${userId} ${key}`,
});

describeStores("changes of orders that share a transaction", (store) => {
  let db: Database;
  let orders: OrdersRepository;
  let other: OrdersRepository;

  beforeAll(async () => {
    db = await store().open("orders", migrations);
    const outbox = openOutbox(db, "orders", () => {});
    [orders, other] = [ordersRepository(db, outbox), ordersRepository(db, outbox)];
  });
  beforeEach(async () => {
    for (const table of tables) await db.execute(`DELETE FROM ${table}`);
  });
  afterEach(() => Promise.all([orders.stop(), other.stop()]));

  const place = async (): Promise<OrderState> => {
    const lines = [{ sku: "A", name: "a", quantity: 2, unitPriceCents: 150 }];
    const about = { customerId: newId(), currency: "GBP", address: null, note: null, expiresAt: start + 900_000 };
    const change = draftOrder({ ...about, id: newId(), lines }, start);
    const stored = await orders.insert(change, null, { status: 201, body: {} });
    if (!stored) throw new Error("not stored");
    return stored;
  };
  const placeMany = (count: number) => Promise.all(Array.from({ length: count }, place));
  const payIt = (order: OrderState, at = orders) =>
    at.change(order.id, (current) => pay(current, moneyFor(order), start), start);
  const sequencesOf = async (id: string) =>
    (
      await db.select<{ sequence: number | string }>(
        "SELECT sequence FROM outbox WHERE subject = ? ORDER BY sequence",
        [id],
      )
    ).map(({ sequence }) => Number(sequence));

  it("answers each of 200 with its own, and keeps all of each", async () => {
    const placed = await placeMany(200);

    const changed = await Promise.all(placed.map((order) => payIt(order)));

    expect(changed.map(({ order }) => order.id)).toEqual(placed.map(({ id }) => id));
    for (const { order } of changed) {
      expect(order).toMatchObject({ status: "PAID", eventSequence: 2 });
      expect(await orders.find(order.id)).toEqual(order);
      expect(await sequencesOf(order.id)).toEqual([1, 2]);
      expect((await orders.history(order.id)).map(({ type }) => type)).toEqual(["order.created", "order.paid"]);
    }
  });

  it("refuses one, and none of its neighbours", async () => {
    const placed = await placeMany(30);
    const refused = new Error("not this one");

    const outcomes = await Promise.allSettled([
      ...placed.map((order, n) =>
        orders.change(
          order.id,
          (current) => {
            if (n === 7) throw refused;
            return pay(current, moneyFor(order), start);
          },
          start,
        ),
      ),
      orders.change(newId(), () => null, start),
    ]);

    expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([
      { status: "rejected", reason: refused },
      { status: "rejected", reason: expect.objectContaining({ code: "NOT_FOUND" }) as unknown },
    ]);
    expect((await orders.find(placed[7]?.id ?? ""))?.status).toBe("CREATED");
    expect((await orders.states(placed.map(({ id }) => id))).filter(({ status }) => status === "PAID")).toHaveLength(
      29,
    );
  });

  it("lets a change of an order see the one before it", async () => {
    const [busy, order] = (await placeMany(2)) as [OrderState, OrderState];
    const ask = { amountCents: 100, reason: "r", by: "s", kind: "refund" } as const;

    // the first goes alone, and the others together
    const [, paid, first, second] = await Promise.all([
      payIt(busy),
      payIt(order),
      orders.change(order.id, (current) => requestRefund(current, { ...ask, refundId: newId() }), start),
      orders.change(order.id, (current) => requestRefund(current, { ...ask, refundId: newId() }), start),
    ]);

    expect(paid.order).toMatchObject({ status: "PAID", refundingCents: 0 });
    expect([first.order.refundingCents, second.order.refundingCents]).toEqual([100, 200]);
    expect(await orders.find(order.id)).toEqual(second.order);
    expect(await db.select("SELECT id FROM refunds")).toHaveLength(2);
  });

  it("decides once, of two nodes that pay and cancel 40 orders at once", async () => {
    const placed = await placeMany(40);

    const outcomes = await Promise.allSettled([
      ...placed.map((order) => payIt(order)),
      ...placed
        .toReversed()
        .map((order) => other.change(order.id, (current) => cancel(current, "c", "no", start, newId()), start)),
    ]);

    // a cancelled order cannot be paid; a paid one is cancelled by a refund
    const states = await orders.states(placed.map(({ id }) => id));
    const cancelled = states.filter(({ status }) => status === "CANCELLED").length;
    expect(states.filter(({ status }) => status === "PAID")).toHaveLength(40 - cancelled);
    expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(cancelled);
    expect(await db.select("SELECT id FROM refunds")).toHaveLength(40 - cancelled);
    for (const { id } of placed) expect(await sequencesOf(id)).toEqual([1, 2]);
  });

  it("records an event with what it causes, and neither when that is refused", async () => {
    const placed = await placeMany(3);
    const [good, bad, seen] = placed as [OrderState, OrderState, OrderState];
    await db.execute("DELETE FROM order_history");
    const recordIn = (id: string) =>
      delivery(async (tx) => {
        await db.execute(
          "INSERT INTO order_history (id, order_id, at, type, by_whom, detail) VALUES (?, ?, 0, 'seen', '', '{}')",
          [newId(), id],
          tx,
        );
        return true;
      });

    const outcomes = await Promise.allSettled([
      payIt(good),
      orders.change(good.id, () => null, start, { delivery: recordIn(good.id) }),
      orders.change(
        bad.id,
        () => {
          throw new Error("refused");
        },
        start,
        { delivery: recordIn(bad.id) },
      ),
      orders.change(seen.id, (current) => pay(current, moneyFor(seen), start), start, {
        delivery: delivery(() => false),
      }),
    ]);

    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    const rows = await db.select<{ order_id: string }>("SELECT order_id FROM order_history WHERE type = 'seen'");
    expect(rows.map(({ order_id }) => order_id)).toEqual([good.id]);
    expect((await orders.find(seen.id))?.status).toBe("CREATED");
  });

  it("stores the answer of one of two requests with the same key", async () => {
    const placed = await placeMany(3);
    const request = requestOf(newId(), "k");
    const answered = (order: OrderState) =>
      orders.change(order.id, () => null, start, { request, respond: () => ({ status: 200, body: { id: order.id } }) });

    const [busy, first, second] = placed as [OrderState, OrderState, OrderState];
    const outcomes = await Promise.allSettled([payIt(busy), answered(first), answered(second)]);

    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    expect((outcomes[2] as PromiseRejectedResult).reason).toBeInstanceOf(AlreadyServed);
    expect(await orders.storedResponse(request.userId, "k")).toMatchObject({ body: { id: first.id } });
  });
});
