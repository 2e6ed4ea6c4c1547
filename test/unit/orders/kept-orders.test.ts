import { inTurns, withKeptOrders } from "../../../services/orders/kept-orders.ts";
import type { OrderState } from "../../../services/orders/order.ts";
import type { OrdersRepository } from "../../../services/orders/orders.repository.ts";

const order = (status: OrderState["status"], expiresAt: number) =>
  ({
    ...{ id: "o1", status, expiresAt, lines: [], createdAt: 0 },
    ...{ paidAt: null, shippedAt: null, completedAt: null, cancelledAt: null },
  }) as unknown as OrderState;

function setUp(first: OrderState) {
  const stored = { order: first, reads: 0 };
  const clock = { ms: 1_000 };
  const changed: string[] = [];
  const repository = {
    find: () => {
      stored.reads += 1;
      return Promise.resolve(stored.order);
    },
    change: async (_id: string, decide: (order: OrderState) => unknown) => {
      decide(stored.order);
      return { order: stored.order, change: null };
    },
  } as unknown as OrdersRepository;
  const orders = withKeptOrders(
    repository,
    () => clock.ms,
    (id) => changed.push(id),
  );
  return { stored, clock, changed, orders };
}

describe("kept orders", () => {
  it("are read once, until this process changes one", async () => {
    const { stored, changed, orders } = setUp(order("CREATED", 5_000));
    await orders.read("o1");
    expect((await orders.read("o1"))?.view.status).toBe("CREATED");
    expect(stored.reads).toBe(1);

    stored.order = order("PAID", 5_000);
    await orders.change("o1", () => null, 0);
    expect((await orders.read("o1"))?.view.status).toBe("PAID");
    expect(changed).toEqual(["o1"]);
  });

  it("are read anew after a change that failed: it may have been committed", async () => {
    const { stored, changed, orders } = setUp(order("CREATED", 5_000));
    await orders.read("o1");
    const lose = (): never => {
      throw new Error("lost");
    };
    await expect(orders.change("o1", lose, 0)).rejects.toThrow("lost");
    await orders.read("o1");
    expect({ reads: stored.reads, changed }).toEqual({ reads: 2, changed: ["o1"] });
  });

  it("are shown to who does not wait, until they change or may have expired", async () => {
    const { stored, clock, orders } = setUp(order("CREATED", 1_500));
    expect(orders.peek("o1")).toBeUndefined();
    const kept = await orders.read("o1");
    expect(orders.peek("o1")).toBe(kept);

    clock.ms = 1_500;
    expect(orders.peek("o1")).toBeUndefined();
    clock.ms = 1_000;
    await orders.change("o1", () => null, 0);
    expect(orders.peek("o1")).toBeUndefined();
    expect(stored.reads).toBe(1);
  });

  it("are read anew when another process changed one", async () => {
    const { stored, orders } = setUp(order("CREATED", 5_000));
    await orders.read("o1");
    orders.forget(["o1"]);
    await orders.read("o1");
    expect(stored.reads).toBe(2);
  });

  it("do not hide that an order expired", async () => {
    const { stored, clock, orders } = setUp(order("CREATED", 5_000));
    await orders.read("o1");
    clock.ms = 5_000;
    stored.order = order("EXPIRED", 5_000);
    expect((await orders.read("o1"))?.view.status).toBe("EXPIRED");
  });
});

describe("telling others", () => {
  it("is one message for all that changed in a turn", async () => {
    const told: string[][] = [];
    const tell = inTurns((ids) => told.push(ids));
    for (const id of ["a", "b", "a"]) tell(id);
    await new Promise((resolve) => setImmediate(resolve));
    tell("c");
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([["a", "b"], ["c"]]);
  });
});
