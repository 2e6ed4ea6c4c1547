import type { Database } from "../../../lib/database.ts";
import { contracts } from "../../../contracts/bus.ts";
import type { Mail, Notification } from "../../../contracts/notify.ts";
import type { Contact } from "../../../contracts/users.ts";
import { newId } from "../../../lib/ids.ts";
import { compileSchema } from "../../../lib/validator.ts";
import { admin, customer } from "../../support/broker.ts";
import { notifiedTypes } from "../../support/notified-facts.ts";
import { eventually } from "../../support/wait.ts";
import { startWorld, type World } from "./world.ts";

const boss = admin(newId());
let world: World;

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const asPerson = ({ userId }: Contact) => world.as(customer(userId));
const shownTo = async (person: Contact, params = {}): Promise<Notification[]> =>
  (await world.broker.call("notify.list", params, asPerson(person))).items;
const mailTo = async (to: string): Promise<Mail[]> =>
  (await world.broker.call("notify.mailbox", { to }, world.as(boss))).items;

/** Resolves once everything given to notify so far was applied: an event of a new person goes last. */
async function settled(): Promise<void> {
  const last = world.person();
  await world.receive(world.about(last, "order.completed"));
  await eventually(async () => (await shownTo(last)).length === 1);
}

describe("an event", () => {
  it.each(notifiedTypes)("%s is told in the shop and by e-mail, in the person's language", async (type) => {
    const [ann, wei] = [world.person(), world.person({ locale: "zh", name: "魏" })];
    const [first, second] = [world.about(ann, type), world.about(wei, type)];

    await world.receive(first, second);

    for (const [person, event, greeting] of [
      [ann, first, "Hello Ann,"],
      [wei, second, "魏，您好："],
    ] as const) {
      const [shown] = await eventually(async () => {
        const items = await shownTo(person);
        return items.length > 0 && items;
      });
      expect(shown).toMatchObject({ type, readAt: null });
      expect(shown?.orderId).toBe((event.data as { orderId?: string }).orderId ?? null);
      expect(await mailTo(person.email)).toMatchObject([{ channel: "email", type, subject: shown?.title }]);
      expect((await mailTo(person.email))[0]?.body).toContain(greeting);
      await eventually(() => world.hints.includes(person.userId));
    }
  });

  it("that comes five times is told once", async () => {
    const ann = world.person();
    const event = world.about(ann, "order.paid");

    await Promise.all(Array.from({ length: 5 }, () => world.receive(event, event)));
    await settled();
    await world.receive(event);
    await settled();

    expect(await shownTo(ann)).toHaveLength(1);
    expect(await mailTo(ann.email)).toHaveLength(1);
    expect(world.hints.filter((userId) => userId === ann.userId)).toHaveLength(1);
  });

  it("that the inbox has lost is not told again, and keeps back nobody who shares its transaction", async () => {
    const [ann, bob] = [world.person(), world.person()];
    const event = world.about(ann, "order.paid");
    await world.receive(event);
    await settled();
    const { db } = world.broker.getLocalService("notify") as unknown as { db: Database };
    await db.execute("DELETE FROM inbox WHERE event_id = ?", [event.id]);

    await world.receive(event, world.about(bob, "order.paid"));
    await settled();

    expect(await db.select("SELECT status, attempts FROM inbox WHERE event_id = ?", [event.id])).toEqual([
      { status: "APPLIED", attempts: 0 },
    ]);
    for (const person of [ann, bob]) {
      expect(await shownTo(person)).toHaveLength(1);
      expect(await mailTo(person.email)).toHaveLength(1);
    }
  });

  it("goes over the channels its person chose, and no others", async () => {
    const [ann, bob, cy] = [world.person({ phone: "+44 20 1" }), world.person(), world.person()];
    world.prefer(ann, "order.paid", ["sms"]);
    world.prefer(bob, "order.paid", ["in_app", "sms"]);
    world.prefer(cy, "order.paid", []);

    await world.receive(...[ann, bob, cy].map((person) => world.about(person, "order.paid")));
    await settled();

    expect([await shownTo(ann), await shownTo(bob), await shownTo(cy)].map(({ length }) => length)).toEqual([0, 1, 0]);
    expect(await mailTo("+44 20 1")).toMatchObject([{ channel: "sms", type: "order.paid" }]);
    for (const { email } of [ann, bob, cy]) expect(await mailTo(email)).toEqual([]);
  });

  it("meets the preferences of its own time, whatever was asked a moment before", async () => {
    const ann = world.person();
    await world.receive(world.about(ann, "user.registered"));
    const before = await eventually(async () => (await shownTo(ann))[0]);
    world.prefer(ann, "order.created", []);
    // the next event must not fall into the millisecond of the last question
    await eventually(() => Date.now() > Date.parse(before.createdAt));

    await world.receive(world.about(ann, "order.created"));
    await settled();

    expect((await shownTo(ann)).map(({ type }) => type)).toEqual(["user.registered"]);
  });

  it("waits until users and orders can be asked again", async () => {
    const ann = world.person();
    world.usersDown = true;
    world.ordersDown = true;
    await world.receive(world.about(ann, "order.paid"), world.about(ann, "payment.succeeded"));
    await eventually(
      () => world.asked.filter(({ params }) => (params as { id: string }).id === ann.userId).length >= 2,
    );
    expect(await shownTo(ann)).toEqual([]);

    world.usersDown = false;
    world.ordersDown = false;

    const items = await eventually(async () => {
      const shown = await shownTo(ann);
      return shown.length === 2 && shown;
    });
    expect(new Set(items.map(({ type }) => type))).toEqual(new Set(["order.paid", "payment.succeeded"]));
  });

  it("about nobody, or about a person erased, does nothing", async () => {
    const ann = world.person();
    world.erased(ann);
    const stray = world.about(ann, "payment.failed", { orderId: newId() });

    await world.receive(world.about(ann, "order.paid"), stray);
    await settled();

    expect(await shownTo(ann)).toEqual([]);
    expect(await mailTo(ann.email)).toEqual([]);
  });

  it("asks about each person once for many events", async () => {
    const ann = world.person();
    const events = Array.from({ length: 20 }, () => world.about(ann, "order.paid"));
    await eventually(() => Date.now() > Date.parse(events.at(-1)?.time ?? ""));

    await world.receive(...events);
    const items = await eventually(async () => {
      const shown = await shownTo(ann, { limit: 100 });
      return shown.length === 20 && shown;
    });

    expect(items.map(({ id }) => id)).toEqual([...new Set(items.map(({ id }) => id))]);
    expect(world.asked.filter(({ params }) => (params as { id: string }).id === ann.userId)).toHaveLength(1);
  });
});

describe("a person's notifications", () => {
  it("are listed page by page, marked as read once, and hidden from everybody else", async () => {
    const [ann, eve] = [world.person(), world.person()];
    await world.receive(...Array.from({ length: 3 }, () => world.about(ann, "order.paid")));
    await eventually(async () => (await shownTo(ann)).length === 3);

    const first = await world.broker.call("notify.list", { limit: 2 }, asPerson(ann));
    const rest = await world.broker.call("notify.list", { limit: 2, cursor: first.nextCursor ?? "" }, asPerson(ann));
    const id = rest.items[0]?.id ?? "";
    const read = await world.broker.call("notify.read", { id }, asPerson(ann));
    const again = await world.broker.call("notify.read", { id }, asPerson(ann));

    expect([first.items.length, rest.items.length, rest.nextCursor]).toEqual([2, 1, null]);
    expect(read.readAt).not.toBeNull();
    expect(again).toEqual(read);
    expect(await shownTo(ann, { unread: true })).toHaveLength(2);
    expect(await shownTo(ann, { unread: false })).toHaveLength(3);
    const foreign = world.broker.call("notify.read", { id }, asPerson(eve));
    const missing = world.broker.call("notify.read", { id: newId() }, asPerson(ann));
    await expect(foreign).rejects.toMatchObject({ code: 404, message: "No such notification." });
    await expect(missing).rejects.toMatchObject({ code: 404, message: "No such notification." });
    await expect(world.broker.call("notify.list", {})).rejects.toMatchObject({ code: 401 });
    await expect(shownTo(ann, { cursor: "x" })).rejects.toMatchObject({ code: 422 });
  });

  it("are resumed from a number, for a stream", async () => {
    const ann = world.person();
    await world.receive(world.about(ann, "order.created"), world.about(ann, "order.paid"));
    await eventually(async () => (await shownTo(ann)).length === 2);
    const since = (after: number | null) =>
      world.broker.call("notify.since", { userId: ann.userId, after, limit: 100 });

    expect(await since(null)).toEqual({ last: 2, items: [] });
    expect(await since(1)).toMatchObject({ last: 2, items: [{ sequence: 2, notification: { readAt: null } }] });
    expect((await since(0)).items.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(await world.broker.call("notify.since", { userId: newId(), after: 5, limit: 1 })).toEqual({
      last: 0,
      items: [],
    });
  });

  it("go with the account, and nothing comes after", async () => {
    const ann = world.person({ name: "Ann Erased" });
    const paid = world.about(ann, "order.paid");
    await world.receive(paid);
    await eventually(async () => (await shownTo(ann)).length === 1);

    await world.receive(world.erased(ann), world.about(ann, "order.shipped"));
    await eventually(async () => (await shownTo(ann)).length === 0);
    await settled();

    expect(await world.broker.call("notify.ofUser", { userId: ann.userId })).toEqual([]);
    expect(await mailTo(ann.email)).toEqual([]);
    const all = await world.broker.call("notify.mailbox", { limit: 100 }, world.as(boss));
    expect(JSON.stringify(all)).not.toContain("Ann Erased");
    const { orderId } = paid.data as { orderId: string };
    expect(await world.broker.call("notify.ofOrder", { orderId })).toMatchObject([{ detail: { channel: "email" } }]);
  });
});

describe("the answers", () => {
  it("fit their contracts", async () => {
    const ann = world.person();
    const paid = world.about(ann, "order.paid");
    await world.receive(paid);
    await eventually(async () => (await shownTo(ann)).length === 1);
    const [{ id } = { id: "" }] = await shownTo(ann);
    const { orderId } = paid.data as { orderId: string };
    const { broker } = world;

    const answers = {
      "notify.list": await broker.call("notify.list", {}, asPerson(ann)),
      "notify.read": await broker.call("notify.read", { id }, asPerson(ann)),
      "notify.mailbox": await broker.call("notify.mailbox", {}, world.as(boss)),
      "notify.since": await broker.call("notify.since", { userId: ann.userId, after: 0, limit: 10 }),
      "notify.ofOrder": await broker.call("notify.ofOrder", { orderId }),
      "notify.ofUser": await broker.call("notify.ofUser", { userId: ann.userId }),
      "notify.sendPasswordReset": await broker.call("notify.sendPasswordReset", {
        contact: ann,
        token: "t",
        minutes: 30,
      }),
    };

    for (const [name, answer] of Object.entries(answers)) {
      expect([name, compileSchema(contracts[name as keyof typeof answers].result)(answer)]).toEqual([name, true]);
    }
  });
});

describe("the mailbox", () => {
  it("keeps a password reset in the person's language, each time it is asked for", async () => {
    const wei = world.person({ locale: "zh", name: "魏" });
    const send = (token: string) => world.broker.call("notify.sendPasswordReset", { contact: wei, token, minutes: 30 });

    await send("tok-1");
    await send("tok-2");

    const mails = await mailTo(wei.email);
    expect(mails).toMatchObject([
      { type: "password.reset", subject: "重置您的密码", orderId: null },
      { type: "password.reset" },
    ]);
    expect(mails[0]?.body).toContain("tok-2");
    expect(await shownTo(wei)).toEqual([]);
  });

  it("is for administrators", async () => {
    const ann = world.person();

    await expect(world.broker.call("notify.mailbox", {}, asPerson(ann))).rejects.toMatchObject({ code: 403 });
  });

  it("marks as sent what it keeps", async () => {
    const ann = world.person();
    const paid = world.about(ann, "order.paid");
    const { orderId } = paid.data as { orderId: string };
    await world.receive(paid);

    const entries = await eventually(async () => {
      const timeline = await world.broker.call("notify.ofOrder", { orderId });
      return timeline.length === 2 && timeline.every(({ type }) => type === "notification.sent") && timeline;
    });

    expect(entries.map(({ by, detail }) => [by, detail.channel, detail.event])).toEqual([
      ["notify", "in_app", "order.paid"],
      ["notify", "email", "order.paid"],
    ]);
  });
});
