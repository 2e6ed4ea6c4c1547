import { Redis } from "ioredis";
import { kinds, startBacking, startPrivateBacking, type Server } from "../../../scripts/backing/index.ts";

async function withRedis<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { maxRetriesPerRequest: 1 });
  return work(client).finally(() => client.disconnect());
}

describe.each<Server>(["redis", "nats"])("a private %s server", (which) => {
  const { ping } = kinds[which];

  it("answers, is gone when it was killed, answers again at the same place, and leaves nothing", async () => {
    const backing = await startPrivateBacking([which]);
    const { url, kill, restart } = backing[which];
    const before = backing[which].pid;
    await ping(url);
    await kill();
    await expect(ping(url)).rejects.toThrow();
    await restart();
    await ping(url);
    expect(backing[which].pid).not.toBe(before);
    expect(before).toBeGreaterThan(0);

    await backing.stop();
    await expect(ping(url)).rejects.toThrow();
    expect(() => process.kill(backing[which].pid, 0)).toThrow("ESRCH");
  });
});

describe("servers to work with", () => {
  const named = process.env.REDIS_URL;
  afterEach(() => {
    if (named === undefined) delete process.env.REDIS_URL;
    else process.env.REDIS_URL = named;
  });

  it("are those that the environment names, which a stop leaves alone", async () => {
    const { redis, ...backing } = await startPrivateBacking(["redis"]);
    process.env.REDIS_URL = redis.url;

    const found = await startBacking(["redis"]);
    await found.stop();

    expect(found.redis.url).toBe(redis.url);
    await kinds.redis.ping(redis.url);
    await backing.stop();
  });

  it("are private ones where nothing answers at what the environment names", async () => {
    process.env.REDIS_URL = "redis://127.0.0.1:1";
    const { redis, ...backing } = await startBacking(["redis"]);

    await kinds.redis.ping(redis.url);
    expect(redis.url).not.toBe(process.env.REDIS_URL);
    await backing.stop();
  });

  it("keep what they acknowledged when they are killed, and stand still while paused", async () => {
    const { redis, ...backing } = await startPrivateBacking(["redis"]);
    await withRedis(redis.url, (client) => client.set("key", "value"));
    await redis.pause();
    let answered = false;
    const asked = withRedis(redis.url, (client) => client.get("key")).then((value) => {
      answered = true;
      return value;
    });
    expect(answered).toBe(false);
    await redis.resume();
    expect(await asked).toBe("value");
    await backing.stop();
  });
});
