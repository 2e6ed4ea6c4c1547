import type { ServiceSchema } from "moleculer";
import type { Order } from "../../../contracts/orders.ts";
import type { Payment } from "../../../contracts/payments.ts";
import { contracts } from "../../../contracts/bus.ts";
import { DomainError } from "../../../lib/errors.ts";
import { newId } from "../../../lib/ids.ts";
import { liveOf } from "../../../lib/live-settings.ts";
import { compileSchema } from "../../../lib/validator.ts";
import orders from "../../../services/orders/orders.service.ts";
import { admin, customer, neighbour, startBroker, type TestBroker } from "../../support/broker.ts";
import { testConfig } from "../../support/config.ts";
import { eventually } from "../../support/wait.ts";

const buyer = customer(newId());
const other = customer(newId());
const boss = admin(newId());

/** Neighbours that keep just enough state to be asked the same thing twice. */
function neighbours() {
  const world = {
    stock: new Map([["A", 10]]),
    holds: new Map<string, string>(),
    reserveCalls: 0,
    outcome: "SUCCEEDED" as Payment["status"],
    payments: new Map<string, Payment>(),
    refunds: new Map<string, number>(),
    refundFails: null as Error | null,
    failOnce: null as Error | null,
  };
  const services: ServiceSchema[] = [
    neighbour("products", {
      quote: ({ skus }: { skus: string[] }) =>
        skus
          .filter((sku) => world.stock.has(sku))
          .map((sku) => ({ sku, name: `Thing ${sku}`, priceCents: 250, currency: "GBP" })),
    }),
    neighbour("inventory", {
      reserve: ({
        orderId,
        key,
        lines,
      }: {
        orderId: string;
        key?: string;
        lines: { sku: string; quantity: number }[];
      }) => {
        world.reserveCalls += 1;
        const held = key === undefined ? undefined : world.holds.get(key);
        if (held !== undefined) return { orderId: held };
        for (const { sku, quantity } of lines) {
          const available = world.stock.get(sku) ?? 0;
          if (available < quantity) {
            throw new DomainError("conflict", "OUT_OF_STOCK", "Too few.", { sku, requested: quantity, available });
          }
          world.stock.set(sku, available - quantity);
        }
        if (key !== undefined) world.holds.set(key, orderId);
        return { orderId };
      },
      release: () => null,
    }),
    neighbour("payments", {
      byKey: ({ key }: { key: string }) => world.payments.get(key) ?? null,
      create: (request: { orderId: string; amountCents: number; key?: string }) => {
        const payment: Payment = {
          id: newId(),
          orderId: request.orderId,
          provider: "sandbox",
          method: "card",
          status: world.outcome,
          amountCents: request.amountCents,
          refundedCents: 0,
          currency: "GBP",
          providerRef: "ch_1",
          redirectUrl: null,
          failureCode: world.outcome === "FAILED" ? "card_declined" : null,
          createdAt: new Date().toISOString(),
          settledAt: null,
        };
        const made = request.key === undefined ? undefined : world.payments.get(request.key);
        if (made) return made;
        world.payments.set(request.key ?? payment.id, payment);
        const failure = world.failOnce;
        world.failOnce = null;
        if (failure) throw failure;
        return payment;
      },
      refund: ({ refundId, amountCents }: { refundId: string; amountCents: number }) => {
        if (world.refundFails) throw world.refundFails;
        world.refunds.set(refundId, amountCents);
        return [...world.payments.values()][0];
      },
      ofOrder: () => ({ items: [] }),
      history: () => [],
    }),
    neighbour("users", { address: ({ userId }: { userId: string }) => (userId === buyer.id ? addressOf() : null) }),
    neighbour("notify", { ofOrder: () => [] }),
  ];
  return { world, services };
}

const addressOf = () => ({ id: newId(), name: "Ann", line1: "1 Road", city: "York", postalCode: "YO1", country: "GB" });

let world: ReturnType<typeof neighbours>["world"];
let node: TestBroker;

async function start(env: Record<string, string> = {}): Promise<void> {
  const made = neighbours();
  world = made.world;
  node = await startBroker([orders, ...made.services], testConfig(env));
}

const keyed = (user: typeof buyer, idempotencyKey: string) => ({ meta: { user, idempotencyKey } });
const place = (quantity = 1, user = buyer): Promise<Order> =>
  node.broker.call("orders.place", { items: [{ sku: "A", quantity }] }, node.as(user));
const paid = async (): Promise<Order> => {
  const order = await place();
  await node.broker.call("orders.pay", { id: order.id, method: "card" }, node.as(buyer));
  return node.broker.call("orders.get", { id: order.id }, node.as(buyer));
};

/** Hands the service an event as the relay of payments would. */
function succeed(order: Order, paymentId = newId(), amountCents = order.totalCents): Promise<unknown> {
  const data = { paymentId, orderId: order.id, amountCents, currency: "GBP", provider: "sandbox", providerRef: "ch" };
  const event = {
    specversion: "1.0",
    id: newId(),
    source: "/hub/payments",
    type: "payment.succeeded",
    subject: paymentId,
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    sequence: 1,
    data,
  };
  return node.broker.call("orders.receive" as never, { events: [event] } as never);
}

const read = (id: string): Promise<Order> => node.broker.call("orders.get", { id }, node.as(buyer));
const reaches = (id: string, status: Order["status"]): Promise<Order> =>
  eventually(async () => {
    const order = await read(id);
    return order.status === status && order;
  });

afterEach(() => node.stop());

describe("placing an order", () => {
  beforeEach(() => start());

  it("answers with what the contract says, and reads back the same", async () => {
    const order = await node.broker.call(
      "orders.place",
      {
        items: [
          { sku: "A", quantity: 2 },
          { sku: "A", quantity: 1 },
        ],
        addressId: newId(),
        note: "礼物 🎁",
      },
      node.as(buyer),
    );

    expect(compileSchema(contracts["orders.place"].result)(order)).toBe(true);
    expect(order).toMatchObject({
      status: "CREATED",
      totalCents: 750,
      note: "礼物 🎁",
      lines: [{ sku: "A", quantity: 3 }],
    });
    expect(await read(order.id)).toEqual(order);
  });

  it("names the items that are not for sale, and holds nothing", async () => {
    const items = [
      { sku: "A", quantity: 1 },
      { sku: "nope", quantity: 1 },
    ];
    await expect(node.broker.call("orders.place", { items }, node.as(buyer))).rejects.toMatchObject({
      code: 422,
      type: "UNKNOWN_PRODUCT",
      data: { errors: [{ field: "items[1].sku" }] },
    });
    expect(world.reserveCalls).toBe(0);
  });

  it("does not know another person's address", async () => {
    await expect(
      node.broker.call("orders.place", { items: [{ sku: "A", quantity: 1 }], addressId: newId() }, node.as(other)),
    ).rejects.toMatchObject({ code: 404 });
  });

  it("is refused while no orders are taken; what was ordered before is answered as before, and goes on", async () => {
    const items = [{ sku: "A", quantity: 1 }];
    const order = await node.broker.call("orders.place", { items }, keyed(buyer, "before"));
    liveOf(node.broker).lay("set", { ordersOpen: false });

    await expect(place()).rejects.toMatchObject({ code: 409, type: "ORDERS_CLOSED" });
    expect(world.reserveCalls).toBe(1);
    expect(await node.broker.call("orders.place", { items }, keyed(buyer, "before"))).toEqual(order);
    await node.broker.call("orders.pay", { id: order.id, method: "card" }, node.as(buyer));
    expect((await read(order.id)).status).toBe("PAID");

    liveOf(node.broker).lay("set", {});
    expect((await place()).status).toBe("CREATED");
  });

  it("passes on that stock is short", async () => {
    await expect(place(11)).rejects.toMatchObject({
      code: 409,
      type: "OUT_OF_STOCK",
      data: { sku: "A", requested: 11, available: 10 },
    });
  });

  it("gives the same key the same order, whatever came in between", async () => {
    const params = { items: [{ sku: "A", quantity: 4 }] };
    const first = await node.broker.call("orders.place", params, keyed(buyer, "k1"));
    const again = await node.broker.call("orders.place", params, keyed(buyer, "k1"));

    expect(again).toEqual(first);
    expect(world.stock.get("A")).toBe(6);
    await expect(
      node.broker.call("orders.place", { items: [{ sku: "A", quantity: 5 }] }, keyed(buyer, "k1")),
    ).rejects.toMatchObject({ code: 422, type: "IDEMPOTENCY_KEY_REUSED" });
    const othersOrder = await node.broker.call("orders.place", params, keyed(other, "k1"));
    expect(othersOrder.id).not.toBe(first.id);
  });

  it("makes one order of fifty copies at once; the others are told to wait or get its answer", async () => {
    const attempts = Array.from({ length: 50 }, () =>
      node.broker.call("orders.place", { items: [{ sku: "A", quantity: 1 }] }, keyed(buyer, "k2")),
    );
    const outcomes = await Promise.allSettled(attempts);

    const ids = new Set(outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.id] : [])));
    const refusals = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [(outcome.reason as { type: string }).type] : [],
    );
    expect(ids.size).toBe(1);
    expect(new Set(refusals)).toEqual(new Set(["IDEMPOTENCY_KEY_IN_FLIGHT"]));
    expect(world.stock.get("A")).toBe(9);
  });

  it("stores nothing of a request that failed before it took effect", async () => {
    await expect(
      node.broker.call("orders.place", { items: [{ sku: "A", quantity: 11 }] }, keyed(buyer, "k3")),
    ).rejects.toMatchObject({ code: 409 });
    world.stock.set("A", 11);
    const order = await node.broker.call("orders.place", { items: [{ sku: "A", quantity: 11 }] }, keyed(buyer, "k3"));
    expect(order.status).toBe("CREATED");
  });
});

describe("paying an order", () => {
  beforeEach(() => start());

  it("leaves it PAID in the same answer when the provider settles at once", async () => {
    const order = await paid();
    expect(order).toMatchObject({ status: "PAID", paymentId: expect.any(String) as string });
  });

  it("answers a decline the same for the same key, and lets another key try again", async () => {
    const order = await place();
    world.outcome = "FAILED";
    const pay = (key: string) => node.broker.call("orders.pay", { id: order.id, method: "card" }, keyed(buyer, key));
    const declined = { code: 402, type: "PAYMENT_DECLINED", data: { failureCode: "card_declined" } };
    await expect(pay("p1")).rejects.toMatchObject(declined);
    world.outcome = "SUCCEEDED";
    await expect(pay("p1")).rejects.toMatchObject(declined);
    await expect(pay("p2")).resolves.toMatchObject({ status: "SUCCEEDED" });
    expect(world.payments.size).toBe(2);
  });

  it("goes on with the payment of a try whose answer was lost, also when the event was faster", async () => {
    const order = await place();
    const pay = () => node.broker.call("orders.pay", { id: order.id, method: "card" }, keyed(buyer, "p3"));
    world.failOnce = new Error("the answer was lost");
    await expect(pay()).rejects.toThrow("the answer was lost");
    const [charged] = [...world.payments.values()];
    await succeed(order, charged?.id);
    await reaches(order.id, "PAID");

    expect((await pay()).id).toBe(charged?.id);
    expect(world.payments.size).toBe(1);
    expect(world.refunds.size).toBe(0);
  });

  it("is refused for another person's order as for one that does not exist", async () => {
    const order = await place();
    const refusals = await Promise.allSettled([
      node.broker.call("orders.pay", { id: order.id, method: "card" }, node.as(other)),
      node.broker.call("orders.pay", { id: newId(), method: "card" }, node.as(other)),
    ]);
    const [mine, none] = refusals.map(
      (refusal) => (refusal as PromiseRejectedResult).reason as { code: number; message: string },
    );
    expect(mine).toMatchObject({ code: 404, message: none?.message });
  });

  it("is refused once it is paid", async () => {
    const order = await paid();
    await expect(
      node.broker.call("orders.pay", { id: order.id, method: "card" }, node.as(buyer)),
    ).rejects.toMatchObject({
      code: 409,
      type: "ORDER_NOT_PAYABLE",
    });
  });
});

describe("late money", () => {
  beforeEach(() => start({ ORDER_TTL_SECONDS: "1" }));

  it("pays an order that waits", async () => {
    const order = await place();
    await succeed(order);
    await reaches(order.id, "PAID");
  });

  it("revives an expired order whose stock can be reserved again", async () => {
    const order = await place();
    await reaches(order.id, "EXPIRED");
    await succeed(order);
    const revived = await reaches(order.id, "PAID");
    expect(revived.paymentId).not.toBeNull();
    expect(world.refunds.size).toBe(0);
  });

  it("is returned in full, once, when the expired order's stock is gone", async () => {
    const order = await place();
    await reaches(order.id, "EXPIRED");
    world.stock.set("A", 0);
    const paymentId = newId();
    await succeed(order, paymentId);
    await eventually(() => world.refunds.size === 1);
    await succeed(order, paymentId);
    const after = await eventually(async () => {
      const now = await read(order.id);
      return now.refundedCents === order.totalCents && now;
    });

    expect(after.status).toBe("EXPIRED");
    expect([...world.refunds.values()]).toEqual([order.totalCents]);
  });

  it("is returned in full, once, when the order is cancelled", async () => {
    const order = await place();
    await node.broker.call("orders.cancel", { id: order.id }, node.as(buyer));
    await succeed(order);
    await eventually(async () => (await read(order.id)).refundedCents === order.totalCents);

    expect((await read(order.id)).status).toBe("CANCELLED");
    expect([...world.refunds.values()]).toEqual([order.totalCents]);
  });

  it("of the same payment again does nothing", async () => {
    const order = await paid();
    await succeed(order, order.paymentId ?? "");
    await succeed(order, order.paymentId ?? "");
    const marker = await place();
    await succeed(marker);
    await reaches(marker.id, "PAID");

    expect(await read(order.id)).toEqual(order);
    expect(world.refunds.size).toBe(0);
  });

  it("of another payment for a paid order is returned in full, once, and the order stays as it is", async () => {
    const order = await paid();
    await succeed(order);
    await eventually(() => world.refunds.size === 1);

    expect([...world.refunds.values()]).toEqual([order.totalCents]);
    expect(await read(order.id)).toEqual(order);
  });
});

describe("an unpaid order", () => {
  beforeEach(() => start({ ORDER_TTL_SECONDS: "1" }));

  it("expires at its deadline, and cannot be paid or cancelled then", async () => {
    const order = await place();
    await reaches(order.id, "EXPIRED");

    await expect(
      node.broker.call("orders.pay", { id: order.id, method: "card" }, node.as(buyer)),
    ).rejects.toMatchObject({ type: "ORDER_NOT_PAYABLE" });
    await expect(node.broker.call("orders.cancel", { id: order.id }, node.as(buyer))).rejects.toMatchObject({
      type: "ORDER_ILLEGAL_TRANSITION",
    });
  });
});

describe("refunds", () => {
  beforeEach(() => start());

  it("of a paid order that is cancelled return everything and make it REFUNDED", async () => {
    const order = await paid();
    const after = await node.broker.call(
      "orders.cancel",
      { id: order.id, reason: "changed my mind" },
      keyed(buyer, "c1"),
    );
    const again = await node.broker.call(
      "orders.cancel",
      { id: order.id, reason: "changed my mind" },
      keyed(buyer, "c1"),
    );

    expect(after).toMatchObject({ status: "REFUNDED", refundedCents: order.totalCents });
    expect(again).toEqual(after);
    expect([...world.refunds.values()]).toEqual([order.totalCents]);
  });

  it("in parts only raise refundedCents", async () => {
    const order = await paid();
    const after = await node.broker.call(
      "orders.refund",
      { id: order.id, amountCents: 100, reason: "scratched" },
      node.as(boss),
    );
    expect(after).toMatchObject({ status: "PAID", refundedCents: 100 });
    await expect(
      node.broker.call("orders.refund", { id: order.id, amountCents: order.totalCents, reason: "more" }, node.as(boss)),
    ).rejects.toMatchObject({ code: 409, type: "REFUND_EXCEEDS_PAYMENT" });
  });

  it("go on after the provider was away, with the same key and without returning twice", async () => {
    const order = await paid();
    world.refundFails = new Error("away");
    const cancel = () => node.broker.call("orders.cancel", { id: order.id }, keyed(buyer, "c2"));
    await expect(cancel()).rejects.toMatchObject({ code: 503, type: "PAYMENT_PROVIDER_UNAVAILABLE" });
    world.refundFails = null;

    expect(await cancel()).toMatchObject({ status: "REFUNDED" });
    expect(world.refunds.size).toBe(1);
  });

  it("asked for by many at once never return more than was paid", async () => {
    const order = await paid();
    const tries = Array.from({ length: 10 }, () =>
      node.broker.call("orders.refund", { id: order.id, amountCents: 100, reason: "part" }, node.as(boss)),
    );
    await Promise.allSettled(tries);

    const sum = [...world.refunds.values()].reduce((total, cents) => total + cents, 0);
    expect(sum).toBe(200);
    expect((await read(order.id)).refundedCents).toBe(200);
  });
});

describe("who may see and do what", () => {
  beforeEach(() => start());

  it("shows customers their own orders and staff all of them", async () => {
    const mine = await place();
    const theirs = await place(1, other);

    const asBuyer = await node.broker.call("orders.list", { customerId: other.id }, node.as(buyer));
    const asAdmin = await node.broker.call("orders.list", { customerId: other.id }, node.as(boss));
    expect(asBuyer.items.map(({ id }) => id)).toEqual([mine.id]);
    expect(asAdmin.items.map(({ id }) => id)).toEqual([theirs.id]);
    await expect(node.broker.call("orders.get", { id: theirs.id }, node.as(buyer))).rejects.toMatchObject({
      code: 404,
    });
  });

  it("pages through a list without losing or repeating an order", async () => {
    const placed = [];
    for (let i = 0; i < 5; i += 1) placed.push((await place()).id);

    const seen: string[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await node.broker.call("orders.list", { limit: 2, ...(cursor ? { cursor } : {}) }, node.as(buyer));
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor);
    expect(seen).toEqual(placed.reverse());
    await expect(node.broker.call("orders.list", { cursor: "bogus" }, node.as(buyer))).rejects.toMatchObject({
      code: 422,
      data: { errors: [{ field: "cursor" }] },
    });
  });

  it("lets staff ship, and the customer say it was received", async () => {
    const order = await paid();
    const shipment = { carrier: "Royal Mail", trackingNumber: "RM1" };
    await expect(node.broker.call("orders.ship", { id: order.id, ...shipment }, node.as(buyer))).rejects.toMatchObject({
      code: 403,
    });
    expect(await node.broker.call("orders.ship", { id: order.id, ...shipment }, node.as(boss))).toMatchObject({
      status: "SHIPPED",
      shipment,
    });
    await expect(node.broker.call("orders.complete", { id: order.id }, node.as(other))).rejects.toMatchObject({
      code: 404,
    });
    expect(await node.broker.call("orders.complete", { id: order.id }, node.as(buyer))).toMatchObject({
      status: "COMPLETED",
    });
  });

  it("tells the story of an order in its timeline", async () => {
    const order = await paid();
    await node.broker.call("orders.cancel", { id: order.id, reason: "no more" }, node.as(buyer));
    const { items } = await node.broker.call("orders.timeline", { id: order.id }, node.as(buyer));

    expect(items.map(({ type }) => type)).toEqual([
      "order.created",
      "order.paid",
      "order.refund_requested",
      "order.refunded",
    ]);
    expect(items[2]).toMatchObject({ by: buyer.id, detail: { reason: "no more", amountCents: 250 } });
  });
});
