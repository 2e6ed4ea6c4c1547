import { connect as connectAmqp } from "amqplib";
import { Redis } from "ioredis";
import { connect as connectNats } from "nats";
import { openDatabase } from "../lib/database.ts";
import type { World } from "./world.ts";

/** What the servers say they are. */
export function serversOf({ config, servers }: Pick<World, "config" | "servers">): Promise<string[]> {
  return Promise.all([
    databaseOf(config),
    redisOf(servers.redis.url),
    rabbitOf(servers.amqp.url),
    natsOf(servers.nats.url),
  ]);
}

async function databaseOf({ store }: World["config"]): Promise<string> {
  const db = await openDatabase(store, "orders");
  try {
    const [row] = await db.select<{ version: string }>("SELECT VERSION() AS version");
    const version = row?.version ?? "?";
    return version.includes("MariaDB") ? `MariaDB ${version.split("-")[0]}` : `MySQL ${version}`;
  } finally {
    await db.close();
  }
}

async function redisOf(url: string): Promise<string> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  try {
    return `Redis ${/redis_version:(\S+)/.exec(await redis.info("server"))?.[1] ?? "?"}`;
  } finally {
    redis.disconnect();
  }
}

async function rabbitOf(url: string): Promise<string> {
  const model = await connectAmqp(url);
  try {
    const { version } = model.connection.serverProperties as { version?: string };
    return `RabbitMQ ${version ?? "?"}`;
  } finally {
    await model.close();
  }
}

async function natsOf(url: string): Promise<string> {
  const connection = await connectNats({ servers: url });
  try {
    return `NATS ${connection.info?.version ?? "?"}`;
  } finally {
    await connection.close();
  }
}
