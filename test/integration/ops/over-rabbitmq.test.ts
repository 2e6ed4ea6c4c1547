import amqplib, { type Channel, type ChannelModel } from "amqplib";
import type { CloudEvent } from "../../../contracts/events.ts";
import { newId } from "../../../lib/ids.ts";
import { maxAttempts } from "../../../lib/inbox.ts";
import { exchange } from "../../../lib/topology.ts";
import { missingOn } from "../../../scripts/topology/compare.ts";
import type { WithSweeps } from "../../../mixins/sweeper.mixin.ts";
import { startPrivateBacking } from "../../../scripts/backing/index.ts";
import type { BackingServer } from "../../../scripts/backing/process.ts";
import { eventually } from "../../support/wait.ts";
import { startWorld, type World } from "./world.ts";

interface Row {
  event_id: string;
  event: string;
  status: string;
  attempts: number;
}

describe("services over RabbitMQ", () => {
  let server: BackingServer;
  let connection: ChannelModel;
  let channel: Channel;
  let world: World;

  beforeAll(async () => {
    server = (await startPrivateBacking(["amqp"])).amqp;
    world = await startWorld("MySQL", { AMQP_URL: server.url });
    connection = await amqplib.connect(server.url);
    channel = await connection.createChannel();
  });
  afterAll(async () => {
    await connection.close();
    await world.stop();
    await server.stop();
  });

  const send = (event: CloudEvent): boolean =>
    channel.publish(exchange, event.type, Buffer.from(JSON.stringify(event)), { messageId: event.id });
  const rowsOf = (consumer: string, subject: string): Promise<Row[]> =>
    world
      .db(consumer)
      .select<Row>("SELECT event_id, event, status, attempts FROM inbox WHERE subject = ? ORDER BY sequence", [
        subject,
      ]);
  const dead = async (): Promise<number> => (await channel.checkQueue("hub.inventory.dead")).messageCount;
  const redrive = (id: string) => world.node.broker.call("ops.redrive", { id }, world.node.as(world.boss));
  const level = () => world.node.broker.call("inventory.get", { sku: world.sku }, world.node.as(world.boss));
  const publishedOf = async (subject: string): Promise<number> =>
    (
      await world
        .db("orders")
        .select<{ id: string }>("SELECT id FROM outbox WHERE subject = ? AND published_at IS NOT NULL", [subject])
    ).length;
  const told = (orderId: string) => world.node.broker.call("notify.dossier", { orderId });

  /** Says of an order that never was that it is paid: inventory has no stock held for it, and never will. */
  const poison = (): CloudEvent => {
    const orderId = newId();
    const data = { orderId, customerId: newId(), paymentId: newId(), totalCents: 1, currency: "GBP" };
    const time = new Date().toISOString();
    return {
      specversion: "1.0",
      id: newId(),
      source: "/hub/orders",
      type: "order.paid",
      subject: orderId,
      time,
      datacontenttype: "application/json",
      sequence: 2,
      data: { ...data, paidAt: time },
    };
  };
  /** Comes to its last try without waiting for all those before. */
  const dies = async ({ subject }: CloudEvent): Promise<void> => {
    await eventually(async () => Number((await rowsOf("inventory", subject))[0]?.attempts) > 0);
    await eventually(async () => {
      // again and again, as a try that is under way counts from where it began
      await world
        .db("inventory")
        .execute("UPDATE inbox SET attempts = ?, due_at = 0 WHERE subject = ? AND status = 'WAITING'", [
          maxAttempts - 1,
          subject,
        ]);
      return (await rowsOf("inventory", subject))[0]?.status === "DEAD";
    });
  };

  it("holds nobody up with an event that cannot be applied, and keeps it in the end with the error", async () => {
    const event = poison();
    send(event);
    await eventually(async () => Number((await rowsOf("inventory", event.subject))[0]?.attempts) > 0);

    const order = await world.placed();
    await world.pay(order.id, "tok_ok");
    await eventually(async () => (await rowsOf("inventory", order.id))[0]?.status === "APPLIED");
    await dies(event);

    await eventually(async () => (await dead()) === 1);
    const letter = await channel.get("hub.inventory.dead");
    if (letter === false) throw new Error("there is no dead letter");
    channel.nack(letter);
    expect(letter.properties).toMatchObject({ deliveryMode: 2, messageId: event.id });
    expect(String(letter.properties.headers?.["x-reason"])).toContain("without any stock held for it");
  });

  it("takes a dead letter out of RabbitMQ when it is redriven, however often, and no other one", async () => {
    await channel.purgeQueue("hub.inventory.dead");
    const event = poison();
    channel.sendToQueue("hub.inventory.dead", Buffer.from("unreadable"), { persistent: true });
    send(event);
    await dies(event);
    await eventually(async () => (await dead()) === 2);

    const outcomes = await Promise.allSettled([redrive(event.id), redrive(event.id), redrive(event.id)]);

    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await eventually(async () => (await dead()) === 1);
    await dies(event);
    await eventually(async () => (await dead()) === 2);
    expect(await redrive(event.id)).toEqual({ id: event.id, consumers: ["inventory"], status: "WAITING" });
    await eventually(async () => (await dead()) === 1);
    expect(await rowsOf("inventory", event.subject)).toHaveLength(1);
  });

  it("redrives a dead letter that never came to the inbox, because whoever held it died", async () => {
    await channel.purgeQueue("hub.inventory.dead");
    const event = poison();
    channel.sendToQueue("hub.inventory.dead", Buffer.from(JSON.stringify(event)), { messageId: event.id });
    await eventually(async () => (await dead()) === 1);

    expect(await redrive(event.id)).toEqual({ id: event.id, consumers: ["inventory"], status: "WAITING" });

    await eventually(async () => (await dead()) === 0);
    expect(await rowsOf("inventory", event.subject)).toMatchObject([{ event_id: event.id }]);
  });

  it("keeps nothing of an erased person among the dead letters", async () => {
    const { broker } = world.node;
    const email = `zebulon-${newId()}@example.com`;
    const { user } = await broker.call("auth.register", { email, password: "plum tart 77", name: "Zebulon" });
    await eventually(async () => (await rowsOf("notify", user.id))[0]?.status === "APPLIED");
    // as if nobody could be told: the row, and the copy that RabbitMQ has of it
    const [row] = await rowsOf("notify", user.id);
    await world.db("notify").execute("UPDATE inbox SET status = 'DEAD' WHERE event_id = ?", [row?.event_id]);
    channel.sendToQueue("hub.notify.dead", Buffer.from(row?.event ?? ""), { messageId: row?.event_id ?? "" });
    channel.sendToQueue("hub.notify.dead", Buffer.from("unreadable"));
    const letters = async (): Promise<number> => (await channel.checkQueue("hub.notify.dead")).messageCount;
    await eventually(async () => (await letters()) === 2);
    expect(row?.event).toContain(email);

    const zebulon = { id: user.id, roles: user.roles, sessionId: newId() };
    await broker.call("users.eraseMe", {}, world.node.as(zebulon));

    await eventually(async () => (await letters()) === 1);
    const left = await channel.get("hub.notify.dead", { noAck: true });
    expect(left && left.content.toString()).toBe("unreadable");
    const rows = await rowsOf("notify", user.id);
    expect(rows.map(({ status }) => status)).toEqual(["APPLIED", "APPLIED"]);
    expect(JSON.stringify(rows)).not.toContain("zebulon");
    await expect(redrive(row?.event_id ?? "")).rejects.toMatchObject({ type: "NOT_A_DEAD_LETTER" });
  });

  it("applies an event once of which five copies come, also long after it", async () => {
    const { id } = world.orders.paid;
    const [before, toldBefore] = [await level(), await told(id)];
    const rows = await rowsOf("notify", id);
    const copies = rows.map(({ event }) => JSON.parse(event) as CloudEvent);
    // the last first: what was applied does not depend on the order in which copies come
    for (let n = 0; n < 5; n += 1) for (const copy of copies.toReversed()) send(copy);
    const last = poison();
    send(last);

    // it comes behind all the copies
    for (const consumer of ["inventory", "notify"])
      await eventually(async () => (await rowsOf(consumer, last.subject)).length === 1);

    expect(await rowsOf("notify", id)).toEqual(rows);
    expect(await level()).toEqual(before);
    expect((await told(id)).map((one) => one.id)).toEqual(toldBefore.map((one) => one.id));
  });

  it("sends once more what was lost with a queue that somebody deleted, when the doctor is told to mend", async () => {
    const { id } = world.orders.paid;
    const before = await level();
    // so long ago that no node looks for it by itself
    for (const sender of ["orders", "payments"])
      await world.db(sender).execute("UPDATE outbox SET published_at = 1 WHERE subject = ?", [id]);
    await world.db("inventory").execute("DELETE FROM inbox WHERE subject = ?", [id]);
    await world.db("notify").execute("DELETE FROM inbox WHERE subject = ?", [id]);

    const { republished, problems } = await world.node.broker.call("ops.hasten");

    expect(problems).toEqual([]);
    expect(republished).toBeGreaterThan(0);
    for (const consumer of ["inventory", "notify"]) {
      await eventually(async () => {
        const rows = await rowsOf(consumer, id);
        return rows.length > 0 && rows.every(({ status }) => status === "APPLIED");
      });
    }
    expect(await level()).toEqual(before);
    expect((await world.node.broker.call("ops.hasten")).republished).toBe(0);
  });

  it("puts back a binding that somebody deleted, and sends by itself what was lost with it", async () => {
    const { id } = await world.placed();
    // inventory takes the event, and so RabbitMQ returns nothing
    await channel.unbindQueue("hub.notify", exchange, "order.paid");
    await world.pay(id, "tok_ok");
    await eventually(async () => (await rowsOf("inventory", id)).length === 1);
    await eventually(async () => (await publishedOf(id)) === 2);
    const toldPaid = async (orderId: string): Promise<number> =>
      (await told(orderId)).filter(({ type, channel }) => type === "order.paid" && channel === "in_app").length;
    expect(await toldPaid(id)).toBe(0);

    // as if it had left long enough ago
    await world.db("orders").execute("UPDATE outbox SET published_at = published_at - 15000 WHERE subject = ?", [id]);
    await world.db("ops").execute("UPDATE delivery_looks SET due_at = 0, looked_until = 0");
    (world.node.broker.getLocalService("ops") as unknown as WithSweeps).wakeSweep("lost events");

    await eventually(async () => (await toldPaid(id)) === 1);
    const next = await world.placed();
    await world.pay(next.id, "tok_ok");
    await eventually(async () => (await toldPaid(next.id)) === 1);
  });

  it("can be compared with what the server has", async () => {
    expect(await missingOn(server.url)).toEqual([]);

    await channel.deleteQueue("hub.orders.dead");
    await channel.assertQueue("hub.orders.dead", { durable: true, arguments: { "x-queue-type": "classic" } });
    const differences = await missingOn(server.url);
    await channel.deleteQueue("hub.orders.dead");

    expect(differences).toEqual([expect.stringMatching(/^queue hub\.orders\.dead is declared otherwise: .*x-/)]);
    expect(await missingOn(server.url)).toEqual(["queue hub.orders.dead is missing"]);
  });
});
