import amqplib, { type Channel, type ChannelModel } from "amqplib";
import type { CloudEvent, Consumer } from "../../contracts/events.ts";
import { amqpConsumer, amqpPublisher, type AmqpConsumer, type AmqpPublisher } from "../../lib/amqp.ts";
import { newId } from "../../lib/ids.ts";
import { queueDepths } from "../../lib/queue-depths.ts";
import { exchange, queues } from "../../lib/topology.ts";
import { startPrivateBacking } from "../../scripts/backing/index.ts";
import type { PrivateRabbitMq } from "../../scripts/backing/rabbitmq.ts";
import { startProxy } from "../../chaos/proxy.ts";
import { eventually } from "../support/wait.ts";

const log = { info: () => {}, warn: () => {} };

function erased(sequence = 1): CloudEvent {
  return {
    specversion: "1.0",
    id: newId(),
    source: "/hub/users",
    type: "user.erased",
    subject: newId(),
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    sequence,
    data: { userId: newId() },
  };
}

describe("events over RabbitMQ", () => {
  let server: PrivateRabbitMq;
  let connection: ChannelModel;
  let channel: Channel;
  let publisher: AmqpPublisher;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    server = (await startPrivateBacking(["amqp"])).amqp;
    connection = await amqplib.connect(server.url);
    channel = await connection.createChannel();
    publisher = amqpPublisher(server.url, "users", log);
    await eventually(async () => (await publisher.publish([])).error === undefined);
    await eventually(async () => (await publisher.publish([erased()])).published.length === 1);
  });
  beforeEach(async () => {
    for (const { name } of queues) await channel.purgeQueue(name);
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });
  afterAll(async () => {
    await publisher.close();
    await connection.close();
    await server.stop();
  });

  const consume = (receive: (events: CloudEvent[]) => Promise<void>, name: Consumer = "auth"): AmqpConsumer => {
    const consumer = amqpConsumer({ url: server.url, consumer: name, log, receive });
    open.push(consumer);
    return consumer;
  };
  /** On a channel of its own: asking for a queue that is not there ends the channel. */
  const consumersOf = async (queue: string): Promise<number> => {
    const probe = await connection.createChannel();
    probe.on("error", () => {});
    return probe.checkQueue(queue).then(
      async ({ consumerCount }) => {
        await probe.close();
        return consumerCount;
      },
      () => 0,
    );
  };
  const depth = async (queue: string): Promise<number> => (await channel.checkQueue(queue)).messageCount;

  it("keeps a published event for a consumer that is not there yet, persistent and with its envelope", async () => {
    const event = erased();
    expect(await publisher.publish([event])).toEqual({ published: [event.id] });

    const message = await channel.get("hub.auth", { noAck: true });
    if (message === false) throw new Error("the queue is empty");
    expect(message.properties).toMatchObject({ deliveryMode: 2, messageId: event.id, type: "user.erased" });
    expect(JSON.parse(message.content.toString())).toEqual(event);
  });

  it("is counted queue by queue, without anything being taken out", async () => {
    await publisher.publish([erased(), erased()]);
    channel.sendToQueue("hub.notify.dead", Buffer.from("unreadable"));

    const depths = () => queueDepths(server.url);
    await eventually(async () =>
      (await depths()).some(({ name, messages }) => name === "hub.notify.dead" && messages === 1),
    );

    const counted = Object.fromEntries((await depths()).map(({ name, messages }) => [name, messages]));
    expect(counted).toMatchObject({ "hub.auth": 2, "hub.notify": 2, "hub.inventory": 0, "hub.auth.dead": 0 });
    expect(Object.keys(counted)).toEqual(queues.map(({ name }) => name));
  });

  it("hands every event to each of its consumers' queues, in order, and acknowledges what was stored", async () => {
    const events = Array.from({ length: 500 }, () => erased());
    const stored: string[] = [];
    consume(async (batch) => void stored.push(...batch.map(({ id }) => id)));
    expect((await publisher.publish(events)).published).toHaveLength(500);

    await eventually(() => stored.length === 500);
    expect(stored).toEqual(events.map(({ id }) => id));
    await eventually(async () => (await depth("hub.auth")) === 0);
    expect(await depth("hub.orders")).toBe(500);
  });

  it("does not count an event as published that no queue takes, and makes the binding anew for the next try", async () => {
    await channel.unbindQueue("hub.notify", exchange, "order.shipped");
    const event = { ...erased(), type: "order.shipped" } as CloudEvent;
    const outcome = await publisher.publish([event]);

    expect(outcome).toEqual({ published: [], error: "no queue takes events of type order.shipped" });
    expect((await publisher.publish([event])).published).toEqual([event.id]);
  });

  it("goes on with a queue that was deleted: it is declared anew", async () => {
    const stored: string[] = [];
    consume(async (batch) => void stored.push(...batch.map(({ id }) => id)));
    await eventually(async () => (await consumersOf("hub.auth")) === 1);

    await channel.deleteQueue("hub.auth");
    await eventually(async () => (await consumersOf("hub.auth")) === 1, 20_000);
    const event = erased();
    expect((await publisher.publish([event])).published).toEqual([event.id]);

    await eventually(() => stored.includes(event.id));
  });

  it("goes on after the server ended its channel, because somebody deleted the exchange", async () => {
    await channel.deleteExchange(exchange);
    await publisher.publish([erased()]);

    const event = erased();
    await eventually(async () => (await publisher.publish([event])).published.length === 1, 20_000);
    expect(await depth("hub.auth")).toBeGreaterThan(0);
  });

  it("leaves events unpublished while the server takes no messages, and publishes them when it does", async () => {
    await server.control("set_vm_memory_high_watermark", "absolute", "1");
    const event = erased();
    const blocked = await eventually(async () => {
      const outcome = await publisher.publish([event]);
      return outcome.published.length === 0 && outcome;
    }, 30_000);
    await server.control("set_vm_memory_high_watermark", "absolute", "512MB");

    expect(blocked.error).toMatch(/timed? ?out|timeout/i);
    await eventually(async () => (await publisher.publish([event])).published.length === 1, 30_000);
    expect(await depth("hub.auth")).toBeGreaterThan(0);
  }, 90_000);

  it("holds nobody else up while one consumer cannot store", async () => {
    const stored: string[] = [];
    const slow = Promise.withResolvers<void>();
    consume(() => slow.promise, "notify");
    consume(async (batch) => void stored.push(...batch.map(({ id }) => id)));
    const events = Array.from({ length: 300 }, () => erased());
    await publisher.publish(events);

    await eventually(() => stored.length === events.length);
    slow.resolve();
    expect(stored).toEqual(events.map(({ id }) => id));
  });

  it("keeps what cannot be stored, and stores it when it can be", async () => {
    let isDown = true;
    const stored: CloudEvent[] = [];
    consume(async (batch) => {
      if (isDown) throw new Error("the database is away");
      stored.push(...batch);
    });
    await publisher.publish([erased()]);
    await eventually(async () => (await depth("hub.auth")) === 0);
    isDown = false;

    await eventually(() => stored.length === 1);
  });

  it("gives back what a consumer took and did not store before it ended", async () => {
    const first = consume(() => Promise.reject(new Error("away")));
    await publisher.publish([erased()]);
    await eventually(async () => (await depth("hub.auth")) === 0);
    await first.close();

    const stored: CloudEvent[] = [];
    consume(async (batch) => void stored.push(...batch));
    await eventually(() => stored.length === 1);
  });

  it.each([
    ["what is not JSON", "{", /not JSON/],
    ["what has no envelope", JSON.stringify({ hello: 1 }), /specversion is required/],
    ["an unknown type", JSON.stringify({ ...erased(), type: "order.vanished" }), /unknown event type order\.vanished/],
    ["data of another shape", JSON.stringify({ ...erased(), data: { userId: 7 } }), /data: userId/],
  ])("puts %s among the dead letters with the reason, and goes on with the next", async (_what, body, reason) => {
    const stored: CloudEvent[] = [];
    consume(async (batch) => void stored.push(...batch));
    channel.publish(exchange, "user.erased", Buffer.from(body));
    await publisher.publish([erased()]);

    await eventually(() => stored.length === 1);
    const dead = await eventually(() => channel.get("hub.auth.dead", { noAck: true }));
    expect(String(dead.properties.headers?.["x-reason"])).toMatch(reason);
    expect(dead.content.toString()).toBe(body);
  });

  it("outlives a connection that breaks while its channel is set up, and publishes over the next", async () => {
    const warned: string[] = [];
    const proxy = await startProxy(() => [Number(new URL(server.url).port)]);
    await proxy.set({ kind: "lose", side: "replies", of: new RegExp(exchange), share: 1 });
    const url = new URL(server.url);
    url.port = String(proxy.port);
    const unlucky = amqpPublisher(url.href, "users", { ...log, warn: (event) => void warned.push(event) });
    open.push(unlucky, { close: () => proxy.stop() });
    await eventually(() => warned.includes("RabbitMQ refused what is needed"));

    await proxy.set({ kind: "pass" });

    await eventually(async () => (await unlucky.publish([erased()])).published.length === 1);
  });

  it("says so at once when the server cannot be reached, and lets the rows wait", async () => {
    const nowhere = amqpPublisher("amqp://127.0.0.1:1", "users", log);
    open.push(nowhere);
    expect(await nowhere.publish([erased()])).toEqual({
      published: [],
      error: "RabbitMQ cannot be reached",
      away: true,
    });
  });
});
