import { LRUCache } from "lru-cache";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { DomainError } from "../../lib/errors.ts";
import type { RedisLink } from "../../lib/redis.ts";

/** Counts requests by client. */
export interface RateLimiter {
  /** Counts one; rejects with RATE_LIMITED once the client has used up its minute. */
  take(client: string): Promise<void>;
}

const duration = 60;

/** Counts what this process saw. */
export function memoryRateLimiter(perMinute: number): RateLimiter {
  const own = new RateLimiterMemory({ points: perMinute, duration });
  return { take: async (client) => judge(await count(own, client), perMinute) };
}

/** A limiter for the limit of now. What this process counted by itself is counted anew after a change. */
export function changingRateLimiter(perMinute: () => number, make: (perMinute: number) => RateLimiter): RateLimiter {
  let limit = perMinute();
  let limiter = make(limit);
  return {
    take(client) {
      if (perMinute() !== limit) {
        limit = perMinute();
        limiter = make(limit);
      }
      return limiter.take(client);
    },
  };
}

/** How often a gateway tells the others of clients that are far from their limit. */
const tellEveryMs = 100;
/** From this share of the limit on every request is counted with the others'. */
const nearLimit = 0.5;
const maxClients = 10_000;

interface Known {
  /** What all gateways had counted, and until when it counts. */
  answer: RateLimiterRes;
  endsAtMs: number;
  tellAtMs: number;
  /** Requests since then of which the others do not know. */
  untold: number;
}

/**
 * Counts what all gateways saw, and goes on counting when one starts anew. Clients far from their limit are counted here,
 * and told of together: asking Redis at every request would cost a tenth of it. While Redis fails each gateway counts for
 * itself; the limiter's own insurance would wait for a Redis that hangs at every request.
 */
export function sharedRateLimiter(perMinute: number, redis: RedisLink, namespace: string): RateLimiter {
  const keyPrefix = `${namespace}:limit`;
  const shared = new RateLimiterRedis({ storeClient: redis.client, keyPrefix, points: perMinute, duration });
  const own = new RateLimiterMemory({ points: perMinute, duration });
  const known = new LRUCache<string, Known>({ max: maxClients });

  const isFar = ({ answer, untold, endsAtMs, tellAtMs }: Known, nowMs: number): boolean =>
    nowMs < Math.min(tellAtMs, endsAtMs) && answer.consumedPoints + untold < perMinute * nearLimit;

  return {
    async take(client) {
      const nowMs = Date.now();
      const last = known.get(client);
      if (last && isFar(last, nowMs)) {
        last.untold += 1;
        return;
      }
      const points = 1 + (last?.untold ?? 0);
      if (last) {
        last.untold = 0;
        // one tells, and the others go on meanwhile
        last.tellAtMs = nowMs + tellEveryMs;
      }
      const answer = await redis
        .run(() => count(shared, client, points))
        .then((all) => {
          known.set(client, {
            answer: all,
            endsAtMs: nowMs + all.msBeforeNext,
            tellAtMs: nowMs + tellEveryMs,
            untold: known.get(client)?.untold ?? 0,
          });
          return all;
        })
        .catch(() => count(own, client, points));
      judge(answer, perMinute);
    },
  };
}

/** The library rejects with its answer once there were too many. */
async function count(
  limiter: RateLimiterMemory | RateLimiterRedis,
  client: string,
  points = 1,
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
