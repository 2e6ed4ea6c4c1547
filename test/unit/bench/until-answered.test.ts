import type { Latency } from "../../../bench/statistics.ts";
import { untilAnswered } from "../../../bench/studies/big-data.ts";

const latency = (ms: number): Latency => ({ p50Ms: ms, p95Ms: ms, p99Ms: ms, p999Ms: ms, maxMs: ms });

describe("a route over large data", () => {
  it("is asked for longer when it was not answered once", async () => {
    const times: number[] = [];

    const found = await untilAnswered("GET /export", 300, async (measureMs) => {
      await Promise.resolve();
      times.push(measureMs);
      return latency(measureMs < 1_000 ? 0 : 800);
    });

    expect(found.p50Ms).toBe(800);
    expect(times).toEqual([300, 1_200]);
  });

  it("that answers in time is asked once", async () => {
    const ask = jest.fn(() => Promise.resolve(latency(0.4)));

    expect(await untilAnswered("GET /orders", 300, ask)).toEqual(latency(0.4));
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it("is given up, by name, when it is not answered within the patience", async () => {
    const times: number[] = [];
    const never = async (measureMs: number): Promise<Latency> => {
      await Promise.resolve();
      times.push(measureMs);
      return latency(0);
    };

    await expect(untilAnswered("GET /export", 2_000, never)).rejects.toThrow(
      "GET /export: not answered once in 8000 ms",
    );
    expect(times).toEqual([2_000, 8_000]);
  });
});
