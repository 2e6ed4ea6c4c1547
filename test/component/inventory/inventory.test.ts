import { contracts, type ActionName, type Actions } from "../../../contracts/bus.ts";
import type { CloudEvent, EventType } from "../../../contracts/events.ts";
import type { OrderStatus } from "../../../contracts/orders.ts";
import { notFound } from "../../../lib/errors.ts";
import { newId } from "../../../lib/ids.ts";
import { compileSchema } from "../../../lib/validator.ts";
import inventory from "../../../services/inventory/inventory.service.ts";
import { verdictOn } from "../../../services/inventory/sweep-holds.ts";
import { admin, customer, neighbour, startBroker, type TestBroker } from "../../support/broker.ts";
import { eventually } from "../../support/wait.ts";

type OrderState = Actions["orders.states"]["result"][number];

const boss = admin(newId());
const anHour = 3_600_000;
const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

/** What the neighbour `orders` knows; `down` makes every question fail. */
const world = { orders: new Map<string, OrderState>(), down: false, asked: 0 };
const products = new Set(["A", "B", "N"]);
let node: TestBroker;

beforeAll(async () => {
  node = await startBroker([
    inventory,
    neighbour("products", {
      get: ({ sku }: { sku: string }) => {
        if (!products.has(sku)) throw notFound("product");
        return { sku };
      },
    }),
    neighbour("orders", {
      states: ({ ids }: { ids: string[] }) => {
        world.asked += 1;
        if (world.down) throw new Error("orders are down");
        return ids.flatMap((id) => world.orders.get(id) ?? []);
      },
    }),
  ]);
});
afterAll(() => node.stop());
beforeEach(async () => {
  world.down = false;
  await node.broker.call("inventory.set", { sku: "A", onHand: 100 }, node.as(boss));
});

/** The broker as code sees it that no contract describes: mixins, and actions by computed names. */
const raw = () =>
  node.broker as never as {
    call(name: string, params: unknown, options?: object): Promise<unknown>;
    getLocalService(name: string): { db: { select(sql: string, values: unknown[]): Promise<InboxRow[]> } };
  };

interface InboxRow {
  status: string;
  last_error: string | null;
}

/** Calls an action and checks its answer against the contract. */
async function call<N extends ActionName>(name: N, params: Actions[N]["params"], user = boss) {
  const answer = await raw().call(name, params, node.as(user));
  expect(compileSchema(contracts[name].result)(structuredClone(answer))).toBe(true);
  return answer as Actions[N]["result"];
}

const levelOf = (sku: string) => call("inventory.get", { sku });
const statusOf = async (orderId: string) => (await call("inventory.reservation", { orderId }))?.status;
const hold = (orderId: string, over: Partial<Actions["inventory.reserve"]["params"]> = {}) =>
  call("inventory.reserve", {
    orderId,
    lines: [{ sku: "A", quantity: 3 }],
    expiresAt: inMs(anHour),
    sequence: 0,
    ...over,
  });

function know(id: string, status: OrderStatus, over: Partial<OrderState> = {}): void {
  world.orders.set(id, { id, status, sequence: 2, expiresAt: inMs(-1_000), shipped: false, ...over });
}

/** Hands the service an event as the relay of orders would. */
async function hear(type: EventType, orderId: string, sequence: number, id = newId()): Promise<CloudEvent> {
  const event = {
    specversion: "1.0",
    id,
    source: "/hub/orders",
    type,
    subject: orderId,
    time: inMs(0),
    datacontenttype: "application/json",
    sequence,
    data: { orderId },
  } as unknown as CloudEvent;
  await raw().call("inventory.receive", { events: [event] });
  return event;
}

describe("stock", () => {
  it("is zero for a product that was never stocked, and not there for what is no product", async () => {
    expect(await levelOf("N")).toEqual({ sku: "N", onHand: 0, reserved: 0, available: 0 });
    await expect(levelOf("X")).rejects.toMatchObject({ code: 404 });
    await expect(call("inventory.set", { sku: "X", onHand: 1 })).rejects.toMatchObject({ code: 404 });
    await expect(call("inventory.adjust", { sku: "X", delta: 1, reason: "found" })).rejects.toMatchObject({
      code: 404,
    });
  });

  it("is counted and adjusted", async () => {
    expect(await call("inventory.set", { sku: "B", onHand: 7 })).toEqual({
      sku: "B",
      onHand: 7,
      reserved: 0,
      available: 7,
    });
    expect(await call("inventory.adjust", { sku: "B", delta: -3, reason: "broken" })).toMatchObject({ onHand: 4 });
  });

  it("is never set below what is reserved", async () => {
    const orderId = newId();
    await call("inventory.set", { sku: "B", onHand: 5 });
    await hold(orderId, { lines: [{ sku: "B", quantity: 4 }] });

    const refusal = { code: 409, type: "BELOW_RESERVED", data: { onHand: 3, reserved: 4 } };
    await expect(call("inventory.set", { sku: "B", onHand: 3 })).rejects.toMatchObject(refusal);
    await expect(call("inventory.adjust", { sku: "B", delta: -2, reason: "lost" })).rejects.toMatchObject(refusal);
    await call("inventory.release", { orderId, sequence: 1 });
  });

  it("is an administrator's business", async () => {
    await expect(call("inventory.get", { sku: "A" }, customer(newId()))).rejects.toMatchObject({ code: 403 });
    await expect(call("inventory.set", { sku: "A", onHand: 1 }, customer(newId()))).rejects.toMatchObject({
      code: 403,
    });
  });

  it("answers with the level of every stock code that is asked for", async () => {
    await call("inventory.stockNew", { skus: ["L1", "L2"], onHand: 4 });

    expect(await call("inventory.levels", { skus: ["L2", "never", "L1", "L2"] })).toEqual([
      { sku: "L2", available: 4 },
      { sku: "never", available: 0 },
      { sku: "L1", available: 4 },
    ]);
    expect(await call("inventory.levels", { skus: [] })).toEqual([]);
  });
});

describe("a hold", () => {
  it("is made once for each order and each key, and told by the order id that has it", async () => {
    const orderId = newId();
    const before = await levelOf("A");

    expect(await hold(orderId, { key: "key-1" })).toEqual({ orderId });
    expect(await hold(orderId, { key: "key-1" })).toEqual({ orderId });
    expect(await hold(newId(), { key: "key-1" })).toEqual({ orderId });

    expect(await levelOf("A")).toMatchObject({ reserved: before.reserved + 3 });
    expect(await call("inventory.reservation", { orderId })).toMatchObject({
      orderId,
      status: "HELD",
      lines: [{ sku: "A", quantity: 3 }],
    });
  });

  it("is refused with what is left", async () => {
    await call("inventory.set", { sku: "B", onHand: 2 });

    await expect(hold(newId(), { lines: [{ sku: "B", quantity: 3 }] })).rejects.toMatchObject({
      code: 409,
      type: "OUT_OF_STOCK",
      data: { sku: "B", requested: 3, available: 2 },
    });
  });

  it("is given back, unless it is younger than the event that closed the order", async () => {
    const orderId = newId();
    await hold(orderId, { sequence: 2 });

    await call("inventory.release", { orderId, sequence: 2 });
    expect(await statusOf(orderId)).toBe("HELD");
    await call("inventory.release", { orderId, sequence: 3 });
    expect(await statusOf(orderId)).toBe("RELEASED");
    await call("inventory.release", { orderId: newId(), sequence: 3 });
  });

  it("of an unknown order is null", async () => {
    expect(await call("inventory.reservation", { orderId: newId() })).toBeNull();
  });
});

describe("what happens to an order", () => {
  it("sells the held goods when it is paid, once", async () => {
    const orderId = newId();
    await hold(orderId);
    const before = await levelOf("A");

    const { id } = await hear("order.paid", orderId, 2);
    await eventually(async () => (await statusOf(orderId)) === "COMMITTED");
    await hear("order.paid", orderId, 2, id);
    await hear("order.paid", orderId, 2);
    const last = newId();
    await hold(last);
    await hear("order.cancelled", last, 2);
    await eventually(async () => (await statusOf(last)) === "RELEASED");

    expect(await levelOf("A")).toMatchObject({ onHand: before.onHand - 3, reserved: before.reserved - 3 });
  });

  it.each(["order.cancelled", "order.expired"] as const)("gives the hold back on %s", async (type) => {
    const orderId = newId();
    await hold(orderId);

    await hear(type, orderId, 2);

    await eventually(async () => (await statusOf(orderId)) === "RELEASED");
  });

  it("does not lose the hold of a late payment to the expiry before it", async () => {
    const orderId = newId();
    await hold(orderId);
    await hold(orderId, { sequence: 2 });

    await hear("order.expired", orderId, 2);
    await hear("order.paid", orderId, 3);

    await eventually(async () => (await statusOf(orderId)) === "COMMITTED");
  });

  it.each([
    ["puts the goods back when all money went back before they were sent", "REFUNDED", false, "RETURNED"],
    ["leaves goods that were sent with the customer", "REFUNDED", true, "COMMITTED"],
    ["leaves the goods sold when a part of the money went back", "PAID", false, "COMMITTED"],
  ] as const)("%s", async (_title, status, shipped, expected) => {
    const orderId = newId();
    const after = newId();
    await hold(orderId);
    await hear("order.paid", orderId, 2);
    await eventually(async () => (await statusOf(orderId)) === "COMMITTED");
    const before = await levelOf("A");
    know(orderId, status, { shipped, sequence: 3 });

    await hear("order.refunded", orderId, 3);
    // a later event of the same order: when it is applied, so was the refund
    await hear("order.paid", orderId, 4, after);

    await eventually(() => world.asked > 0 && applied(after));
    expect(await statusOf(orderId)).toBe(expected);
    expect((await levelOf("A")).onHand - before.onHand).toBe(expected === "RETURNED" ? 3 : 0);
  });

  it("waits with a refund until orders can be asked", async () => {
    const orderId = newId();
    await hold(orderId);
    await hear("order.paid", orderId, 2);
    world.down = true;
    const asked = world.asked;
    know(orderId, "REFUNDED", { sequence: 3 });

    await hear("order.refunded", orderId, 3);
    await eventually(() => world.asked > asked);
    expect(await statusOf(orderId)).toBe("COMMITTED");
    world.down = false;

    await eventually(async () => (await statusOf(orderId)) === "RETURNED");
  });

  it("keeps the event of a payment without stock for a person to look at", async () => {
    const { id } = await hear("order.paid", newId(), 2);

    await eventually(async () => (await inboxRow(id))?.last_error?.includes("without any stock"));
    expect((await inboxRow(id))?.status).toBe("WAITING");
  });

  const inboxRow = async (id: string): Promise<InboxRow | undefined> => {
    const { db } = raw().getLocalService("inventory");
    return (await db.select("SELECT status, last_error FROM inbox WHERE event_id = ?", [id]))[0];
  };
  const applied = async (id: string): Promise<boolean> => (await inboxRow(id))?.status === "APPLIED";
});

describe("a hold whose time is over", () => {
  const overdue = async (status: OrderStatus | null, over: Partial<OrderState> = {}, sequence = 0): Promise<string> => {
    const orderId = newId();
    if (status !== null) know(orderId, status, over);
    await hold(orderId, { expiresAt: inMs(-1_000), sequence });
    return orderId;
  };
  const expiryOf = async (orderId: string): Promise<number> =>
    Date.parse((await call("inventory.reservation", { orderId }))?.expiresAt ?? "");

  it.each([
    ["was never stored", null, 0],
    ["was cancelled", "CANCELLED", 0],
    ["expired", "EXPIRED", 0],
    ["expired and was not revived in time", "EXPIRED", 2],
    ["was refunded", "REFUNDED", 0],
  ] as const)("is given back when its order %s", async (_title, status, sequence) => {
    const orderId = await overdue(status, {}, sequence);

    await call("inventory.hasten", {});
    await eventually(async () => (await statusOf(orderId)) === "RELEASED");
  });

  it.each(["PAID", "SHIPPED", "COMPLETED"] as const)(
    "waits another minute for the event of a %s order",
    async (status) => {
      const orderId = await overdue(status);

      await call("inventory.hasten", {});
      await eventually(async () => (await expiryOf(orderId)) > Date.now() + 50_000);
      expect(await statusOf(orderId)).toBe("HELD");
    },
  );

  it("lasts half a minute longer than an order that still waits for its money", async () => {
    const deadline = Date.now() + anHour;
    const orderId = await overdue("CREATED", { expiresAt: new Date(deadline).toISOString() });

    await eventually(async () => (await expiryOf(orderId)) === deadline + 30_000);
    expect(await statusOf(orderId)).toBe("HELD");
  });

  it("is kept while orders cannot be asked, and dealt with once they can", async () => {
    world.down = true;
    const asked = world.asked;
    const orderId = await overdue("CANCELLED");

    await eventually(() => world.asked > asked);
    expect(await statusOf(orderId)).toBe("HELD");
    world.down = false;

    await eventually(async () => (await statusOf(orderId)) === "RELEASED");
  });

  it("is judged by its order's status alone", () => {
    const now = 1_000_000;
    const state = (status: OrderStatus, over: Partial<OrderState> = {}): OrderState => ({
      id: newId(),
      status,
      sequence: 4,
      expiresAt: new Date(now - 5_000).toISOString(),
      shipped: false,
      ...over,
    });

    expect(verdictOn(undefined, now)).toEqual({ keepUntil: null, sequence: 0 });
    expect(verdictOn(state("CREATED"), now).keepUntil).toBe(now + 30_000);
    expect(verdictOn(state("EXPIRED"), now)).toEqual({ keepUntil: null, sequence: 4 });
    expect(verdictOn(state("REFUNDED"), now)).toEqual({ keepUntil: null, sequence: 4 });
    expect(verdictOn(state("REFUNDED", { shipped: true }), now).keepUntil).toBe(now + 60_000);
  });
});
