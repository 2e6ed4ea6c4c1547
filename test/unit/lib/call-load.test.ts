import { bucketMs, bucketOf, callLoad, percentileMs, ratesBetween } from "../../../lib/call-load.ts";
import { DomainError } from "../../../lib/errors.ts";

type Handler = (ctx: object) => Promise<unknown>;

describe("the load of a node", () => {
  let nowMs: number;
  let load: ReturnType<typeof callLoad>;
  let takes: (ms: number, failure?: Error) => Promise<unknown>;

  beforeEach(() => {
    nowMs = 1_000;
    load = callLoad(() => nowMs);
    const { localAction } = load.middleware as unknown as {
      localAction: (next: Handler, action: { name: string }) => Handler;
    };
    let result: { ms: number; failure: Error | undefined };
    const run = localAction(
      async () => {
        nowMs += result.ms;
        if (result.failure) throw result.failure;
      },
      { name: "orders.place" },
    );
    takes = (ms, failure) => {
      result = { ms, failure };
      return run({}).catch(() => undefined);
    };
  });

  it("is not counted while nobody asks", async () => {
    await takes(5);
    expect(load.read().actions).toEqual({});

    await takes(5);
    nowMs += 60_000;
    await takes(5);

    expect(load.read().actions).toEqual({});
  });

  it("tells between two looks how often each action ran and failed, over all nodes", async () => {
    const before = new Map([
      ["a", load.read()],
      ["b", load.read()],
    ]);
    for (let i = 0; i < 98; i += 1) await takes(1);
    await takes(100, new Error("broken"));
    await takes(100, new DomainError("conflict", "OUT_OF_STOCK", "None left."));
    nowMs = 2_000;
    const after = load.read();

    const [rate, ...others] = ratesBetween(
      before,
      new Map([
        ["a", after],
        ["b", after],
        ["new", after],
      ]),
    );

    expect(others).toEqual([]);
    expect(rate).toMatchObject({ action: "orders.place", callsPerSecond: 200, failedPerSecond: 2 });
    expect(rate?.p50Ms).toBeGreaterThanOrEqual(1);
    expect(rate?.p50Ms).toBeLessThan(1.1);
    expect(rate?.p99Ms).toBeGreaterThanOrEqual(100);
    expect(rate?.p99Ms).toBeLessThan(110);
  });

  it("shows a percentile at most 9 % too high, whatever the time", () => {
    for (let ms = 0.02; ms < 600_000; ms *= 1.37) {
      const most = bucketMs(bucketOf(ms));
      expect(most).toBeGreaterThanOrEqual(ms);
      expect(most / ms).toBeLessThan(1.0906);
    }
    expect(percentileMs([], 0.99)).toBeNull();
  });
});
