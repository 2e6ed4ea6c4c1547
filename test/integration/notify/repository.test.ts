import { archiveOld } from "../../../lib/archive.ts";
import type { Database } from "../../../lib/database.ts";
import { lowestIdAt, newId } from "../../../lib/ids.ts";
import {
  deliveriesArchive,
  deliveriesRepository,
  type DeliveriesRepository,
} from "../../../services/notify/deliveries.repository.ts";
import { migrations } from "../../../services/notify/migrations/index.ts";
import {
  notificationsRepository,
  type NotificationsRepository,
} from "../../../services/notify/notifications.repository.ts";
import type { Telling } from "../../../services/notify/telling.ts";
import { describeStores } from "../../support/stores.ts";

const nowMs = 1_700_000_000_000;

const telling = (userId: string, change: Partial<Telling> = {}): Telling => ({
  eventId: newId(),
  userId,
  type: "order.paid",
  orderId: newId(),
  notification: { id: newId(), title: "付款成功 🎉", body: "谢谢" },
  messages: [{ id: newId(), channel: "email", to: "ann@example.com", subject: "s", body: "b", html: "<p>b</p>" }],
  ...change,
});

/** The same telling with new row ids, as another attempt at it would make. */
const again = ({ notification, messages, ...rest }: Telling): Telling => ({
  ...rest,
  notification: notification && { ...notification, id: newId() },
  messages: messages.map((message) => ({ ...message, id: newId() })),
});

describeStores("the notify repositories", (store) => {
  let db: Database;
  let notifications: NotificationsRepository;
  let deliveries: DeliveriesRepository;

  beforeAll(async () => {
    db = await store().open("notify", migrations);
    notifications = notificationsRepository(db);
    deliveries = deliveriesRepository(db);
  });
  beforeEach(async () => {
    for (const table of ["notifications", "deliveries", "deliveries_archive", "user_counters"])
      await db.execute(`DELETE FROM ${table}`);
  });

  const tell = async (...tellings: Telling[]): Promise<Set<string>> =>
    new Set((await db.transaction((tx) => notifications.tell(tx, tellings, nowMs))).notified.keys());
  const claim = (limit = 100, at = nowMs): ReturnType<DeliveriesRepository["claimDue"]> =>
    deliveries.claimDue(limit, 30_000, at);
  const statuses = async (): Promise<string[]> =>
    (await db.select<{ status: string }>("SELECT status FROM deliveries ORDER BY id")).map(({ status }) => status);

  it("keep one row per event, person and channel of twenty attempts at once", async () => {
    const first = telling(newId());

    const told = await Promise.all(Array.from({ length: 20 }, () => tell(again(first))));

    expect(told.filter((users) => users.size > 0)).toHaveLength(1);
    expect(await notifications.ofUser(first.userId)).toMatchObject([
      { sequence: 1, title: "付款成功 🎉", body: "谢谢", orderId: first.orderId },
    ]);
    expect(await claim()).toHaveLength(1);
  });

  it("keep one row when a group holds the same telling twice", async () => {
    const first = telling(newId());

    await tell(first, again(first));

    expect(await notifications.ofUser(first.userId)).toHaveLength(1);
    expect(await claim()).toHaveLength(1);
  });

  it("number what is new after what was told before, when a group has both", async () => {
    const [ann, bob] = [newId(), newId()];
    const before = telling(ann);
    await tell(before);

    await tell(again(before), telling(ann), telling(bob, { notification: null }));
    await tell(telling(ann));

    expect((await notifications.ofUser(ann)).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(await notifications.since(ann, { after: 3, limit: 10 })).toEqual({ last: 3, items: [] });
  });

  it("refuse a second row for the same event and person below all code", async () => {
    const { userId, eventId } = telling(newId());
    const insert = (sequence: number) =>
      db.execute(
        `INSERT INTO notifications (id, event_id, user_id, sequence, type, title, body, created_at)
         VALUES (?, ?, ?, ?, 'order.paid', 't', 'b', 0)`,
        [newId(), eventId, userId, sequence],
      );
    await insert(1);

    await expect(insert(2)).rejects.toMatchObject({ name: "SequelizeUniqueConstraintError" });
  });

  it("number fifty notifications at once 1 to 50", async () => {
    const [ann, bob] = [newId(), newId()];

    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        i % 2 ? tell(telling(ann), telling(bob)) : tell(telling(bob), telling(ann)),
      ),
    );

    const expected = Array.from({ length: 50 }, (_, i) => i + 1);
    for (const user of [ann, bob]) {
      expect((await notifications.ofUser(user)).map(({ sequence }) => sequence)).toEqual(expected);
      expect((await notifications.since(user, { after: null, limit: 1 })).last).toBe(50);
    }
  });

  it("never show a number after a later one", async () => {
    const user = newId();
    let seen = 0;
    let running = true;
    const watching = (async () => {
      while (running) {
        const { last, items } = await notifications.since(user, { after: seen, limit: 100 });
        expect(items.map(({ sequence }) => sequence)).toEqual(
          Array.from({ length: last - seen }, (_, i) => seen + i + 1),
        );
        seen = last;
      }
    })();

    await Promise.all(Array.from({ length: 40 }, () => tell(telling(user))));
    running = false;
    await watching;

    expect((await notifications.since(user, { after: seen, limit: 100 })).items).toHaveLength(40 - seen);
  });

  it("spend no number on a transaction that was rolled back, or on a channel that is off", async () => {
    const user = newId();
    const failing = db.transaction(async (tx) => {
      await notifications.tell(tx, [telling(user)], nowMs);
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await tell(telling(user, { notification: null }))).toEqual(new Set());

    await tell(telling(user));

    expect(await notifications.ofUser(user)).toMatchObject([{ sequence: 1 }]);
  });

  it("page through a person's own notifications, newest first, unread ones when asked", async () => {
    const user = newId();
    for (let i = 0; i < 5; i += 1) await tell(telling(user), telling(newId()));
    const page = (cursor?: string, unread = false) => notifications.list(user, { unread, cursor, limit: 2 });
    const numbers = (items: { sequence: number }[]) => items.map(({ sequence }) => sequence);

    const first = await page();
    const second = await page(first.nextCursor ?? "");
    const third = await page(second.nextCursor ?? "");
    await notifications.read(user, second.items[0]?.id ?? "", nowMs);
    const unread = await notifications.list(user, { unread: true, cursor: undefined, limit: 10 });

    expect([first, second, third].map(({ items }) => numbers(items))).toEqual([[5, 4], [3, 2], [1]]);
    expect(third.nextCursor).toBeNull();
    expect(numbers(unread.items)).toEqual([5, 4, 2, 1]);
    await expect(page("nonsense")).rejects.toMatchObject({ code: "VALIDATION_FAILED" });
  });

  it("keep the time of the first reading, and let nobody read another's", async () => {
    const user = newId();
    await tell(telling(user));
    const [{ id } = { id: "" }] = await notifications.ofUser(user);

    expect(await notifications.read(newId(), id, nowMs)).toBeNull();
    expect(await notifications.read(user, id, nowMs + 1)).toMatchObject({ readAtMs: nowMs + 1 });
    expect(await notifications.read(user, id, nowMs + 2)).toMatchObject({ readAtMs: nowMs + 1 });
  });

  it("erase what a person was told, keep their number, and tell them nothing more", async () => {
    const [user, other] = [newId(), newId()];
    const sms = { id: newId(), channel: "sms" as const, to: "+44 1", subject: "s", body: "b", html: null };
    const first = telling(user);
    await tell({ ...first, messages: [...first.messages, sms] }, telling(other));
    const held = (await claim()).find(({ id }) => id === sms.id);

    await db.transaction((tx) => notifications.erase(tx, user, nowMs));
    await db.transaction((tx) => notifications.erase(tx, newId(), nowMs));
    await deliveries.sent(held ? [held] : [], nowMs);
    expect(await tell(telling(user))).toEqual(new Set());

    expect(await notifications.since(user, { after: 0, limit: 10 })).toEqual({ last: 0, items: [] });
    expect(await notifications.ofUser(other)).toHaveLength(1);
    const rows = await db.select("SELECT recipient, subject, body, html, status FROM deliveries WHERE user_id = ?", [
      user,
    ]);
    const empty = { recipient: null, subject: "", body: "", html: null, status: "CANCELLED" };
    expect(rows).toEqual([empty, empty]);
    const { items } = await deliveries.mailbox({ to: undefined, cursor: undefined, limit: 10 });
    expect(items).toHaveLength(1);
  });

  it("tell nobody a second time what was told so long ago that it is in the archive", async () => {
    const first = { ...telling(newId()), eventId: lowestIdAt(Date.now() - 40 * 86_400_000) };
    const messages = first.messages.map((message) => ({ ...message, id: first.eventId }));
    await tell({ ...first, messages });
    await deliveries.sent(await claim(), nowMs);
    expect(await archiveOld(db, deliveriesArchive, { ageMs: 30 * 86_400_000, limit: 10 })).toMatchObject({ moved: 1 });

    await db.transaction((tx) => notifications.tell(tx, [again(first)], Date.now()));

    expect(await claim()).toEqual([]);
    expect(await deliveries.ofUser(first.userId)).toMatchObject([{ to: "ann@example.com", status: "SENT" }]);
    expect(JSON.stringify(await notifications.timeline(String(first.orderId)))).toContain("notification.sent");
    await db.transaction((tx) => notifications.erase(tx, first.userId, nowMs));
    expect(await deliveries.ofUser(first.userId)).toMatchObject([{ to: null, subject: "", status: "SENT" }]);
  });

  it("give two senders at once each delivery once", async () => {
    await tell(...Array.from({ length: 40 }, () => telling(newId())));

    const claimed = (await Promise.all([claim(25), claim(25)])).flat();

    const ids = new Set(claimed.map(({ id }) => id));
    expect(ids.size).toBe(claimed.length);
    for (const { id } of await claim()) expect(ids.has(id)).toBe(false);
    await deliveries.sent(claimed, nowMs);
    expect((await statuses()).filter((status) => status === "SENT")).toHaveLength(claimed.length);
  });

  it("give a dead sender's deliveries away after its lease, and ignore it when it returns", async () => {
    await tell(telling(newId()));
    const [lost] = await claim();
    expect(await claim(1, nowMs + 29_999)).toEqual([]);

    const [taken] = await claim(1, nowMs + 30_000);
    await deliveries.fail(lost as never, "late", nowMs);
    await deliveries.postpone(lost as never, nowMs, "late");
    await deliveries.sent([lost as never], nowMs);

    expect(taken).toMatchObject({ id: lost?.id, attempts: 2 });
    expect(await statuses()).toEqual(["PENDING"]);
    await deliveries.sent([taken as never], nowMs);
    expect(await statuses()).toEqual(["SENT"]);
  });

  it("keep a postponed delivery until it is due, and a failed one for good", async () => {
    await tell(telling(newId()));
    const [first] = await claim();
    await deliveries.postpone(first as never, nowMs + 1_000, "busy");

    expect(await claim(1, nowMs + 999)).toEqual([]);
    const [second] = await claim(1, nowMs + 1_000);
    await deliveries.fail(second as never, "x".repeat(5_000), nowMs);

    expect(await claim(1, nowMs + 1e9)).toEqual([]);
    const [row] = await db.select<{ status: string; last_error: string }>("SELECT status, last_error FROM deliveries");
    expect(row).toEqual({ status: "FAILED", last_error: "x".repeat(1_000) });
  });

  it("forget a secret body once it was sent, and no other", async () => {
    await tell(telling(newId(), { forgetBody: true }), telling(newId()));

    await deliveries.sent(await claim(), nowMs);

    const rows = await db.select("SELECT body, html FROM deliveries ORDER BY forget_body");
    expect(rows).toEqual([
      { body: "b", html: "<p>b</p>" },
      { body: "", html: null },
    ]);
  });

  it("show the mailbox newest first, page by page, of one address however it is written", async () => {
    const to = (address: string) => {
      const { messages, ...rest } = telling(newId());
      return { ...rest, messages: messages.map((message) => ({ ...message, to: address })) };
    };
    for (const address of ["ann@example.com", "bob@example.com", "ann@example.com"]) await tell(to(address));

    const first = await deliveries.mailbox({ to: undefined, cursor: undefined, limit: 2 });
    const second = await deliveries.mailbox({ to: undefined, cursor: first.nextCursor ?? "", limit: 2 });
    const anns = await deliveries.mailbox({ to: "Ann@Example.com", cursor: undefined, limit: 10 });

    expect([...first.items, ...second.items].map((mail) => mail.to[0])).toEqual(["a", "b", "a"]);
    expect(second.nextCursor).toBeNull();
    expect(anns.items).toHaveLength(2);
  });

  it("leave nothing to be sent of what has arrived once it is stored", async () => {
    const kept = notificationsRepository(db, (channel) => channel === "email");
    const one = telling(newId());
    const claimId = { id: newId(), untilMs: nowMs + 1_000, most: 10 };

    const told = await db.transaction((tx) => kept.tell(tx, [one], nowMs, { claim: claimId }));

    expect(told).toMatchObject({ claimed: [], left: 0 });
    expect(await claim()).toEqual([]);
    expect((await deliveries.ofUser(one.userId)).map(({ channel, status }) => [channel, status])).toEqual([
      ["email", "SENT"],
    ]);
  });

  it("tell an order's timeline over every channel, oldest first", async () => {
    const one = telling(newId());
    await tell(one);
    const before = await notifications.timeline(one.orderId ?? "");
    await deliveries.sent(await claim(), nowMs + 5_000);

    const after = await notifications.timeline(one.orderId ?? "");

    expect(before.map(({ type }) => type)).toEqual(["notification.sent", "notification.queued"]);
    expect(after).toEqual([
      {
        at: new Date(nowMs).toISOString(),
        type: "notification.sent",
        by: "notify",
        detail: { channel: "in_app", event: "order.paid", status: "SENT" },
      },
      {
        at: new Date(nowMs + 5_000).toISOString(),
        type: "notification.sent",
        by: "notify",
        detail: { channel: "email", event: "order.paid", status: "SENT" },
      },
    ]);
  });
});
