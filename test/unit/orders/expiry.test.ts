import { expireSome, restAfter } from "../../../services/orders/expiry.ts";

const never = new AbortController().signal;
const batch = 100;

/** A pass over orders that are so late; also whether it rested. */
async function pass(expired: number, lateMs: number, stopping: AbortSignal = never) {
  const asked: [number, number][] = [];
  const orders = {
    expireDue: (now: number, limit: number) => {
      asked.push([now, limit]);
      return Promise.resolve({ expired, lateMs });
    },
  };
  let isOver = false;
  const done = expireSome(orders, 5_000, stopping).finally(() => (isOver = true));
  await jest.advanceTimersByTimeAsync(0);
  const rested = !isOver;
  await jest.advanceTimersByTimeAsync(60_000);
  return { asked, rested, mayBeMore: await done };
}

describe("orders that nobody paid", () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it("expire by the hundred, with a rest after each for the events of others", async () => {
    expect(await pass(batch, 800)).toEqual({ asked: [[5_000, batch]], rested: true, mayBeMore: true });
  });

  it("are not waited for when there are no more", async () => {
    expect(await pass(batch - 1, 800)).toMatchObject({ rested: false, mayBeMore: false });
    expect(await pass(0, 0)).toMatchObject({ rested: false, mayBeMore: false });
  });

  it("expire the faster the later they are, and without a rest before the minute that they have is over", async () => {
    expect(restAfter(0)).toBe(200);
    expect(restAfter(20_000)).toBe(100);
    expect(restAfter(40_000)).toBe(0);
    expect(restAfter(3_600_000)).toBe(0);
    expect(await pass(batch, 40_000)).toMatchObject({ rested: false, mayBeMore: true });
  });

  it("keep nobody waiting who stops the service", async () => {
    expect(await pass(batch, 0, AbortSignal.abort())).toMatchObject({ rested: false, mayBeMore: true });
  });
});
