import {
  arrivals,
  highestHeld,
  knee,
  latencyRecorder,
  median,
  seededRandom,
  slope,
  type CurvePoint,
} from "../../../bench/statistics.ts";

const point = (offered: number, p99Ms: number, perSecond = offered, errors = 0): CurvePoint => ({
  offered,
  came: offered,
  perSecond,
  p50Ms: p99Ms / 2,
  p99Ms,
  errors,
});

describe("latencies", () => {
  it("gives percentiles to three significant figures", () => {
    const recorder = latencyRecorder();
    for (let ms = 1; ms <= 1_000; ms += 1) recorder.record(ms);
    const { p50Ms, p95Ms, p99Ms, p999Ms, maxMs } = recorder.latency();
    expect(recorder.count).toBe(1_000);
    for (const [found, exact] of [
      [p50Ms, 500],
      [p99Ms, 990],
      [p95Ms, 950],
      [p999Ms, 999],
      [maxMs, 1_000],
    ] as const) {
      expect(Math.abs(found - exact) / exact).toBeLessThan(0.001);
    }
  });

  it("tells microseconds apart", () => {
    const recorder = latencyRecorder();
    for (const ms of [0.05, 0.05, 0.05, 7]) recorder.record(ms);
    expect(recorder.latency()).toMatchObject({ p50Ms: 0.05, maxMs: expect.closeTo(7, 2) as number });
  });

  it("is zero where nothing was recorded, and takes what a clock that stands still gives", () => {
    const recorder = latencyRecorder();
    expect(recorder.latency()).toEqual({ p50Ms: 0, p95Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0 });
    recorder.record(0);
    expect(recorder.latency().p50Ms).toBe(0.001);
  });
});

describe("the schedule of an open load", () => {
  const gaps = (perSecond: number, count: number): number[] => {
    const schedule = arrivals(perSecond, seededRandom(7));
    const times = Array.from({ length: count }, () => schedule.next().value);
    return times.map((atMs, i) => atMs - (times[i - 1] ?? 0));
  };

  it("has the rate that was asked for", () => {
    const all = gaps(200, 20_000);
    const mean = all.reduce((sum, gap) => sum + gap, 0) / all.length;
    expect(mean).toBeGreaterThan(4.9);
    expect(mean).toBeLessThan(5.1);
  });

  it("has the gaps of independent arrivals: as much deviation as mean, and no memory", () => {
    const all = gaps(1_000, 20_000);
    const variance = all.reduce((sum, gap) => sum + (gap - 1) ** 2, 0) / all.length;
    expect(variance).toBeGreaterThan(0.93);
    expect(variance).toBeLessThan(1.07);
    // of an exponential distribution 1/e are longer than the mean
    expect(all.filter((gap) => gap > 1).length / all.length).toBeCloseTo(Math.exp(-1), 1);
    const after = all.filter((_, i) => (all[i - 1] ?? 0) > 1);
    expect(after.reduce((sum, gap) => sum + gap, 0) / after.length).toBeCloseTo(1, 1);
  });

  it("is the same for the same seed", () => {
    expect(gaps(50, 100)).toEqual(gaps(50, 100));
  });
});

describe("the knee of a curve", () => {
  it("is where latency begins to grow faster than load", () => {
    const curve = [point(100, 10), point(200, 11), point(300, 13), point(400, 20), point(500, 100), point(600, 400)];
    expect(knee(curve)?.offered).toBe(400);
  });

  it("is found in points of any order, and leaves out what comes after the first that did not hold", () => {
    const curve = [point(400, 300, 300), point(100, 10), point(300, 20), point(200, 11), point(800, 9_000, 300)];
    expect(knee(curve)?.offered).toBe(300);
  });

  it("is none where nothing bends", () => {
    expect(knee([point(100, 10), point(200, 20), point(300, 30)])).toBeNull();
    expect(knee([point(100, 10), point(200, 20)])).toBeNull();
    expect(knee([point(100, 10), point(200, 10), point(300, 10)])).toBeNull();
  });
});

describe("the highest rate that was held", () => {
  it("is the last before the first that fell behind", () => {
    expect(highestHeld([point(100, 1), point(200, 1), point(300, 1, 250), point(400, 1)])?.offered).toBe(200);
  });

  it("counts a rate with errors as not held", () => {
    expect(highestHeld([point(100, 1), point(200, 1, 200, 1)])?.offered).toBe(100);
    expect(highestHeld([point(100, 1, 100, 3)])).toBeNull();
  });
});

describe("the median", () => {
  it("is the middle, or between the two in the middle", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});

describe("the slope of values", () => {
  it.each([
    [[5, 7, 9, 11], 2],
    [[3, 3, 3], 0],
    [[1, 3, 1, 3, 1], 0],
    [[7], 0],
  ])("of %j is %d", (values, expected) => {
    expect(slope(values)).toBeCloseTo(expected, 10);
  });
});
