import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { inventoryRepository, type InventoryRepository } from "../../../services/inventory/inventory.repository.ts";
import { migrations } from "../../../services/inventory/migrations/index.ts";
import { commit, reserve, type Reservation } from "../../../services/inventory/stock.ts";
import { delivery } from "../../support/delivery.ts";
import { describeStores } from "../../support/stores.ts";

describeStores("changes of stock that share transactions", (store) => {
  let db: Database;
  let inventory: InventoryRepository;
  let other: InventoryRepository;

  beforeAll(async () => {
    db = await store().open("inventory", migrations);
  });
  beforeEach(async () => {
    for (const table of ["stock", "reservations", "stock_ledger", "inbox"]) await db.execute(`DELETE FROM ${table}`);
    [inventory, other] = [inventoryRepository(db, Date.now, newId), inventoryRepository(db, Date.now, newId)];
  });
  afterEach(() => Promise.all([inventory.stop(), other.stop()]));

  interface Asked {
    sku?: string;
    quantity?: number;
    orderId?: string;
    key?: string | null;
    at?: InventoryRepository;
  }
  const ask = ({ sku = "A", quantity = 1, orderId = newId(), key = null, at = inventory }: Asked = {}) =>
    at.change({ orderId, key, skus: [sku] }, (found, stock) =>
      reserve(found, { orderId, key, lines: [{ sku, quantity }], sequence: 0, expiresAt: 1 }, stock),
    );

  /** A decision that the tables refuse. */
  const unsound = () =>
    inventory.change({ orderId: newId(), skus: ["A"] }, (_found, stock) => ({
      reservation: { orderId: newId(), key: null, status: "HELD", sequence: 0, expiresAt: 1, lines: [] },
      levels: [...stock.values()].map((level) => ({ ...level, reserved: level.onHand + 1 })),
      ledger: [],
    }));

  /** Reservations of which each is its asker's own, once. */
  const expectOwn = (held: readonly (Reservation | null)[], orders: readonly string[]) =>
    expect(held.map((one) => one?.orderId)).toEqual(orders);

  it("answers 256 orders at once, each with its own", async () => {
    await inventory.stockNew(["A", "B", "C"], 1_000, null);
    const orders = Array.from({ length: 256 }, newId);

    const held = await Promise.all(
      orders.map((orderId, i) => ask({ orderId, key: `k${i}`, sku: "ABC"[i % 3] ?? "A", quantity: 1 + (i % 4) })),
    );

    expectOwn(held, orders);
    held.forEach((one, i) =>
      expect(one).toMatchObject({ key: `k${i}`, lines: [{ sku: "ABC"[i % 3], quantity: 1 + (i % 4) }] }),
    );
    const levels = [...(await inventory.levels(["A", "B", "C"])).values()];
    expect(levels.reduce((sum, { reserved }) => sum + reserved, 0)).toBe(640);
    expect(await db.select("SELECT order_id FROM reservations WHERE status = 'HELD'")).toHaveLength(256);
  });

  it("sells exactly 10 of 10 to 200 buyers who come to two nodes, 20 times over", async () => {
    for (let round = 0; round < 20; round += 1) {
      const sku = `round-${round}`;
      await inventory.stockNew([sku], 10, null);

      const outcomes = await Promise.allSettled(
        Array.from({ length: 200 }, (_, i) => ask({ sku, at: i % 2 ? inventory : other })),
      );

      const refused = outcomes.filter((outcome) => outcome.status === "rejected");
      expect(refused).toHaveLength(190);
      for (const { reason } of refused) expect(reason).toMatchObject({ code: "OUT_OF_STOCK" });
      expect(await inventory.level(sku)).toEqual({ sku, onHand: 10, reserved: 10 });
    }
  });

  it("makes one reservation of each key, though two nodes hear of it in opposite orders", async () => {
    await inventory.stockNew(["A", "B"], 1_000, null);
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
    const from = (at: InventoryRepository, list: string[]) =>
      Promise.all(list.map(async (key) => [key, (await ask({ key, at, sku: "A" }))?.orderId] as const));

    const [here, there] = await Promise.all([from(inventory, keys), from(other, keys.toReversed())]);

    expect(new Map(there)).toEqual(new Map(here));
    expect(await inventory.level("A")).toMatchObject({ reserved: 50 });
  });

  it("knows a reservation again by its key or by its order, also among new ones", async () => {
    await inventory.stockNew(["A"], 100, null);
    const [first, second, third] = [newId(), newId(), newId()];
    await ask({ orderId: first, key: "a" });

    const held = await Promise.all([
      ask({ orderId: second, key: "b" }),
      ask({ orderId: newId(), key: "a" }),
      ask({ orderId: first, key: "c" }),
      ask({ orderId: third }),
    ]);
    expectOwn(held, [second, first, first, third]);
    // alone, and so looked for by its key only at first
    expectOwn([await ask({ orderId: third, key: "d" })], [third]);
    expect(await inventory.level("A")).toMatchObject({ reserved: 3 });
  });

  it("asks the database once for the stock of new orders", async () => {
    await inventory.stockNew(["A"], 100, null);
    const [select, selectAll] = [jest.spyOn(db, "select"), jest.spyOn(db, "selectAll")];

    await Promise.all([ask({ key: "a" }), ask({ key: "b" }), ask()]);

    expect(select).not.toHaveBeenCalled();
    expect(selectAll).toHaveBeenCalledTimes(1);
    for (const spy of [select, selectAll]) spy.mockRestore();
  });

  it("fails only the request that the tables refuse", async () => {
    await inventory.stockNew(["A"], 100, null);
    const orders = Array.from({ length: 20 }, newId);

    const before = orders.slice(0, 10).map((orderId) => ask({ orderId }));
    const failing = expect(unsound()).rejects.toMatchObject({
      parent: { message: expect.stringContaining("stock_sound") as string },
    });
    const after = orders.slice(10).map((orderId) => ask({ orderId }));

    expectOwn(await Promise.all([...before, ...after]), orders);
    await failing;
    expect(await inventory.level("A")).toMatchObject({ reserved: 20 });
  });

  it("keeps no record of an event whose change was refused, and those of its neighbours", async () => {
    await inventory.stockNew(["A"], 10, null);
    const paid = await Promise.all([ask(), ask()]);
    const orders = [...paid.map((one) => one?.orderId ?? ""), newId()];
    for (const id of orders) {
      await db.execute(
        "INSERT INTO inbox (event_id, type, subject, sequence, event, status, received_at, due_at) VALUES (?, 'order.paid', ?, 2, '{}', 'WAITING', 1, 1)",
        [id, id],
      );
    }
    const apply = (orderId: string) =>
      inventory.change(
        { orderId },
        (found, stock) => commit(found, orderId, 2, stock),
        delivery(
          async (tx) =>
            (await db.execute(
              "UPDATE inbox SET status = 'APPLIED' WHERE event_id = ? AND status <> 'APPLIED'",
              [orderId],
              tx,
            )) === 1,
        ),
      );

    const outcomes = await Promise.allSettled([ask(), ...[...orders, ...orders].map(apply)]);

    expect(outcomes.filter(({ status }) => status === "rejected")).toMatchObject([
      { reason: { code: "NO_RESERVATION" } },
      { reason: { code: "NO_RESERVATION" } },
    ]);
    const applied = await db.select<{ event_id: string }>("SELECT event_id FROM inbox WHERE status = 'APPLIED'");
    expect(applied.map(({ event_id }) => event_id).sort()).toEqual(orders.slice(0, 2).sort());
    expect(await inventory.level("A")).toEqual({ sku: "A", onHand: 8, reserved: 1 });
  });

  it("does the same where nobody shares", async () => {
    await inventory.stockNew(["A"], 10, null);
    const alone = inventoryRepository(db, Date.now, newId, 1);

    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => ask({ at: alone })));

    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    expect(await inventory.level("A")).toEqual({ sku: "A", onHand: 10, reserved: 10 });
  });

  it("refuses at once who would queue too long, and serves everybody else", async () => {
    await inventory.stockNew(["A"], 10_000, null);

    const outcomes = await Promise.allSettled(Array.from({ length: 4_500 }, () => ask()));
    await inventory.stop();

    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    // as many waited as may, beside the full groups that were under way
    expect(refused.length).toBe(4_500 - 4_096 - (db.dialect === "mysql" ? 2 : 1) * 64);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: "OVERLOADED" });
    expect(await inventory.level("A")).toMatchObject({ reserved: 4_500 - refused.length });
  });
});
