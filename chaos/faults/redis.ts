import { Redis } from "ioredis";
import type { Fault } from "../fault.ts";
import type { World } from "../world.ts";
import { killed, nothingToHeal, onAllLinks, ordinary, paused } from "./support.ts";

/** Nothing is correct because of Redis, and nobody waits for it. */
const limits = { ...ordinary, recoverWithinMs: 4_000, servesWithinMs: 4_000, placedPercent: 99 };
const redis = ({ servers }: World): World["servers"]["redis"] => servers.redis;
const poisonEach = 500;

export const redisFaults: readonly Fault[] = [
  {
    name: "redis killed",
    about: "Redis ends by SIGKILL, and is started again.",
    targets: ["redis"],
    limits,
    holdMs: [500, 5_000],
    weight: 2,
    inject: killed(redis),
  },
  {
    name: "redis paused",
    about: "Redis stands still: connections stay open, and nobody answers.",
    targets: ["redis"],
    limits,
    holdMs: [2_000, 12_000],
    inject: paused(redis),
  },
  {
    name: "redis full",
    about: "Redis has no memory left, and evicts nothing: every write is refused.",
    targets: ["redis"],
    limits,
    holdMs: [1_000, 6_000],
    async inject({ world }) {
      await inRedis(world, (client) => client.config("SET", "maxmemory-policy", "noeviction", "maxmemory", "1"));
      return async () => {
        await inRedis(world, (client) => client.config("SET", "maxmemory", "0"));
      };
    },
  },
  {
    name: "redis poisoned",
    about: "Every entry is overwritten: with what is no JSON, with other types, with answers to other questions.",
    targets: ["redis"],
    limits,
    holdMs: [500, 3_000],
    async inject({ world, random, note }) {
      const poisoned = await inRedis(world, async (client) => {
        const keys: string[] = [];
        for await (const found of client.scanStream({ count: poisonEach })) keys.push(...(found as string[]));
        for (const key of keys) await poison(client, key, random.int(0, 3));
        return keys.length;
      });
      note(`${poisoned} entries`);
      return nothingToHeal;
    },
  },
  {
    name: "redis emptied",
    about: "Everything that Redis knew is gone.",
    targets: ["redis"],
    limits,
    holdMs: [0, 500],
    async inject({ world }) {
      await inRedis(world, (client) => client.flushall());
      return nothingToHeal;
    },
  },
  {
    name: "redis slow",
    about: "The way to Redis and back takes longer than a command may.",
    targets: ["redis"],
    limits,
    holdMs: [1_000, 6_000],
    inject: ({ world }) => onAllLinks(world, "redis", { kind: "latency", ms: 150 }),
  },
  {
    name: "redis cut off",
    about: "What is sent to Redis and back waits; then all of it arrives.",
    targets: ["redis"],
    limits,
    holdMs: [1_000, 6_000],
    inject: ({ world }) => onAllLinks(world, "redis", { kind: "hold", sides: ["requests", "replies"] }),
  },
];

async function poison(client: Redis, key: string, how: number): Promise<void> {
  if (how === 0) return void (await client.set(key, "{not json", "KEEPTTL"));
  if (how === 1) return void (await client.multi().del(key).lpush(key, "a", "list").expire(key, 60).exec());
  const was = (await client.type(key)) === "string" ? ((await client.get(key)) ?? "") : "";
  // with the stamp that makes it count
  const [stamp = ""] = was.split(" ", 1);
  if (how === 2) return void (await client.set(key, `${stamp} {"items":"all of them","priceCents":-1}`, "KEEPTTL"));
  await client.set(key, `${stamp} null`, "KEEPTTL");
}

async function inRedis<T>({ servers }: World, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(servers.redis.url, { lazyConnect: true, connectTimeout: 5_000, commandTimeout: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    client.disconnect();
  }
}
