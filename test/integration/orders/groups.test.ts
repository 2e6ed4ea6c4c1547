import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { openOutbox } from "../../../lib/outbox.ts";
import { draftOrder } from "../../../services/orders/draft-order.ts";
import type { KeyedRequest } from "../../../services/orders/idempotency.ts";
import { migrations } from "../../../services/orders/migrations/index.ts";
import type { Change } from "../../../services/orders/order.ts";
import { ordersRepository, type OrdersRepository } from "../../../services/orders/orders.repository.ts";
import { describeStores } from "../../support/stores.ts";

const start = 1_700_000_000_000;
const tables = ["orders", "order_lines", "order_history", "idempotency_keys", "outbox"];

function draft(n: number, id = newId()): Change {
  const line = { sku: `S${n}`, name: `thing ${n}`, quantity: 1 + (n % 3), unitPriceCents: 100 + n };
  const lines = n % 2 ? [line] : [line, { ...line, sku: "other" }];
  const about = { customerId: newId(), currency: "GBP", address: null, note: `note ${n}`, expiresAt: start + 900_000 };
  return draftOrder({ ...about, id, lines }, start + n);
}

const requestOf = (userId: string, key: string): KeyedRequest => ({
  userId,
  key,
  fingerprint: `f-${key}`,
  digest: key,
  exactDigest: key,
});
const answerOf = ({ order: { id } }: Change) => ({ status: 201, body: { id } });

describeStores("orders that are stored together", (store) => {
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

  const insert = (change: Change, request: KeyedRequest | null = null, at = orders) =>
    at.insert(change, request, answerOf(change));
  const countOf = async (table: string) => (await db.select(`SELECT 1 AS one FROM ${table}`)).length;

  it("answers 256 at once, each with its own, and keeps all of each", async () => {
    const [user, drafts] = [newId(), Array.from({ length: 256 }, (_, n) => draft(n))];

    const stored = await Promise.all(drafts.map((change, n) => insert(change, requestOf(user, `k${n}`))));

    expect(stored).toEqual(drafts.map(({ order }) => ({ ...order, eventSequence: 1 })));
    for (const [n, { order }] of drafts.entries()) {
      expect(await orders.find(order.id)).toEqual(stored[n]);
      expect(await orders.storedResponse(user, `k${n}`)).toMatchObject({ body: { id: order.id } });
      expect(await orders.history(order.id)).toMatchObject([{ at: new Date(start + n).toISOString() }]);
    }
    const events = await db.select<{ subject: string; created_at: number | string }>(
      "SELECT subject, created_at FROM outbox WHERE sequence = 1",
    );
    expect(new Map(events.map(({ subject, created_at }) => [subject, Number(created_at)]))).toEqual(
      new Map(drafts.map(({ order }, n) => [order.id, start + n])),
    );
  });

  it("stores the first of those with the same id or key, and every neighbour", async () => {
    const [user, id] = [newId(), newId()];
    await insert(draft(0, id), requestOf(user, "old"));

    const stored = await Promise.all([
      insert(draft(1)),
      insert(draft(2, id)),
      insert(draft(3), requestOf(user, "old")),
      insert(draft(4), requestOf(user, "new")),
      insert(draft(5), requestOf(user, "new")),
      insert(draft(6), requestOf(newId(), "new")),
      insert(draft(7), requestOf(user, "NEW")),
    ]);

    expect(stored.map((order) => order?.note ?? null)).toEqual([
      ...["note 1", null, null, "note 4", null, "note 6", "note 7"],
    ]);
    expect(await countOf("orders")).toBe(5);
    expect(await countOf("outbox")).toBe(5);
    expect(await countOf("idempotency_keys")).toBe(4);
  });

  it("asks whether orders are there only when one of them is", async () => {
    const user = newId();
    const select = jest.spyOn(db, "select");

    await Promise.all([0, 1, 2].map((n) => insert(draft(n), requestOf(user, `k${n}`))));
    expect(select).not.toHaveBeenCalled();

    const stored = await Promise.all([1, 3].map((n) => insert(draft(n), requestOf(user, `k${n}`))));
    expect(stored.map((order) => order?.note ?? null)).toEqual([null, "note 3"]);
    expect(select).toHaveBeenCalledTimes(1);
    select.mockRestore();
  });

  it("stores each request once, though two nodes get them in opposite orders", async () => {
    const user = newId();
    const keys = Array.from({ length: 60 }, (_, i) => `k${i}`);
    const at = (repository: OrdersRepository, list: string[]) =>
      list.map((key, n) => insert(draft(n), requestOf(user, key), repository));

    const stored = await Promise.all([...at(orders, keys), ...at(other, keys.toReversed())]);

    expect(stored.filter(Boolean)).toHaveLength(60);
    for (const table of ["orders", "idempotency_keys", "outbox"]) expect(await countOf(table)).toBe(60);
  });

  it("fails only the one that the tables refuse", async () => {
    const drafts = Array.from({ length: 20 }, (_, n) => draft(n));
    const bad = draft(99);
    const nobodys = { ...bad, order: { ...bad.order, customerId: null as unknown as string } };

    const before = drafts.slice(0, 10).map((change) => insert(change));
    const failing = expect(insert(nobodys)).rejects.toMatchObject({
      parent: { message: expect.stringMatching(/null/i) as string },
    });
    const after = drafts.slice(10).map((change) => insert(change));

    expect((await Promise.all([...before, ...after])).map((order) => order?.id)).toEqual(
      drafts.map(({ order }) => order.id),
    );
    await failing;
    expect(await orders.find(bad.order.id)).toBeNull();
    expect(await countOf("outbox")).toBe(20);
  });
});
