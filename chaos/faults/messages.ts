import amqplib, { type ConfirmChannel } from "amqplib";
import type { RowDataPacket } from "mysql2/promise";
import type { CloudEvent } from "../../contracts/events.ts";
import { sourceOf, toEvent, type StoredEvent } from "../../lib/outbox.ts";
import { exchange } from "../../lib/topology.ts";
import type { World } from "../world.ts";
import { inDatabase } from "./support.ts";

// What faults do with events and their messages, past the nodes.

const withinMs = 5_000;

/** Services whose events leave through an outbox. */
export const senders = ["users", "orders", "payments"] as const;

/** A table of one service, as the database server names it. */
export function tableOf({ config: { store } }: World, service: string, table: string): string {
  if (store.dialect !== "mysql") throw new Error("a world has its tables on a database server");
  return `\`${store.databasePrefix}${service}\`.\`${table}\``;
}

/** The newest events of every service, in the order in which they came true: those that have left it, or those that wait. */
export function storedEvents(world: World, which: "published" | "waiting", limit: number): Promise<CloudEvent[]> {
  return inDatabase(world, async (connection) => {
    const events: CloudEvent[] = [];
    for (const sender of senders) {
      const [rows] = await connection.query<(RowDataPacket & StoredEvent)[]>(
        `SELECT id, type, subject, sequence, data, traceparent, created_at FROM ${tableOf(world, sender, "outbox")}
         WHERE published_at IS ${which === "published" ? "NOT NULL" : "NULL"} ORDER BY id DESC LIMIT ${limit}`,
      );
      events.push(...rows.map((row) => toEvent(row, sourceOf(sender))));
    }
    return events.sort((a, b) => (a.id < b.id ? -1 : 1));
  });
}

/** Work on a channel of our own, past the proxies; what was published is confirmed when it resolves. */
export async function inRabbitMq<T>({ servers }: World, work: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
  const connection = await amqplib.connect(servers.amqp.url, { timeout: withinMs });
  // what breaks the connection breaks the work on it
  connection.on("error", () => undefined);
  try {
    const channel = await connection.createConfirmChannel();
    channel.on("error", () => undefined);
    const done = await work(channel);
    await channel.waitForConfirms();
    return done;
  } finally {
    await connection.close().catch(() => undefined);
  }
}

/** As the relays publish it. */
export const publish = (channel: ConfirmChannel, event: CloudEvent): boolean =>
  channel.publish(exchange, event.type, Buffer.from(JSON.stringify(event)), {
    persistent: true,
    messageId: event.id,
    type: event.type,
  });
