import type { CloudEvent } from "../../contracts/events.ts";
import { inboxArchiveTable, outboxArchiveTable } from "../../lib/archive.ts";
import type { Database } from "../../lib/database.ts";
import { newId } from "../../lib/ids.ts";
import { inboxTable, maxAttempts, openInbox, type Inbox } from "../../lib/inbox.ts";
import { openOutbox, outboxTable, type Outbox } from "../../lib/outbox.ts";
import type { Migration } from "../../lib/migrations.ts";
import { describeStores } from "../support/stores.ts";

const migrations: Migration[] = [
  { name: "001", up: (t) => [...outboxTable(t), ...inboxTable(t), ...outboxArchiveTable(t), ...inboxArchiveTable(t)] },
];
const completed = (orderId: string) => ({ type: "order.completed" as const, data: { orderId, customerId: newId() } });

describeStores("the outbox and the inbox", (store) => {
  let db: Database;
  let outbox: Outbox;
  let inbox: Inbox;
  let now = Date.now();
  let woken = 0;

  beforeAll(async () => {
    db = await store().open("orders", migrations);
  });
  beforeEach(async () => {
    await db.execute("DELETE FROM outbox");
    await db.execute("DELETE FROM inbox");
    woken = 0;
    outbox = openOutbox(
      db,
      "orders",
      () => (woken += 1),
      () => now,
    );
    inbox = openInbox(db, () => now);
  });

  const shipAll = async (limit = 100): Promise<CloudEvent[]> => {
    const shipped: CloudEvent[] = [];
    await outbox.relay(limit, async (events) => {
      shipped.push(...events);
      return { published: events.map(({ id }) => id) };
    });
    return shipped;
  };

  it("ships a committed fact as a CloudEvent, once, and wakes the relay", async () => {
    const id = newId();
    await db.transaction((tx) => outbox.append(tx, id, 0, [completed(id), completed(id)], now));

    const shipped = await shipAll();

    expect(woken).toBe(1);
    expect(shipped).toMatchObject([
      {
        specversion: "1.0",
        source: "/hub/orders",
        type: "order.completed",
        subject: id,
        sequence: 1,
        data: { orderId: id },
      },
      { sequence: 2 },
    ]);
    expect(await shipAll()).toEqual([]);
  });

  it("keeps nothing of a transaction that was rolled back", async () => {
    const id = newId();
    const failing = db.transaction(async (tx) => {
      await outbox.append(tx, id, 0, [completed(id)], now);
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");

    expect(await shipAll()).toEqual([]);
    expect(woken).toBe(0);
  });

  it("holds later events of a subject back until the earlier one was published", async () => {
    const id = newId();
    const other = newId();
    await db.transaction((tx) => outbox.append(tx, id, 0, [completed(id), completed(id)], now));
    await db.transaction((tx) => outbox.append(tx, other, 0, [completed(other)], now));
    await outbox.relay(100, async (events) => ({
      published: events.filter((event) => event.subject === other).map((event) => event.id),
      error: "down",
    }));

    expect(await shipAll()).toEqual([]);
    now += 120_000;
    expect((await shipAll()).map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  it("ships what nobody was there to take as soon as somebody is, however often it was tried", async () => {
    const id = newId();
    await db.transaction((tx) => outbox.append(tx, id, 0, [completed(id)], now));
    for (let tries = 0; tries < 10; tries += 1) {
      expect(await outbox.relay(100, async () => ({ published: [], away: true }))).toBe(0);
    }

    expect(await shipAll()).toMatchObject([{ subject: id }]);
  });

  it("gives two consumers on the same database different events, and those of one that died to the other", async () => {
    const ids = Array.from({ length: 4 }, newId);
    for (const id of ids) await db.transaction((tx) => outbox.append(tx, id, 0, [completed(id)], now));
    await inbox.receive(await shipAll(), false);
    const first = await inbox.due(2);
    const second = await inbox.due(10);
    now += 10_000;

    if (db.dialect === "mysql") expect([...first, ...second].map(({ event }) => event.subject).sort()).toEqual(ids);
    expect(await inbox.due(10)).toHaveLength(ids.length);
  });

  it("never gives two relays the same row", async () => {
    const ids = Array.from({ length: 40 }, newId);
    await db.transaction((tx) =>
      outbox.appendAll(
        tx,
        ids.map((id) => ({ subject: id, sequence: 1, fact: completed(id) })),
        now,
      ),
    );

    const shipped = (await Promise.all([shipAll(20), shipAll(20)])).flat();

    if (db.dialect === "mysql") expect(new Set(shipped.map(({ id }) => id)).size).toBe(shipped.length);
    expect(new Set([...shipped, ...(await shipAll())].map(({ subject }) => subject)).size).toBe(40);
  });

  it("has one relay leave to another all that it does not take, however much waits", async () => {
    if (db.dialect !== "mysql") return;
    const ids = Array.from({ length: 3_000 }, newId);
    const entries = ids.map((id) => ({ subject: id, sequence: 1, fact: completed(id) }));
    await db.transaction((tx) => outbox.appendAll(tx, entries, now));

    let others: CloudEvent[] = [];
    await outbox.relay(200, async (events) => {
      others = await shipAll(200);
      return { published: events.map(({ id }) => id) };
    });

    expect(others).toHaveLength(200);
  });

  it("applies an event once however often it comes", async () => {
    const id = newId();
    await db.transaction((tx) => outbox.append(tx, id, 0, [completed(id)], now));
    const [event] = (await shipAll()) as [CloudEvent];
    await inbox.receive([event], false);
    await inbox.receive([event], false);

    expect(await inbox.due(10)).toHaveLength(1);
    expect(await db.transaction((tx) => inbox.record(tx, [event.id]))).toEqual(new Set([event.id]));
    expect(await db.transaction((tx) => inbox.record(tx, [event.id]))).toEqual(new Set());
    expect(await inbox.due(10)).toEqual([]);
  });

  it("waits longer after each failure, holds the subject's later events, and gives up into the dead letters", async () => {
    const id = newId();
    await db.transaction((tx) => outbox.append(tx, id, 0, [completed(id), completed(id)], now));
    await inbox.receive(await shipAll(), false);

    let tries = 0;
    for (let outcome = "waiting"; outcome === "waiting"; tries += 1) {
      const [waiting] = await inbox.due(10);
      expect(waiting?.event.sequence).toBe(1);
      outcome = await inbox.failed(waiting as never, "poison");
      now += 120_000;
    }

    expect(tries).toBe(maxAttempts);
    expect((await inbox.due(10)).map(({ event }) => event.sequence)).toEqual([2]);
    const [dead] = await db.select<{ last_error: string }>("SELECT last_error FROM inbox WHERE status = 'DEAD'");
    expect(dead?.last_error).toBe("poison");
  });
});

describeStores("transactions", (store) => {
  it("lose no update of a hundred at once", async () => {
    const db = await store().open("inventory", [
      { name: "001", up: (t) => [`CREATE TABLE c (id ${t.id} PRIMARY KEY, n ${t.integer} NOT NULL) ${t.options}`] },
    ]);
    await db.execute("INSERT INTO c (id, n) VALUES (?, ?)", ["a", 0]);

    await Promise.all(
      Array.from({ length: 100 }, () =>
        db.transaction(async (tx) => {
          const lock = db.dialect === "mysql" ? " FOR UPDATE" : "";
          const [row] = await db.select<{ n: number | string }>(`SELECT n FROM c WHERE id = ?${lock}`, ["a"], tx);
          await db.execute("UPDATE c SET n = ? WHERE id = ?", [Number(row?.n) + 1, "a"], tx);
        }),
      ),
    );

    const [row] = await db.select<{ n: number | string }>("SELECT n FROM c");
    expect(Number(row?.n)).toBe(100);
  });
});
