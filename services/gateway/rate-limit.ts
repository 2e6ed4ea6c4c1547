import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { DomainError } from "../../lib/errors.ts";

/** Counts requests by client. A store that all gateways share fits behind it. */
export interface RateLimiter {
  /** Counts one; rejects with RATE_LIMITED once the client has used up its minute. */
  take(client: string): Promise<void>;
}

export function memoryRateLimiter(perMinute: number): RateLimiter {
  const limiter = new RateLimiterMemory({ points: perMinute, duration: 60 });
  return {
    async take(client) {
      try {
        await limiter.consume(client);
      } catch (answer) {
        if (!(answer instanceof RateLimiterRes)) throw answer;
        throw new DomainError("too_many", "RATE_LIMITED", `More than ${perMinute} requests in a minute.`, {
          retryAfterSeconds: answer.msBeforeNext / 1000,
        });
      }
    },
  };
}
