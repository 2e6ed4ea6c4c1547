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

/**
 * Counts what all gateways saw, and goes on counting when one starts anew. While Redis fails each counts for itself; the
 * limiter's own insurance would wait for a Redis that hangs at every request.
 */
export function sharedRateLimiter(perMinute: number, redis: RedisLink, namespace: string): RateLimiter {
  const keyPrefix = `${namespace}:limit`;
  const shared = new RateLimiterRedis({ storeClient: redis.client, keyPrefix, points: perMinute, duration });
  const own = new RateLimiterMemory({ points: perMinute, duration });
  return {
    async take(client) {
      const answer = await redis.run(() => count(shared, client)).catch(() => count(own, client));
      judge(answer, perMinute);
    },
  };
}

/** The library rejects with its answer once there were too many. */
async function count(limiter: RateLimiterMemory | RateLimiterRedis, client: string): Promise<RateLimiterRes> {
  try {
    return await limiter.consume(client);
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
