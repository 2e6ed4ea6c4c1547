import { RateLimiterRes } from "rate-limiter-flexible";
import { changingRateLimiter, memoryRateLimiter, sharedRateLimiter } from "../../../services/gateway/rate-limit.ts";
import type { RedisLink } from "../../../lib/redis.ts";

const refused = { code: "RATE_LIMITED" };

/** Takes as a gateway does: at once where that is possible. */
async function takeMany(limiter: ReturnType<typeof memoryRateLimiter>, times: number, client = "a") {
  const done = { now: 0, asked: 0, refused: 0 };
  for (let n = 0; n < times; n += 1) {
    if (limiter.takeNow(client)) done.now += 1;
    else
      await limiter.take(client).then(
        () => (done.asked += 1),
        () => (done.refused += 1),
      );
  }
  return done;
}

describe("counting at once", () => {
  it("counts nothing of who is not known, or near the limit", async () => {
    const limiter = memoryRateLimiter(4);
    for (let n = 0; n < 10; n += 1) expect(limiter.takeNow("a")).toBe(false);

    for (let n = 0; n < 4; n += 1) await limiter.take("a");

    expect(limiter.takeNow("a")).toBe(false);
    await expect(limiter.take("a")).rejects.toMatchObject(refused);
  });

  it("lets exactly the limit through, whoever counts", async () => {
    const { now, asked, refused: over } = await takeMany(memoryRateLimiter(100), 130);

    expect({ let: now + asked, over }).toEqual({ let: 100, over: 30 });
    expect(now).toBeGreaterThan(40);
  });

  it("keeps clients apart", async () => {
    const limiter = memoryRateLimiter(10);
    await takeMany(limiter, 10, "a");

    expect(await takeMany(limiter, 10, "b")).toMatchObject({ refused: 0 });
  });

  it("forgets those of a minute that is over", async () => {
    jest.useFakeTimers();
    const limiter = memoryRateLimiter(10);
    await takeMany(limiter, 5);
    jest.advanceTimersByTime(61_000);

    const after = await takeMany(limiter, 12);

    jest.useRealTimers();
    expect(after).toMatchObject({ refused: 2 });
  });

  it("begins anew with a limit that was changed", async () => {
    let limit = 100;
    const limiter = changingRateLimiter(() => limit, memoryRateLimiter);
    await limiter.take("a");
    expect(limiter.takeNow("a")).toBe(true);

    limit = 50;

    expect(limiter.takeNow("a")).toBe(false);
  });

  it("goes on by itself while Redis is away", async () => {
    const away = { client: {}, run: () => Promise.reject(new Error("away")) } as unknown as RedisLink;

    const { now, asked, refused: over } = await takeMany(sharedRateLimiter(20, away, "t"), 25);

    expect({ let: now + asked, over }).toEqual({ let: 20, over: 5 });
  });

  it("tells the others at once of a fiftieth of the limit", async () => {
    let told = 0;
    const answer = new RateLimiterRes(199, 60_000, 1, true);
    const redis = { client: {}, run: async () => ((told += 1), answer) } as unknown as RedisLink;
    const limiter = sharedRateLimiter(200, redis, "t");
    await limiter.take("a");

    for (let n = 0; n < 8; n += 1) limiter.takeNow("a");

    expect(told).toBe(3);
  });

  it("asks the others first when their last answer is old", async () => {
    jest.useFakeTimers();
    const limiter = memoryRateLimiter(100);
    await limiter.take("a");
    jest.advanceTimersByTime(400);
    expect(limiter.takeNow("a")).toBe(true);
    jest.advanceTimersByTime(700);

    const old = limiter.takeNow("a");

    jest.useRealTimers();
    expect(old).toBe(false);
  });
});
