import { randomUUID } from "node:crypto";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { delay } from "../../lib/time.ts";
import { maxAttempts } from "../../lib/inbox.ts";
import { consumers, deadQueueOf, queueOf } from "../../lib/topology.ts";
import { restClient, Refused, signInAsAdmin } from "../../scripts/rest-client.ts";
import type { Fault, Site } from "../fault.ts";
import type { World } from "../world.ts";
import { inRabbitMq, publish, storedEvents, tableOf } from "./messages.ts";
import { inDatabase, nothingToHeal, onAllLinks, ordinary, upNodes } from "./support.ts";

/** Orders are taken as ever. */
const limits = { ...ordinary, recoverWithinMs: 4_000, servesWithinMs: 4_000, placedPercent: 99 };
const buriedWithinMs = 20_000;
const mostRedriven = 20;
const oneIn = 8;
const trigger = "chaos_refuses";

export const eventFaults: readonly Fault[] = [
  {
    name: "events poisoned",
    about: "Messages that nobody can read, or that no service knows, come between the others.",
    targets: ["rabbitmq"],
    limits,
    holdMs: [500, 2_000],
    weight: 2,
    async inject({ world }) {
      await inRabbitMq(world, async (channel) => {
        for (const consumer of consumers) {
          for (const body of poison()) {
            const id = `chaos-${randomUUID()}`;
            channel.sendToQueue(queueOf(consumer), Buffer.from(body), { persistent: true, messageId: id });
            world.planted.push({ fault: "events poisoned", kind: "dead-letter", where: deadQueueOf(consumer), id });
          }
        }
      });
      return nothingToHeal;
    },
  },
  {
    name: "events five times",
    about: "The newest events of every service are published again, five times each.",
    targets: ["rabbitmq", "database"],
    limits,
    holdMs: [0, 1_000],
    weight: 2,
    async inject({ world, random, note }) {
      const events = await storedEvents(world, "published", 40);
      note(`${events.length} events`);
      const again = random.shuffled(Array.from({ length: 5 }, () => events).flat());
      await inRabbitMq(world, async (channel) => {
        for (const event of again) publish(channel, event);
      });
      return nothingToHeal;
    },
  },
  {
    name: "events in the wrong order",
    about: "While nodes cannot publish, what waits arrives backwards; afterwards they publish it in order.",
    targets: ["rabbitmq", "database"],
    limits,
    holdMs: [1_000, 3_000],
    weight: 2,
    async inject({ world, note }) {
      const heal = await onAllLinks(world, "amqp", { kind: "refuse" });
      return async () => {
        try {
          const events = await storedEvents(world, "waiting", 200);
          note(`${events.length} events`);
          await inRabbitMq(world, async (channel) => {
            for (const event of events.reverse()) publish(channel, event);
          });
        } finally {
          await heal();
        }
      };
    },
  },
  {
    name: "events slow consumer",
    about: "One consumer cannot store what it is given, and its queue grows; the others go on.",
    targets: ["rabbitmq", "database"],
    limits,
    holdMs: [2_000, 8_000],
    async inject({ world }) {
      const lock = await createConnection({ uri: world.servers.mysql.url, connectTimeout: 5_000 });
      await lock.query(`LOCK TABLES ${tableOf(world, "notify", "inbox")} WRITE`);
      return async () => {
        await lock.query("UNLOCK TABLES");
        lock.destroy();
      };
    },
  },
  {
    name: "events redriven twice",
    about:
      "Some people cannot be told anything until the events are dead letters; each of these is redriven twice at once.",
    targets: ["rabbitmq", "database", "nodes"],
    limits,
    holdMs: [2_000, 4_000],
    async inject(site) {
      const { world } = site;
      const table = tableOf(world, "notify", "notifications");
      const name = table.replace("`.`notifications`", `\`.\`${trigger}\``);
      await inDatabase(world, (connection) =>
        connection.query(
          // one in so many people, so that what is tried again and again leaves the others their turns
          `CREATE TRIGGER ${name} BEFORE INSERT ON ${table} FOR EACH ROW IF CRC32(NEW.user_id) % ${oneIn} = 0 THEN
           SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'chaos'; END IF`,
        ),
      );
      return async () => {
        try {
          await bury(site);
        } finally {
          await inDatabase(world, (connection) => connection.query(`DROP TRIGGER ${name}`));
        }
        await redriveAll(site);
      };
    },
  },
];

const poison = (): string[] => {
  const envelope = {
    specversion: "1.0",
    id: randomUUID(),
    source: "/chaos",
    subject: randomUUID(),
    time: new Date().toISOString(),
    sequence: 1,
  };
  return [
    "{not json",
    "null",
    JSON.stringify({ ...envelope, type: "order.stolen", data: {} }),
    JSON.stringify({ ...envelope, type: "order.paid", data: { orderId: 7 } }),
    JSON.stringify({ ...envelope, type: "order.paid", sequence: -1, data: {} }),
  ];
};

/** Has events that fail reach their last try now, and waits until they are given up. */
async function bury({ world, note, signal }: Site): Promise<void> {
  const inbox = tableOf(world, "notify", "inbox");
  await inDatabase(world, async (connection) => {
    const [failing] = await connection.query<RowDataPacket[]>(
      `SELECT event_id FROM ${inbox} WHERE status = 'WAITING' AND attempts > 0 ORDER BY event_id LIMIT ${mostRedriven}`,
    );
    // one row a statement: several at once would deadlock with the consumers
    for (const { event_id } of failing) {
      await connection.query(`UPDATE ${inbox} SET attempts = ?, due_at = ? WHERE event_id = ? AND status = 'WAITING'`, [
        maxAttempts - 1,
        Date.now(),
        event_id,
      ]);
    }
  });
  const deadline = Date.now() + buriedWithinMs;
  for (;;) {
    const [waiting, dead] = await counts(world);
    if (waiting === 0 || signal.aborted) return note(`${dead} dead letters`);
    if (Date.now() > deadline) throw new Error(`${waiting} events were not given up within ${buriedWithinMs} ms`);
    await delay(100, signal);
  }
}

/** How many events are before their last try, and how many were given up. */
const counts = (world: World): Promise<[number, number]> =>
  inDatabase(world, async (connection) => {
    const [[row]] = await connection.query<RowDataPacket[]>(
      `SELECT COALESCE(SUM(status = 'WAITING' AND attempts = ?), 0) AS waiting, COALESCE(SUM(status = 'DEAD'), 0) AS dead
       FROM ${tableOf(world, "notify", "inbox")}`,
      [maxAttempts - 1],
    );
    return [Number(row?.waiting), Number(row?.dead)];
  });

async function redriveAll({ world, random }: Site): Promise<void> {
  const urls = upNodes(world).flatMap(({ url }) => url ?? []);
  const client = restClient(random.pick(urls));
  const token = await signInAsAdmin(client, world.config);
  const { body } = await client.send<{ items: { id: string }[] }>("/ops/dead-letters?limit=100", { token });
  const ids = body.items.map(({ id }) => id);
  const redrive = async (id: string): Promise<boolean> => {
    try {
      const at = restClient(random.pick(urls));
      await at.send(`/ops/dead-letters/${id}/redrive`, { method: "POST", token });
      return true;
    } catch (error) {
      // the other one was first
      if (error instanceof Refused && error.status === 409) return false;
      throw error;
    }
  };
  for (const id of ids) {
    const outcomes = await Promise.all([redrive(id), redrive(id)]);
    if (!outcomes.includes(true)) throw new Error(`dead letter ${id} could not be redriven`);
  }
  await takeOut(world, new Set(ids));
}

/** The copies of dead letters are for people, who take away what they have dealt with. */
const takeOut = (world: World, ids: ReadonlySet<string>): Promise<void> =>
  inRabbitMq(world, async (channel) => {
    const kept = [];
    for (;;) {
      const message = await channel.get(deadQueueOf("notify"));
      if (message === false) break;
      if (ids.has(String(message.properties.messageId))) channel.ack(message);
      else kept.push(message);
    }
    for (const message of kept) channel.nack(message);
  });
