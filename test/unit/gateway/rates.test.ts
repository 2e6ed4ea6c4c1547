import { bucketCount, bucketOf, msOf, percentile } from "../../../lib/latency-buckets.ts";
import { rates } from "../../../services/gateway/rates.ts";
import { liveView } from "../../../services/ops/live-view.ts";

let nowMs = 1_800_000_000_000;
const at = (ms: number): void => void (nowMs = 1_800_000_000_000 + ms);
const now = (): number => nowMs;
const node = (counted: ReturnType<typeof rates>) => ({
  ...counted.read(),
  underWay: 0,
  most: 2_000,
  loopDelayMs: 0,
  openBreakers: [],
});
const view = (...all: ReturnType<typeof rates>[]) =>
  liveView(
    all.map((counted, i) => ({ node: `node-${i}`, rates: node(counted) })),
    nowMs,
  );

beforeEach(() => at(0));

describe("classes of latency", () => {
  it("stand for what is in them to a tenth", () => {
    for (const ms of [0.3, 1, 2.5, 10, 99, 1_000, 20_000]) {
      expect(Math.abs(msOf(bucketOf(ms)) - ms) / ms).toBeLessThan(0.1);
    }
    expect([bucketOf(0), bucketOf(NaN), bucketOf(1e9)]).toEqual([0, 0, bucketCount - 1]);
  });

  it("have the percentile that the values have", () => {
    const counts = new Map<number, number>();
    for (let ms = 1; ms <= 1_000; ms += 1) counts.set(bucketOf(ms), (counts.get(bucketOf(ms)) ?? 0) + 1);

    expect(percentile([...counts], 0.5)).toBeGreaterThan(450);
    expect(percentile([...counts], 0.5)).toBeLessThan(550);
    expect(percentile([...counts], 0.99)).toBeGreaterThan(900);
    expect(percentile([...counts], 0.99)).toBeLessThan(1_100);
    expect(percentile([], 0.5)).toBeNull();
  });
});

describe("what a gateway counts", () => {
  it("is told by second, without the one that is not over, and by whose doing it was", () => {
    const counted = rates(now);
    for (const status of [200, 201, 404, 422, 503, 0]) counted.note("orders.place", status, 10);
    at(1_000);
    counted.note("orders.get", 200, 1);

    expect(view(counted).seconds).toEqual([
      expect.objectContaining({ at: "2027-01-15T08:00:00.000Z", ok: 2, refused: 2, failed: 2 }),
    ]);
    at(2_000);
    expect(view(counted).seconds).toHaveLength(2);
  });

  it("is forgotten after a minute", () => {
    const counted = rates(now);
    counted.note("orders.place", 200, 10);

    at(59_000);
    expect(view(counted)).toMatchObject({ seconds: [{ ok: 1 }], actions: [{ action: "orders.place" }] });
    at(61_000);
    expect(view(counted)).toMatchObject({ seconds: [], actions: [] });
    counted.note("orders.place", 200, 10);
    at(62_000);
    expect(view(counted).seconds).toEqual([expect.objectContaining({ ok: 1 })]);
  });

  it("becomes calls a second of an action, with its shares", () => {
    const counted = rates(now);
    for (let ms = 0; ms < 60_000; ms += 100) {
      at(ms);
      counted.note("orders.place", ms % 1_000 === 0 ? 503 : 201, 20);
    }

    const [place] = view(counted).actions;

    expect(place?.perSecond).toBeCloseTo(10, 0);
    expect(place?.failedShare).toBeCloseTo(0.1, 2);
    expect(place?.p99Ms).toBeGreaterThan(18);
    expect(place?.p99Ms).toBeLessThan(22);
  });

  it("is added up over nodes, and percentiles are those of the sum", () => {
    const [quick, slow] = [rates(now), rates(now)];
    for (let i = 0; i < 90; i += 1) quick.note("orders.get", 200, 1);
    for (let i = 0; i < 10; i += 1) slow.note("orders.get", 200, 500);
    at(1_000);

    const { seconds, actions } = view(quick, slow);

    expect(seconds).toEqual([expect.objectContaining({ ok: 100 })]);
    expect(seconds[0]?.p50Ms).toBeLessThan(2);
    expect(actions[0]?.p99Ms).toBeGreaterThan(400);
  });

  it("names the gateways that did not answer", () => {
    expect(liveView([{ node: "gone", rates: null }], nowMs)).toMatchObject({ silent: ["gone"], gateways: [] });
  });
});
