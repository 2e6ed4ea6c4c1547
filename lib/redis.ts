import type * as IoRedis from "ioredis";
import { messageOf } from "./errors.ts";
import { load } from "./load.ts";

/** How long a command may take: whoever asks has a way without Redis, and must not wait for it. */
const commandTimeout = 200;
const connectTimeout = 1_000;
const maxRetryMs = 2_000;

/** While Redis fails, one command in this time finds out whether it is back; the others are not sent. */
const restMs = 1_000;
const complainEveryMs = 60_000;

/** A node's one connection to Redis, which nothing may be correct because of. */
export interface RedisLink {
  readonly client: IoRedis.Redis;
  /** Resolves when Redis answers, or has not within a little more than a second; goes on trying then. Never rejects. */
  start(): Promise<void>;
  /** Rejects when Redis fails, at once while it is known to. */
  run<T>(work: (client: IoRedis.Redis) => Promise<T>): Promise<T>;
  /** Called at each connection, the first included. */
  onReady(listener: () => void): void;
  stop(): void;
}

interface Logger {
  info(what: string): void;
  warn(what: string, fields: object): void;
}

export function redisLink(url: string, logger: Logger): RedisLink {
  const ioredis = load("ioredis") as typeof IoRedis;
  // any in its declarations
  const ReplyError = ioredis.ReplyError as ErrorConstructor;
  const client = new ioredis.Redis(url, {
    lazyConnect: true,
    commandTimeout,
    connectTimeout,
    maxRetriesPerRequest: 1,
    // a command for a server that is away is refused, not kept for later: nobody waits for it then
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    disconnectTimeout: commandTimeout,
    retryStrategy: (attempt) => Math.min(attempt * 100, maxRetryMs),
  });
  let failing = false;
  let stopped = false;
  let restUntilMs = 0;
  let complainedMs = -Infinity;

  const fail = (error: unknown): void => {
    restUntilMs = Date.now() + restMs;
    if (failing || stopped) return;
    failing = true;
    logger.warn("redis does not answer: going on without it", { error: reasonOf(error) });
  };
  const recover = (): void => {
    if (!failing) return;
    failing = false;
    restUntilMs = 0;
    logger.info("redis answers again");
  };
  /** It answers, but refuses: it is full, or somebody else wrote where we do. */
  const complain = (error: unknown): void => {
    if (Date.now() - complainedMs < complainEveryMs) return;
    complainedMs = Date.now();
    logger.warn("redis refuses a command", { error: reasonOf(error) });
  };
  client.on("error", fail);
  client.on("close", () => fail(new Error("the connection was closed")));
  client.on("ready", recover);

  return {
    client,
    async start() {
      await client.connect().catch(fail);
    },
    async run(work) {
      if (client.status !== "ready") throw new Error("there is no connection to redis");
      if (Date.now() < restUntilMs) throw new Error("redis did not answer a moment ago");
      const isProbe = failing;
      if (isProbe) restUntilMs = Date.now() + restMs;
      try {
        const answer = await work(client);
        recover();
        return answer;
      } catch (error) {
        if (error instanceof ReplyError) {
          recover();
          complain(error);
        } else {
          fail(error);
          // the server may be gone without a word, and a connection to it would seem to live for many minutes
          if (isProbe && client.status === "ready") client.disconnect(true);
        }
        throw error;
      }
    },
    onReady: (listener) => void client.on("ready", listener),
    stop() {
      stopped = true;
      // not QUIT, which waits for an answer
      client.disconnect();
    },
  };
}

/** Where a host name has several addresses, the error's message is empty. */
const reasonOf = (error: unknown): string => messageOf(error) || String((error as { code?: unknown }).code);
