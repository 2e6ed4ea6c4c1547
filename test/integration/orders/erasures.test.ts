import type { OrderStatus } from "../../../contracts/orders.ts";
import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { openOutbox } from "../../../lib/outbox.ts";
import { draftOrder } from "../../../services/orders/draft-order.ts";
import { erasuresRepository, type ErasuresRepository } from "../../../services/orders/erasures.repository.ts";
import type { KeyedRequest } from "../../../services/orders/idempotency.ts";
import { migrations } from "../../../services/orders/migrations/index.ts";
import { cancel, expire, pay, ship, type Change, type OrderState } from "../../../services/orders/order.ts";
import { ordersRepository, type OrdersRepository } from "../../../services/orders/orders.repository.ts";
import { delivery } from "../../support/delivery.ts";
import { describeStores } from "../../support/stores.ts";

const start = 1_700_000_000_000;
const minuteMs = 60_000;
const once = delivery(() => true);

describeStores("an erasure", (store) => {
  let db: Database;
  let orders: OrdersRepository;
  let erasures: ErasuresRepository;
  let customer: string;

  beforeAll(async () => {
    db = await store().open("orders", migrations);
    orders = ordersRepository(
      db,
      openOutbox(db, "orders", () => {}),
    );
    erasures = erasuresRepository(db);
  });
  beforeEach(async () => {
    customer = newId();
    await db.execute("DELETE FROM erasures");
  });

  const placed = async (key = newId()): Promise<OrderState> => {
    const lines = [{ sku: "A", name: "A", quantity: 2, unitPriceCents: 255 }];
    const rest = { line2: null, region: null, phone: null };
    const address = { name: "Ann", line1: "1 Road", city: "York", postalCode: "YO1", country: "GB", ...rest };
    const draft = { id: newId(), customerId: customer, currency: "GBP", lines, address, note: "ring twice" };
    const request: KeyedRequest = { userId: customer, key, fingerprint: "f", digest: newId(), exactDigest: newId() };
    const change = draftOrder({ ...draft, expiresAt: start + 15 * minuteMs }, start);
    const order = await orders.insert(change, request, { status: 201, body: change.order });
    if (!order) throw new Error("not inserted");
    return order;
  };
  const become = async (order: OrderState, decide: (order: OrderState) => Change): Promise<OrderState> =>
    (await orders.change(order.id, decide, start)).order;
  const paid = (order: OrderState) => become(order, (at) => pay(at, { paymentId: newId(), amountCents: 510 }, start));
  const sent = (order: OrderState) =>
    become(order, (at) => ship(at, "s", { carrier: "DHL", trackingNumber: "1" }, start));
  const cancelled = (order: OrderState) => become(order, (at) => cancel(at, customer, "I am Ann", start, newId()));
  const kept = async ({ id }: OrderState): Promise<[OrderStatus, boolean]> => {
    const order = await orders.find(id);
    if (!order) throw new Error("the order is gone");
    expect(order.address === null).toBe(order.note === null);
    return [order.status, order.address !== null];
  };
  const words = async ({ id }: OrderState): Promise<unknown[]> =>
    (await orders.history(id)).map(({ detail }) => detail.reason).filter((reason) => reason !== undefined);

  it("takes the customer out of what is sent or ended, and keeps the address of what has to be sent", async () => {
    const all = {
      created: await placed("k"),
      paid: await paid(await placed()),
      shipped: await sent(await paid(await placed())),
      cancelled: await cancelled(await placed()),
      expired: await become(await placed(), expire),
    };
    expect(await words(all.cancelled)).toEqual(["I am Ann"]);

    await erasures.begin(customer, once, start);

    expect(await Promise.all(Object.values(all).map(kept))).toEqual([
      ["CREATED", true],
      ["PAID", true],
      ["SHIPPED", false],
      ["CANCELLED", false],
      ["EXPIRED", false],
    ]);
    expect(await words(all.cancelled)).toEqual([]);
    expect(await orders.storedResponse(customer, "k")).toBeNull();
  });

  it("takes the rest out once it is sent or has ended", async () => {
    const [first, second, third] = [await paid(await placed()), await paid(await placed()), await placed()];
    await erasures.begin(customer, once, start);
    expect(await erasures.sweep(start + minuteMs, 10)).toBe(1);
    expect(await kept(first)).toEqual(["PAID", true]);

    await sent(first);
    await cancelled(third);
    await erasures.sweep(start + 2 * minuteMs, 10);
    expect([await kept(first), await kept(second), await kept(third)]).toEqual([
      ["SHIPPED", false],
      ["PAID", true],
      ["CANCELLED", false],
    ]);

    // however long the last one waits
    expect(await erasures.sweep(start + 90 * 24 * 60 * minuteMs, 10)).toBe(1);
    await sent(second);
    expect(await erasures.sweep(start + 91 * 24 * 60 * minuteMs, 10)).toBe(1);
    expect(await kept(second)).toEqual(["SHIPPED", false]);
    expect(await erasures.sweep(start + 92 * 24 * 60 * minuteMs, 10)).toBe(0);
  });

  it("finds an order that was being stored meanwhile", async () => {
    await erasures.begin(customer, once, start);
    const late = await cancelled(await placed("late"));
    expect(await erasures.sweep(start + minuteMs, 10)).toBe(1);
    expect(await kept(late)).toEqual(["CANCELLED", false]);
    expect(await orders.storedResponse(customer, "late")).toBeNull();
  });

  it("touches nobody else, and a fact that comes twice begins nothing anew", async () => {
    const neighbour = customer;
    const theirs = await cancelled(await placed());
    customer = newId();
    await erasures.begin(
      customer,
      delivery(() => false),
      start,
    );
    expect(await erasures.sweep(start + minuteMs, 10)).toBe(0);
    await erasures.begin(customer, once, start);
    await erasures.begin(customer, once, start + 1);
    expect(await erasures.sweep(start + minuteMs, 10)).toBe(1);
    customer = neighbour;
    expect(await kept(theirs)).toEqual(["CANCELLED", true]);
    expect(await words(theirs)).toEqual(["I am Ann"]);
  });
});
