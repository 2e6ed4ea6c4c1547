import fc from "fast-check";
import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { inventoryRepository, type InventoryRepository } from "../../../services/inventory/inventory.repository.ts";
import { migrations } from "../../../services/inventory/migrations/index.ts";
import {
  adjust,
  commit,
  count,
  expire,
  giveBack,
  release,
  reserve,
  type Line,
  type Reservation,
} from "../../../services/inventory/stock.ts";
import { delivery } from "../../support/delivery.ts";
import { describeStores } from "../../support/stores.ts";

const start = 1_700_000_000_000;

describeStores("the inventory repository", (store) => {
  let db: Database;
  let inventory: InventoryRepository;
  let now = start;

  beforeAll(async () => {
    db = await store().open("inventory", migrations);
  });
  beforeEach(async () => {
    for (const table of ["stock", "reservations", "stock_ledger", "inbox"]) await db.execute(`DELETE FROM ${table}`);
    now = start;
    inventory = inventoryRepository(db, () => now, newId);
  });

  interface Asked {
    orderId?: string;
    key?: string | null;
    sequence?: number;
    expiresAt?: number;
  }

  const ask = (lines: readonly Line[], asked: Asked = {}): Promise<Reservation | null> => {
    const { orderId = newId(), key = null, sequence = 0, expiresAt = start + 60_000 } = asked;
    return inventory.change({ orderId, key, skus: lines.map(({ sku }) => sku) }, (found, stock) =>
      reserve(found, { orderId, key, lines, sequence, expiresAt }, stock),
    );
  };
  const sell = (orderId: string, sequence = 2) =>
    inventory.change({ orderId }, (found, stock) => commit(found, orderId, sequence, stock));
  const drop = (orderId: string, sequence = 2) =>
    inventory.change({ orderId }, (found, stock) => found && release(found, sequence, stock));
  const takeBack = (orderId: string, sequence = 3) =>
    inventory.change({ orderId }, (found, stock) => found && giveBack(found, sequence, stock));
  const setTo = (sku: string, onHand: number) => inventory.changeLevel(sku, (level) => count(level, onHand, null));

  /** How many of `attempts` succeeded; every other one must be a refusal with `code`. */
  const successes = async (attempts: Promise<unknown>[], code: string): Promise<number> => {
    const outcomes = await Promise.allSettled(attempts);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    for (const { reason } of refused) expect(reason).toMatchObject({ code });
    return outcomes.length - refused.length;
  };

  /** What holds at every committed read. */
  const expectSound = async (): Promise<void> => {
    const levels = await db.select<{ sku: string; on_hand: number; reserved: number; ledger: number }>(
      `SELECT sku, on_hand, reserved,
         (SELECT COALESCE(SUM(delta), 0) FROM stock_ledger WHERE stock_ledger.sku = stock.sku) AS ledger FROM stock`,
    );
    const holds = await db.select<{ reserved_lines: string }>(
      "SELECT reserved_lines FROM reservations WHERE status = 'HELD'",
    );
    const promised = new Map<string, number>();
    for (const { sku, quantity } of holds.flatMap((row) => JSON.parse(row.reserved_lines) as Line[])) {
      promised.set(sku, (promised.get(sku) ?? 0) + quantity);
    }
    for (const row of levels) {
      const [onHand, reserved] = [Number(row.on_hand), Number(row.reserved)];
      expect({ sku: row.sku, onHand, reserved }).toEqual({
        sku: row.sku,
        onHand: Number(row.ledger),
        reserved: promised.get(row.sku) ?? 0,
      });
      expect(reserved).toBeGreaterThanOrEqual(0);
      expect(reserved).toBeLessThanOrEqual(onHand);
    }
  };

  it("reads back what was reserved, and tells stock codes apart by their case", async () => {
    await inventory.stockNew(["85123A", "85123a"], 5, "me");

    const held = await ask([{ sku: "85123A", quantity: 2 }], { key: "k", sequence: 3 });

    expect(await inventory.reservation(held?.orderId ?? "")).toEqual(held);
    expect(await inventory.level("85123A")).toEqual({ sku: "85123A", onHand: 5, reserved: 2 });
    expect(await inventory.level("85123a")).toEqual({ sku: "85123a", onHand: 5, reserved: 0 });
    expect([...(await inventory.levels(["85123a", "none"])).keys()]).toEqual(["85123a"]);
    await expectSound();
  });

  it("knows nothing of orders and stock codes that never came", async () => {
    expect(await inventory.reservation(newId())).toBeNull();
    expect(await inventory.level("none")).toBeNull();
    expect(await inventory.levels([])).toEqual(new Map());
    expect(await drop(newId())).toBeNull();
  });

  it("keeps nothing of a refused reservation", async () => {
    await inventory.stockNew(["A", "B"], 2, null);
    const orderId = newId();

    const refused = ask(
      [
        { sku: "A", quantity: 1 },
        { sku: "B", quantity: 3 },
      ],
      { orderId },
    );

    await expect(refused).rejects.toMatchObject({ code: "OUT_OF_STOCK", data: { sku: "B" } });
    expect(await inventory.reservation(orderId)).toBeNull();
    expect(await inventory.level("A")).toMatchObject({ reserved: 0 });
  });

  it("writes the ledger of a sale and of its return", async () => {
    await inventory.stockNew(["A"], 5, "me");
    const orderId = newId();
    await ask([{ sku: "A", quantity: 2 }], { orderId });
    await sell(orderId);
    expect(await inventory.level("A")).toEqual({ sku: "A", onHand: 3, reserved: 0 });
    await takeBack(orderId);
    await inventory.changeLevel("A", (level) => adjust(level, -1, "me", "broken 🎁"));

    expect(await inventory.level("A")).toEqual({ sku: "A", onHand: 4, reserved: 0 });
    const rows = await db.select<Record<string, unknown>>(
      "SELECT kind, delta, order_id, by_whom, reason FROM stock_ledger ORDER BY id",
    );
    expect(rows.map((row) => Object.values(row))).toEqual([
      ["initial", 5, null, "me", null],
      ["sale", -2, orderId, null, null],
      ["return", 2, orderId, null, null],
      ["adjustment", -1, null, "me", "broken 🎁"],
    ]);
    await expectSound();
  });

  it("gives first units only to stock codes that never had any", async () => {
    await setTo("A", 7);

    expect(await inventory.stockNew(["A", "B", "B"], 100, null)).toBe(1);
    expect(await inventory.stockNew(["A", "B"], 100, null)).toBe(0);

    expect(await inventory.levels(["A", "B"])).toEqual(
      new Map([
        ["A", { sku: "A", onHand: 7, reserved: 0 }],
        ["B", { sku: "B", onHand: 100, reserved: 0 }],
      ]),
    );
    await expectSound();
  });

  it("takes a thousand lines at once", async () => {
    const skus = Array.from({ length: 1_000 }, (_, i) => `SKU${i}`);
    await inventory.stockNew(skus, 3, null);
    const orderId = newId();

    await ask(
      skus.map((sku) => ({ sku, quantity: 3 })),
      { orderId },
    );
    await sell(orderId);

    expect(await inventory.level("SKU999")).toEqual({ sku: "SKU999", onHand: 0, reserved: 0 });
    await expectSound();
  });

  it("finds only holds whose time is over, and postpones only those that stayed as they were", async () => {
    await inventory.stockNew(["A"], 9, null);
    const one = [{ sku: "A", quantity: 1 }];
    const [first, second, sold] = [newId(), newId(), newId()];
    await ask(one, { orderId: first, expiresAt: start + 2 });
    await ask(one, { orderId: second, expiresAt: start + 1 });
    await ask(one, { orderId: sold, expiresAt: start + 1 });
    await sell(sold);
    expect(await inventory.overdue(10)).toEqual([]);

    now = start + 2;
    const overdue = await inventory.overdue(10);
    expect(overdue.map(({ orderId }) => orderId)).toEqual([second, first]);
    expect(await inventory.overdue(1)).toHaveLength(1);

    await ask(one, { orderId: first, expiresAt: start + 500, sequence: 2 });
    for (const held of overdue) await inventory.postpone(held, start + 90);
    expect(await inventory.reservation(second)).toMatchObject({ expiresAt: start + 90 });
    expect(await inventory.reservation(first)).toMatchObject({ expiresAt: start + 500, sequence: 2 });
  });

  it("finds overdue holds by an index", async () => {
    const sql =
      "SELECT order_id FROM reservations WHERE status = 'HELD' AND expires_at <= 5 ORDER BY expires_at LIMIT 200";
    const explain = db.dialect === "mysql" ? "EXPLAIN" : "EXPLAIN QUERY PLAN";

    expect(JSON.stringify(await db.select(`${explain} ${sql}`))).toContain("reservations_overdue");
  });

  it("does nothing for an event that was applied before", async () => {
    await inventory.stockNew(["A"], 5, null);
    const orderId = newId();
    await ask([{ sku: "A", quantity: 2 }], { orderId });
    let deliveries = 0;
    const again = delivery(() => (deliveries += 1) === 1);
    const apply = () => inventory.change({ orderId }, (found, stock) => commit(found, orderId, 2, stock), again);

    expect(await apply()).toMatchObject({ status: "COMMITTED" });
    expect(await apply()).toBeNull();
    expect(await inventory.level("A")).toEqual({ sku: "A", onHand: 3, reserved: 0 });
  });

  it("lets the database itself refuse an unsound level", async () => {
    await setTo("A", 1);

    for (const change of ["on_hand = -1", "reserved = -1", "reserved = 2"]) {
      await expect(db.execute(`UPDATE stock SET ${change} WHERE sku = 'A'`)).rejects.toMatchObject({
        parent: { message: expect.stringContaining("stock_sound") as string },
      });
    }
  });

  describe("at once", () => {
    it("sells exactly 10 of 10 to 200 buyers", async () => {
      await inventory.stockNew(["A"], 10, null);

      const buyers = Array.from({ length: 200 }, () => ask([{ sku: "A", quantity: 1 }]));

      expect(await successes(buyers, "OUT_OF_STOCK")).toBe(10);
      expect(await inventory.level("A")).toEqual({ sku: "A", onHand: 10, reserved: 10 });
      await expectSound();
    });

    it("holds two lines in any order of stock codes without failing anybody", async () => {
      await inventory.stockNew(["A", "B", "C"], 1_000, null);
      const pairs = [
        ["A", "B"],
        ["B", "A"],
        ["C", "A"],
        ["B", "C"],
      ];

      const buyers = Array.from({ length: 200 }, (_, i) =>
        ask((pairs[i % 4] ?? []).map((sku) => ({ sku, quantity: 1 }))),
      );

      expect(await successes(buyers, "none may be refused")).toBe(200);
      const levels = await inventory.levels(["A", "B", "C"]);
      expect([...levels.values()].map(({ reserved }) => reserved)).toEqual([150, 150, 100]);
      await expectSound();
    });

    it("makes one reservation of 50 requests with the same key", async () => {
      await inventory.stockNew(["A"], 100, null);

      const held = await Promise.all(Array.from({ length: 50 }, () => ask([{ sku: "A", quantity: 2 }], { key: "k" })));

      expect(new Set(held.map((one) => one?.orderId)).size).toBe(1);
      expect(await inventory.level("A")).toMatchObject({ reserved: 2 });
      await expectSound();
    });

    it("makes one reservation of 50 requests for the same order", async () => {
      await inventory.stockNew(["A"], 100, null);
      const orderId = newId();

      await Promise.all(Array.from({ length: 50 }, () => ask([{ sku: "A", quantity: 2 }], { orderId })));

      expect(await inventory.level("A")).toMatchObject({ reserved: 2 });
      await expectSound();
    });

    it("makes one level and one complete ledger of 30 first counts", async () => {
      await Promise.all(Array.from({ length: 30 }, (_, i) => setTo("new", i + 1)));
      await Promise.all(Array.from({ length: 10 }, () => inventory.stockNew(["other", "new"], 5, null)));

      expect(await inventory.level("other")).toEqual({ sku: "other", onHand: 5, reserved: 0 });
      await expectSound();
    });

    it("gives each hold back once, whoever sweeps, releases or sells it", async () => {
      await inventory.stockNew(["A", "B"], 100, null);
      const orders = Array.from({ length: 20 }, newId);
      await Promise.all(
        orders.map((orderId, i) =>
          ask(
            [
              { sku: i % 2 ? "A" : "B", quantity: 2 },
              { sku: i % 2 ? "B" : "A", quantity: 1 },
            ],
            { orderId },
          ),
        ),
      );

      await Promise.all(
        orders.flatMap((orderId, i) => [
          drop(orderId),
          drop(orderId),
          inventory.change({ orderId }, (found, stock) => found && expire(found, 1, stock)),
          ...(i < 10 ? [sell(orderId, 3), sell(orderId, 3), takeBack(orderId, 4)] : []),
        ]),
      );

      await expectSound();
      for (const { onHand, reserved } of (await inventory.levels(["A", "B"])).values()) {
        expect(reserved).toBe(0);
        expect(onHand).toBeGreaterThan(69);
      }
    });

    it("stays sound through any commands, however they interleave", async () => {
      const skus = ["A", "B", "C"];
      const orders = Array.from({ length: 5 }, newId);
      const command = fc.record({
        action: fc.constantFrom("reserve", "reserve", "sell", "drop", "takeBack", "adjust", "count"),
        orderId: fc.constantFrom(...orders),
        key: fc.constantFrom(null, "k1", "k2"),
        sequence: fc.nat(4),
        n: fc.integer({ min: -3, max: 9 }),
        lines: fc.array(fc.record({ sku: fc.constantFrom(...skus), quantity: fc.integer({ min: 1, max: 3 }) }), {
          minLength: 1,
          maxLength: 3,
        }),
      });
      type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;
      const run = ({ action, orderId, key, sequence, n, lines }: Command): Promise<unknown> => {
        const sku = lines[0]?.sku ?? "A";
        if (action === "reserve") return ask(lines, { orderId, key, sequence });
        if (action === "sell") return sell(orderId, sequence);
        if (action === "drop") return drop(orderId, sequence);
        if (action === "takeBack") return takeBack(orderId, sequence);
        if (action === "count") return setTo(sku, Math.max(0, n));
        return inventory.changeLevel(sku, (level) => adjust(level, n, null, "test"));
      };

      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(command, { minLength: 1, maxLength: 8 }), { maxLength: 6 }),
          async (rounds) => {
            for (const table of ["stock", "reservations", "stock_ledger"]) await db.execute(`DELETE FROM ${table}`);
            await inventory.stockNew(skus, 8, null);
            for (const round of rounds) {
              const outcomes = await Promise.allSettled(round.map(run));
              for (const outcome of outcomes) {
                if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ kind: "conflict" });
              }
              await expectSound();
            }
          },
        ),
        { numRuns: db.dialect === "mysql" ? 25 : 60 },
      );
    });
  });
});
