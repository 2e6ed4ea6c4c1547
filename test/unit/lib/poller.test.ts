import { Poller } from "../../../lib/poller.ts";
import { eventually } from "../../support/wait.ts";

const ignore = () => {};

describe("a poller", () => {
  it("does passes one after another as long as there is more", async () => {
    let left = 5;
    let running = 0;
    let most = 0;
    const poller = new Poller({
      name: "test",
      idleMs: 60_000,
      onError: ignore,
      pass: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise(setImmediate);
        running -= 1;
        left -= 1;
        return left > 0;
      },
    });
    poller.start();
    await eventually(() => left === 0);
    await poller.stop();
    expect(most).toBe(1);
  });

  it("rests when there is nothing, and is woken", async () => {
    let passes = 0;
    const poller = new Poller({ name: "test", idleMs: 60_000, onError: ignore, pass: async () => (passes += 1) < 0 });
    poller.start();
    await eventually(() => passes === 1);
    poller.wake();
    await eventually(() => passes === 2);
    await poller.stop();
  });

  it("does not lose a wake-up that comes during a pass", async () => {
    let passes = 0;
    const poller: Poller = new Poller({
      name: "test",
      idleMs: 60_000,
      onError: ignore,
      pass: async () => {
        passes += 1;
        if (passes === 1) poller.wake();
        return false;
      },
    });
    poller.start();
    await eventually(() => passes === 2);
    await poller.stop();
  });

  it("waits with its stop for the pass in flight, and begins none after", async () => {
    let finish = ignore;
    let passes = 0;
    const poller = new Poller({
      name: "test",
      idleMs: 1,
      onError: ignore,
      pass: () => {
        passes += 1;
        return new Promise((resolve) => (finish = () => resolve(true)));
      },
    });
    poller.start();
    await eventually(() => passes === 1);
    let stopped = false;
    const stop = poller.stop().then(() => (stopped = true));
    await new Promise(setImmediate);
    expect(stopped).toBe(false);
    finish();
    await stop;
    expect(passes).toBe(1);
  });

  it("reports a pass that throws, and tries again", async () => {
    const errors: unknown[] = [];
    let passes = 0;
    const poller = new Poller({
      name: "test",
      idleMs: 1,
      onError: (error) => errors.push(error),
      pass: async () => {
        passes += 1;
        if (passes < 3) throw new Error(`pass ${passes}`);
        return false;
      },
    });
    poller.start();
    await eventually(() => passes >= 3);
    await poller.stop();
    expect(errors).toEqual([new Error("pass 1"), new Error("pass 2")]);
  });
});
