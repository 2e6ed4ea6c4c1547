import { Errors } from "moleculer";
import { load, type LoopDelay } from "../../../services/gateway/load.ts";

/** Work that ends when it is told to. */
class Jobs {
  private readonly ends: (() => void)[] = [];
  readonly work = (): Promise<void> => new Promise((end) => this.ends.push(end));
  async end(count: number): Promise<void> {
    for (const end of this.ends.splice(0, count)) end();
    await new Promise(setImmediate);
  }
}

const anything = { action: "products.do", essential: false, asksOutside: false };

function world({ most = 1_000 } = {}) {
  let nowMs = 1_000;
  let delayMs = 0;
  const tellings: number[] = [];
  const loopDelay: LoopDelay = { meanMs: () => delayMs, stop: () => {} };
  const jobs = new Jobs();
  const gateway = load({ most, loopDelay, now: () => nowMs, onRefused: (refused) => void tellings.push(refused) });
  const ask = (service = "orders", essential = false, asksOutside = false) =>
    gateway.run({ action: `${service}.do`, essential, asksOutside }, jobs.work);
  const refused: unknown[] = [];
  return {
    gateway,
    jobs,
    tellings,
    refused,
    ask,
    askMany: (count: number, service?: string) => {
      for (let i = 0; i < count; i += 1) ask(service).catch((error: unknown) => refused.push(error));
    },
    /** As many looks at the loop, each as late as this. */
    looks: (count: number, late: number) => {
      delayMs = late;
      for (let i = 0; i < count; i += 1) {
        nowMs += 100;
        gateway.hasRoom(anything);
      }
    },
    pass: (ms: number) => (nowMs += ms),
  };
}

it("refuses what is more than may be worked on at a time, until something ends", async () => {
  const { gateway, jobs, ask } = world({ most: 4 });
  const first = [ask("orders"), ask("orders"), ask("users"), ask("users")];

  expect(gateway.hasRoom(anything)).toBe(false);
  await expect(ask("products")).rejects.toMatchObject({ code: "OVERLOADED", data: { retryAfterSeconds: 1 } });

  await jobs.end(1);
  await first[0];
  expect(gateway.hasRoom(anything)).toBe(true);
});

it("takes no more for an action than all that can be worked on, whatever room there is", () => {
  const { gateway, jobs } = world();
  const logIn = { action: "auth.login", essential: false, asksOutside: false, atMost: 2 };
  for (let i = 0; i < 2; i += 1) void gateway.run(logIn, jobs.work);

  expect(gateway.hasRoom(logIn)).toBe(false);
  expect(gateway.hasRoom({ ...logIn, essential: true })).toBe(true);
  expect(gateway.hasRoom(anything)).toBe(true);
});

it("learns of an action that has enough waiting: the next are refused before they are read", async () => {
  const { gateway, jobs, askMany } = world();
  const asked = { action: "orders.do", essential: false, asksOutside: false };
  askMany(50, "orders");
  const isFull = () => Promise.reject(new Errors.QueueIsFullError({ action: "orders.do", nodeID: "n" }));

  expect(gateway.hasRoom(asked)).toBe(true);
  await expect(gateway.run(asked, isFull)).rejects.toThrow();
  expect(gateway.hasRoom(asked)).toBe(false);
  await jobs.end(1);
  expect(gateway.hasRoom(asked)).toBe(true);
});

it("counts work that fails as ended", async () => {
  const { gateway } = world({ most: 1 });

  await expect(
    gateway.run({ action: "orders.do", essential: false, asksOutside: false }, () =>
      Promise.reject(new Error("failed")),
    ),
  ).rejects.toThrow("failed");

  expect(gateway.hasRoom(anything)).toBe(true);
});

it("gives one service half of the room, so that one that hangs leaves the others theirs", async () => {
  const { ask, askMany, refused } = world({ most: 10 });
  askMany(5, "payments");

  await expect(ask("payments")).rejects.toMatchObject({ code: "OVERLOADED" });

  askMany(5, "products");
  expect(refused).toEqual([]);
});

it("always takes what is essential", () => {
  const { ask, askMany, gateway } = world({ most: 2 });
  askMany(2);

  void ask("payments", true);

  expect(gateway.hasRoom(anything)).toBe(false);
});

it("takes less while the event loop is late, down to full groups of transactions, and more again when it is not", async () => {
  const { gateway, askMany, looks, jobs } = world();
  askMany(500, "orders");
  askMany(400, "users");
  expect(gateway.hasRoom(anything)).toBe(true);

  looks(1, 100);
  expect(gateway.hasRoom(anything)).toBe(false);
  looks(50, 100);
  await jobs.end(644);
  expect(gateway.hasRoom(anything)).toBe(false);
  await jobs.end(1);
  expect(gateway.hasRoom(anything)).toBe(true);

  looks(12, 0);
  askMany(600, "users");
  expect(gateway.hasRoom(anything)).toBe(true);
});

it("tells of many refusals in one line every ten seconds", () => {
  const { gateway, tellings, pass } = world();
  for (let i = 0; i < 100; i += 1) gateway.told();
  pass(10_000);
  gateway.told();

  expect(tellings).toEqual([1, 100]);
});

describe("an action whose answers are slow", () => {
  /** For so many seconds it is asked for as much as it takes, and each time half of that ends. */
  const busy = async ({ jobs, askMany, pass }: ReturnType<typeof world>, seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i += 1) {
      askMany(200, "orders");
      pass(1_500);
      await jobs.end(100);
    }
  };

  it("has less of the room, and what it is asked beyond is refused at once", async () => {
    const slow = world();
    await busy(slow, 20);
    await slow.jobs.end(1_000);
    slow.refused.length = 0;
    slow.askMany(100, "orders");
    await slow.jobs.end(0);

    expect(slow.refused.length).toBeGreaterThanOrEqual(80);
    slow.refused.length = 0;
    slow.askMany(100, "users");
    await slow.jobs.end(0);
    expect(slow.refused).toEqual([]);
  });

  it("has less of it also when hardly one ends while it is looked at", async () => {
    const { jobs, gateway, pass } = world();
    const logIn = { action: "auth.login", essential: false, asksOutside: false, atMost: 100 };
    const fill = (): void => {
      while (gateway.hasRoom(logIn)) void gateway.run(logIn, jobs.work);
    };
    for (let i = 0; i < 100; i += 1) {
      fill();
      pass(1_500);
      await jobs.end(1);
    }

    expect(gateway.state().underWay).toBeLessThan(50);
  });

  it("has all of it again once they are quick", async () => {
    const slow = world({ most: 100 });
    await busy(slow, 20);
    await slow.jobs.end(1_000);
    for (let i = 0; i < 40; i += 1) {
      slow.askMany(10, "orders");
      slow.pass(500);
      await slow.jobs.end(1_000);
    }
    slow.refused.length = 0;
    slow.askMany(50, "orders");
    await slow.jobs.end(0);

    expect(slow.refused).toEqual([]);
  });

  it("keeps it when it is somebody outside who is slow", async () => {
    const outside = world({ most: 100 });
    for (let i = 0; i < 20; i += 1) {
      for (let n = 0; n < 25; n += 1) outside.ask("payments", false, true).catch(() => undefined);
      outside.pass(2_000);
      await outside.jobs.end(1_000);
    }
    const asked = Array.from({ length: 50 }, () => outside.ask("payments", false, true));
    await outside.jobs.end(1_000);

    await expect(Promise.all(asked)).resolves.toHaveLength(50);
  });

  it("keeps it when only some of them wait for somebody outside", async () => {
    const partly = world();
    for (let i = 0; i < 20; i += 1) {
      partly.askMany(30, "orders");
      await partly.jobs.end(10);
      partly.pass(1_500);
      await partly.jobs.end(20);
    }
    partly.askMany(400, "orders");
    await partly.jobs.end(0);

    expect(partly.refused).toEqual([]);
  });
});
