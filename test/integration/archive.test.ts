import type { CloudEvent } from "../../contracts/events.ts";
import { archiveOld, inboxArchive, outboxArchive, type ArchivedTable } from "../../lib/archive.ts";
import type { Database } from "../../lib/database.ts";
import { lowestIdAt, newId } from "../../lib/ids.ts";
import { openInbox, type Inbox } from "../../lib/inbox.ts";
import { viewInbox } from "../../lib/inbox-view.ts";
import { openOutbox, type Outbox } from "../../lib/outbox.ts";
import { viewOutbox } from "../../lib/outbox-view.ts";
import { keysArchive } from "../../services/orders/answered-keys.ts";
import { draftOrder } from "../../services/orders/draft-order.ts";
import { erasuresRepository } from "../../services/orders/erasures.repository.ts";
import type { KeyedRequest } from "../../services/orders/idempotency.ts";
import { migrations } from "../../services/orders/migrations/index.ts";
import { ordersRepository, type OrdersRepository } from "../../services/orders/orders.repository.ts";
import { delivery } from "../support/delivery.ts";
import { describeStores } from "../support/stores.ts";

const dayMs = 86_400_000;
const ageMs = 30 * dayMs;
const longAgo = Date.now() - 40 * dayMs;

/** An id as it was made 40 days ago. */
const oldId = (): string => lowestIdAt(longAgo).slice(0, 13) + newId().slice(13);

const eventOf = (id: string): CloudEvent<"order.completed"> => ({
  ...{ specversion: "1.0", id, source: "/hub/orders", type: "order.completed", subject: newId(), sequence: 1 },
  ...{ time: new Date(longAgo).toISOString(), datacontenttype: "application/json" },
  data: { orderId: newId(), customerId: newId() },
});

/** What models are given of a transaction on MySQL. */
interface Opened {
  connection: Promise<{ destroy(): void }>;
}

describeStores("the archive", (store) => {
  let db: Database;
  let inbox: Inbox;
  let outbox: Outbox;
  let orders: OrdersRepository;

  beforeAll(async () => {
    db = await store().open("orders", migrations);
    inbox = openInbox(db);
    outbox = openOutbox(db, "orders", () => {});
    orders = ordersRepository(db, outbox);
  });
  beforeEach(async () => {
    for (const table of ["inbox", "outbox", "idempotency_keys"]) {
      for (const each of [table, `${table}_archive`]) await db.execute(`DELETE FROM ${each}`);
    }
  });

  const move = (table: ArchivedTable, limit = 1_000, by: Database = db) => archiveOld(by, table, { ageMs, limit });
  const idsIn = async (table: string): Promise<string[]> =>
    (await db.select<{ id: string }>(`SELECT ${table.startsWith("inbox") ? "event_id AS id" : "id"} FROM ${table}`))
      .map(({ id }) => id)
      .sort();
  /** Applied events of long ago. */
  const applied = async (count: number): Promise<CloudEvent[]> => {
    const events = Array.from({ length: count }, () => eventOf(oldId()));
    await inbox.receive(events, false);
    await inbox.settle(events.map(({ id }) => id));
    return events;
  };
  /** Requests of long ago that were answered. */
  const answered = async (count: number): Promise<KeyedRequest[]> => {
    const userId = newId();
    const requests = Array.from({ length: count }, (_, i) => requestOf(userId, `k${i}`));
    for (const request of requests) await orders.insert(draft(), request, answer);
    const column = db.dialect === "mysql" ? "kept_at" : "created_at";
    await db.execute(`UPDATE idempotency_keys SET ${column} = ?`, [longAgo]);
    return requests;
  };
  /** A database with which `before` runs once, when something is to be deleted. */
  const before = (work: (tx: Parameters<Database["execute"]>[2]) => Promise<void>): Database => {
    let isDone = false;
    return {
      ...db,
      async execute(sql, values, tx) {
        if (sql.startsWith("DELETE") && !isDone) {
          isDone = true;
          await work(tx);
        }
        return db.execute(sql, values, tx);
      },
    };
  };

  it("takes what is old and done, and leaves what waits, what died and what is young", async () => {
    const [done, waiting, dead] = [await applied(3), eventOf(oldId()), eventOf(oldId())];
    const young = eventOf(newId());
    await inbox.receive([waiting, dead, young], false);
    await inbox.settle([young.id]);
    await db.execute("UPDATE inbox SET status = 'DEAD' WHERE event_id = ?", [dead.id]);

    expect(await move(inboxArchive, 2)).toMatchObject({ moved: 2 });
    expect(await move(inboxArchive)).toMatchObject({ moved: 1 });
    expect(await move(inboxArchive)).toEqual({ moved: 0, last: null });

    expect(await idsIn("inbox_archive")).toEqual(done.map(({ id }) => id).sort());
    expect(await idsIn("inbox")).toEqual([waiting.id, dead.id, young.id].sort());
  });

  it("has an inbox answer for what it archived", async () => {
    const [event] = (await applied(1)) as [CloudEvent];
    await move(inboxArchive);
    const view = viewInbox(db);

    expect(await view.find(event.id)).toMatchObject({ id: event.id, status: "APPLIED", subject: event.subject });
    expect(await view.of([event.subject])).toMatchObject([{ id: event.id, sequence: 1 }]);
    expect(await view.missing([event.id, "nobody"])).toEqual(["nobody"]);
    expect(await view.settled([event.id])).toEqual([event.id]);
    expect(await view.counts(null)).toEqual({ counts: { "order.completed": 1 }, next: null });
  });

  it("applies an event no second time however long ago the first was", async () => {
    const events = await applied(3);
    await move(inboxArchive);
    const other = eventOf(oldId());

    expect(await inbox.receive([...events, other], true)).toEqual([]);

    expect((await inbox.due(10)).map(({ event }) => event.id)).toEqual([other.id]);
    expect(await db.transaction((tx) => inbox.record(tx, [String(events[0]?.id)]))).toEqual(new Set());
  });

  it("takes no event in anew while it is being archived", async () => {
    const events = await applied(150);
    let isMoving = true;
    const archiving = (async () => {
      while ((await move(inboxArchive, 3)).moved > 0);
      isMoving = false;
    })();
    const receiving = Array.from({ length: 4 }, async (_, i) => {
      for (let n = i; isMoving; n += 1) {
        const from = (n * 13) % 140;
        await inbox.receive(events.slice(from, from + 10), n % 2 === 0);
      }
    });
    await Promise.all([archiving, ...receiving]);
    // what those who received held was left where it was; what is taken in anew waits, and stays
    while ((await move(inboxArchive)).moved > 0);

    expect(await idsIn("inbox")).toEqual([]);
    expect(await idsIn("inbox_archive")).toEqual(events.map(({ id }) => id).sort());
  });

  it("shows the events of a subject as if none had been archived, and sends them once more", async () => {
    const subjects = [newId(), newId()];
    const facts = (orderId: string) =>
      ["order.completed", "order.completed"].map((type) => ({
        type: type as "order.completed",
        data: { orderId, customerId: newId() },
      }));
    for (const id of subjects) await db.transaction((tx) => outbox.append(tx, id, 0, facts(id), Date.now()));
    await outbox.relay(10, async (events) => ({ published: events.map(({ id }) => id) }));
    for (const [i, id] of (await idsIn("outbox")).entries()) {
      if (i !== 1) await db.execute("UPDATE outbox SET id = ? WHERE id = ?", [oldId(), id]);
    }
    const view = viewOutbox(db);
    const all = async () => ({
      of: await view.of(subjects),
      published: await view.published(null, 3),
      counts: await view.counts(null),
      audited: await audited(),
    });
    const audited = async (): Promise<boolean[]> => {
      const seen: boolean[] = [];
      await view.sequences(null, { see: (_check, _id, holds) => void seen.push(holds), seeAll: () => {} });
      return seen;
    };
    const known = await all();

    expect(await move(outboxArchive)).toMatchObject({ moved: 3 });

    expect(await all()).toEqual(known);
    expect(known.audited).toEqual([true, true]);
    const archived = await idsIn("outbox_archive");
    expect(await view.republish(archived.slice(0, 1))).toBe(1);
    const shipped: string[] = [];
    await outbox.relay(10, async (events) => {
      shipped.push(...events.map(({ id }) => id));
      return { published: shipped };
    });
    expect(shipped).toEqual(archived.slice(0, 1));
    expect((await idsIn("outbox")).length).toBe(2);
    expect(await audited()).toEqual([true, true]);
  });

  it("gives the same key the same answer for good", async () => {
    const [request] = (await answered(1)) as [KeyedRequest];
    expect(await move(keysArchive)).toMatchObject({ moved: 1 });

    expect(await orders.storedResponse(request.userId, request.key)).toMatchObject(answer);
    expect(await orders.insert(draft(), request, answer)).toBeNull();
    expect(await db.select("SELECT user_id FROM idempotency_keys")).toEqual([]);
  });

  it("loses no key, and answers none twice, while they are being archived", async () => {
    const requests = await answered(60);
    let isMoving = true;
    let asked = 0;
    const archiving = (async () => {
      while ((await move(keysArchive, 2)).moved > 0);
      isMoving = false;
    })();
    const asking = Array.from({ length: 4 }, async (_, i) => {
      for (let n = i * 15; isMoving; n += 1) {
        const request = requests[n % 60] as KeyedRequest;
        expect(await orders.storedResponse(request.userId, request.key)).not.toBeNull();
        expect(await orders.insert(draft(), request, answer)).toBeNull();
        asked += 1;
      }
    });
    await Promise.all([archiving, ...asking]);

    expect(asked).toBeGreaterThan(0);
    expect(await db.select("SELECT user_id FROM idempotency_keys")).toEqual([]);
    expect(await db.select("SELECT user_id FROM idempotency_keys_archive")).toHaveLength(60);
  });

  it("keeps a young key in the table whatever the clock said of the node that it came over", async () => {
    if (db.dialect === "sqlite") return;
    await orders.insert(draft(longAgo), requestOf(newId(), "k"), answer);

    expect(await move(keysArchive)).toMatchObject({ moved: 0 });
  });

  it("forgets the archived keys of who is erased", async () => {
    const [request] = (await answered(1)) as [KeyedRequest];
    await move(keysArchive);

    await erasuresRepository(db).begin(
      request.userId,
      delivery(() => true),
      Date.now(),
    );

    expect(await db.select("SELECT user_id FROM idempotency_keys_archive")).toEqual([]);
  });

  it("leaves everything where it was when it is killed between copying and deleting", async () => {
    const events = await applied(5);
    const dying = before(async (tx) => {
      // as when the process dies: the server finds the connection gone
      if (db.dialect === "mysql") (await (tx as unknown as Opened).connection).destroy();
      throw new Error("killed");
    });

    await expect(move(inboxArchive, 1_000, dying)).rejects.toThrow("killed");

    expect(await idsIn("inbox_archive")).toEqual([]);
    expect(await idsIn("inbox")).toEqual(events.map(({ id }) => id).sort());
    expect(await move(inboxArchive)).toMatchObject({ moved: 5 });
  });

  it("has nobody wait for it, and waits for nobody", async () => {
    if (db.dialect === "sqlite") return;
    const [held, ...others] = (await applied(5)) as [CloudEvent, ...CloudEvent[]];
    const waiting = Array.from({ length: 3 }, () => eventOf(oldId()));
    await inbox.receive(waiting, false);
    const fresh = eventOf(newId());
    let written = 0;
    const slow = before(async () => {
      await inbox.receive([fresh, eventOf(oldId())], false);
      await inbox.settle(waiting.map(({ id }) => id));
      written = (await idsIn("inbox")).length;
    });

    const { moved } = await db.transaction(async (tx) => {
      await db.execute("UPDATE inbox SET last_error = 'held' WHERE event_id = ?", [held.id], tx);
      return move(inboxArchive, 1_000, slow);
    });

    expect(moved).toBe(others.length);
    expect(written).toBe(10);
  });

  it("has two nodes move different rows", async () => {
    const events = await applied(40);

    const moved = await Promise.all([1, 2, 3].map(() => move(inboxArchive, 20)));

    expect(moved.reduce((sum, each) => sum + each.moved, 0)).toBe(40);
    expect(await idsIn("inbox_archive")).toEqual(events.map(({ id }) => id).sort());
  });
});

const answer = { status: 201, body: { id: "x" } };
const requestOf = (userId: string, key: string): KeyedRequest => ({
  ...{ userId, key, fingerprint: `f-${key}`, digest: newId(), exactDigest: newId() },
});
const draft = (nowMs = Date.now()) =>
  draftOrder(
    {
      ...{ id: newId(), customerId: newId(), currency: "GBP", address: null, note: null, expiresAt: nowMs + 900_000 },
      lines: [{ sku: "LAMP", name: "Lamp", quantity: 1, unitPriceCents: 5 }],
    },
    nowMs,
  );
