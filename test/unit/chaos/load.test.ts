import { arrivals } from "../../../chaos/arrivals.ts";
import { judge } from "../../../chaos/caller.ts";
import { basketOf, catalogueOf } from "../../../chaos/catalogue.ts";
import { seededRandom } from "../../../chaos/random.ts";
import { successesInARow } from "../../../chaos/recovery.ts";
import { timelineOf } from "../../../chaos/timeline.ts";
import { Past } from "./world.ts";

describe("arrivals", () => {
  it("come as often as was asked for, whatever becomes of them, and the same for the same seed", async () => {
    const times = async (): Promise<number[]> => {
      const stop = new AbortController();
      const at: number[] = [];
      let nowMs = 0;
      await arrivals({
        random: seededRandom(7),
        ratePerSecond: () => 100,
        signal: stop.signal,
        // a process that was busy for a second at each look: all who were due meanwhile come
        now: () => (nowMs += 1_000),
        arrive: () => {
          at.push(nowMs);
          if (at.length === 1_000) stop.abort();
        },
      });
      return at;
    };
    const [first, second] = [await times(), await times()];

    expect(first).toEqual(second);
    expect(first).toHaveLength(1_000);
  });
});

describe("baskets", () => {
  it("hold hot products mostly, scarce ones sometimes, and none twice", () => {
    const catalogue = catalogueOf();
    const random = seededRandom(3);
    const baskets = Array.from({ length: 2_000 }, () => basketOf(random, catalogue));
    const lines = baskets.flat();
    const share = (goods: { sku: string }[]): number => {
      const skus = new Set(goods.map(({ sku }) => sku));
      return lines.filter(({ sku }) => skus.has(sku)).length / lines.length;
    };

    for (const basket of baskets) expect(new Set(basket.map(({ sku }) => sku)).size).toBe(basket.length);
    expect(share(catalogue.hot)).toBeGreaterThan(0.3);
    expect(share(catalogue.scarce)).toBeGreaterThan(0.01);
    expect(share(catalogue.scarce)).toBeLessThan(0.1);
  });
});

describe("a client", () => {
  const answer = (status: number, body: unknown = null, headers = {}) =>
    judge({ answered: true, status, headers, body });

  it.each([
    [201, null, "ok"],
    [409, { code: "OUT_OF_STOCK" }, "fail"],
    [402, { code: "PAYMENT_DECLINED" }, "fail"],
    [409, { code: "IDEMPOTENCY_KEY_IN_FLIGHT" }, "again"],
    [429, { code: "RATE_LIMITED" }, "again"],
    [500, { code: "INTERNAL" }, "again"],
    [503, { code: "SERVICE_UNAVAILABLE" }, "again"],
    [200, undefined, "again"],
  ])("takes %s %j as %s", (status, body, is) => {
    expect(judge({ answered: true, status, headers: {}, body }).is).toBe(is);
  });

  it("heeds when to come again, and notices when nothing is said of it", () => {
    expect(answer(503, { code: "X" }, { "retry-after": "2" })).toMatchObject({ retryAfterMs: 2_000, why: "X" });
    expect(answer(503, { code: "X" })).toMatchObject({ retryAfterMs: null, why: "NO_RETRY_AFTER" });
    expect(judge({ answered: false, why: "ECONNRESET" })).toMatchObject({ is: "again", status: null });
  });
});

describe("recovery", () => {
  const never = new AbortController().signal;

  it("is the 20th answer in a row to what was asked for after the fault", async () => {
    const past = new Past();
    const recovered = successesInARow(past.history, { afterMs: past.clock.ms, signal: never, now: past.clock.now });
    for (let i = 0; i < 19; i += 1) past.do("place", { status: 201 });
    past.do("place", { status: 503, why: "X" });
    for (let i = 0; i < 10; i += 1) past.do("place", { status: 201 }, { status: null, why: "ECONNREFUSED" });
    past.do("pay", { status: 503, why: "X" });
    for (let i = 0; i < 10; i += 1) past.do("place", { status: 409, why: "OUT_OF_STOCK" });

    await expect(recovered).resolves.toBe(past.clock.ms);
  });

  it("does not count answers to what was asked for before, and is given up with its signal", async () => {
    const past = new Past();
    const stop = new AbortController();
    const recovered = successesInARow(past.history, { afterMs: past.clock.ms + 1_000_000, signal: stop.signal });
    for (let i = 0; i < 30; i += 1) past.do("place", { status: 201 });
    stop.abort();

    await expect(recovered).resolves.toBeNull();
  });
});

describe("a timeline", () => {
  it("counts by the second in which requests ended", () => {
    const past = new Past();
    const startedAtMs = past.clock.ms;
    past.do("place", { status: 201, tookMs: 900 });
    past.do("place", { status: null, why: "ECONNRESET", tookMs: 200 }, { status: 201, tookMs: 300 });

    expect(timelineOf(past.history, startedAtMs)).toEqual({
      acknowledged: [1, 1],
      failed: [0, 1],
      p99Ms: [900, 300],
    });
  });
});
