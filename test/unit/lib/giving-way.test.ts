import { givingWay } from "../../../lib/giving-way.ts";

let requests: number;
let use: number;
let nowMs: number;
const start = () => givingWay({ underWay: () => requests, loopUse: () => use, now: () => nowMs });

beforeEach(() => {
  requests = 64;
  use = 0.9;
  nowMs = 1_000;
});

describe("work that nobody waits for", () => {
  it("waits while many requests keep the process busy, and no longer", () => {
    const way = start();
    expect(way.mustWait()).toBe(true);
    requests = 3;
    expect(way.mustWait()).toBe(false);
  });

  it("does not wait for requests that wait for somebody else", () => {
    use = 0.1;
    expect(start().mustWait()).toBe(false);
  });

  it("waits for 20 seconds of a peak at most, and again in the next", () => {
    const way = start();
    expect(way.mustWait()).toBe(true);
    nowMs += 19_999;
    expect(way.mustWait()).toBe(true);
    nowMs += 1;
    expect(way.mustWait()).toBe(false);
    nowMs += 5_000;
    expect(way.mustWait()).toBe(false);

    way.isDone();
    expect(way.mustWait()).toBe(false);

    requests = 3;
    way.isDone();
    requests = 64;
    expect(way.mustWait()).toBe(true);
  });

  it("counts from the first time it had to wait, though requests were few in between, while something is left", () => {
    const way = start();
    way.mustWait();
    requests = 0;
    nowMs += 10_000;
    way.mustWait();
    requests = 64;
    nowMs += 10_000;

    expect(way.mustWait()).toBe(false);
  });
});
