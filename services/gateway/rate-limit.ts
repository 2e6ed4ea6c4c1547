import { LRUCache } from "lru-cache";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { DomainError } from "../../lib/errors.ts";
import type { RedisLink } from "../../lib/redis.ts";

/** Counts requests by client. */
export interface RateLimiter {
  /** Counts one; rejects with RATE_LIMITED once the client has used up its minute. */
  take(client: string): Promise<void>;
  /** Counts one of a client that is far from its limit, and says so; counts nothing for others. */
  takeNow(client: string): boolean;
}

const duration = 60;

/** Counts what this process saw. */
export function memoryRateLimiter(perMinute: number): RateLimiter {
  const own = new RateLimiterMemory({ points: perMinute, duration });
  return aheadOf(perMinute, (client, points) => count(own, client, points));
}

/** A limiter for the limit of now. What this process counted by itself is counted anew after a change. */
export function changingRateLimiter(perMinute: () => number, make: (perMinute: number) => RateLimiter): RateLimiter {
  let limit = perMinute();
  let limiter = make(limit);
  const current = (): RateLimiter => {
    if (perMinute() !== limit) {
      limit = perMinute();
      limiter = make(limit);
    }
    return limiter;
  };
  return {
    take: (client) => current().take(client),
    takeNow: (client) => current().takeNow(client),
  };
}

/**
 * Counts what all gateways saw, and goes on counting when one starts anew. While Redis fails each gateway counts for
 * itself; the limiter's own insurance would wait for a Redis that hangs at every request.
 */
export function sharedRateLimiter(perMinute: number, redis: RedisLink, namespace: string): RateLimiter {
  const keyPrefix = `${namespace}:limit`;
  const shared = new RateLimiterRedis({ storeClient: redis.client, keyPrefix, points: perMinute, duration });
  const own = new RateLimiterMemory({ points: perMinute, duration });
  return aheadOf(perMinute, (client, points) =>
    redis.run(() => count(shared, client, points)).catch(() => count(own, client, points)),
  );
}

/** How often a gateway tells the others of clients that are far from their limit, and of what share of it at the latest. */
const tellEveryMs = 400;
const mostUntold = 0.02;
/** For so long after that what the others said is believed without asking them first. */
const believedMs = 200;
/** From this share of the limit on every request is counted with the others'. */
const nearLimit = 0.5;
const maxClients = 10_000;

/** A client as a gateway knows it. */
interface Known {
  /** What all gateways had counted, and until when it counts. */
  consumed: number;
  endsAtMs: number;
  tellAtMs: number;
  /** Requests since then of which the others do not know, and those that they are being told of. */
  untold: number;
  beingTold: number;
}

type Count = (client: string, points: number) => Promise<RateLimiterRes>;

/**
 * Clients far from their limit are counted here and told of together: asking Redis at every request would cost a tenth of
 * it, and waiting for memory alone several times what an answer from memory takes.
 */
function aheadOf(perMinute: number, count: Count): RateLimiter {
  const known = new LRUCache<string, Known>({ max: maxClients });

  const isFar = ({ consumed, untold, beingTold, endsAtMs, tellAtMs }: Known, nowMs: number): boolean =>
    nowMs < endsAtMs && nowMs < tellAtMs + believedMs && consumed + untold + beingTold < perMinute * nearLimit;

  const tell = async (client: string, of: Known, points: number, nowMs: number): Promise<RateLimiterRes> => {
    of.untold = 0;
    of.beingTold += points;
    of.tellAtMs = nowMs + tellEveryMs;
    try {
      const answer = await count(client, points);
      of.consumed = answer.consumedPoints;
      of.endsAtMs = nowMs + answer.msBeforeNext;
      return answer;
    } finally {
      of.beingTold -= points;
    }
  };
  const takeNow = (client: string): boolean => {
    const of = known.get(client);
    const nowMs = Date.now();
    if (!of || !isFar(of, nowMs)) return false;
    of.untold += 1;
    // who comes from now on is not made to wait for it either
    if (nowMs >= of.tellAtMs || of.untold >= perMinute * mostUntold)
      tell(client, of, of.untold, nowMs).catch(() => undefined);
    return true;
  };

  return {
    takeNow,
    async take(client) {
      if (takeNow(client)) return;
      const nowMs = Date.now();
      const of = known.get(client) ?? { consumed: Infinity, endsAtMs: 0, tellAtMs: 0, untold: 0, beingTold: 0 };
      known.set(client, of);
      // those of a minute that is over count no more
      const untold = nowMs < of.endsAtMs ? of.untold : 0;
      judge(await tell(client, of, untold + 1, nowMs), perMinute);
    },
  };
}

/** The library rejects with its answer once there were too many. */
async function count(
  limiter: RateLimiterMemory | RateLimiterRedis,
  client: string,
  points: number,
): Promise<RateLimiterRes> {
  try {
    return await limiter.consume(client, points);
  } catch (answer) {
    if (answer instanceof RateLimiterRes) return answer;
    throw answer;
  }
}

function judge({ consumedPoints, msBeforeNext }: RateLimiterRes, perMinute: number): void {
  if (consumedPoints <= perMinute) return;
  throw new DomainError("too_many", "RATE_LIMITED", `More than ${perMinute} requests in a minute.`, {
    retryAfterSeconds: msBeforeNext / 1000,
  });
}
