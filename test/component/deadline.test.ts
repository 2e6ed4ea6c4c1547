import type { Context } from "moleculer";
import type { Meta } from "../../contracts/bus.ts";
import { startBroker, type TestBroker } from "../support/broker.ts";

const requestTimeoutMs = 2_600;

describe("a deadline", () => {
  let node: TestBroker;
  const begun: string[] = [];
  const waits: (number | null | undefined)[] = [];
  let failures = 0;

  beforeAll(async () => {
    node = await startBroker([
      {
        name: "outer",
        actions: {
          asks: (ctx: Context) => ctx.call("inner.works"),
          asksPatiently: (ctx: Context) => ctx.call("inner.works", {}, { timeout: 60_000 }),
        },
      },
      {
        name: "inner",
        actions: {
          works(ctx: Context) {
            begun.push("works");
            waits.push(ctx.options.timeout);
          },
          fails: {
            retryPolicy: { enabled: true },
            handler(ctx: Context) {
              begun.push("fails");
              waits.push(ctx.options.timeout);
              failures += 1;
              if (failures === 1) throw Object.assign(new Error("once more"), { retryable: true });
            },
          },
        },
      },
    ]);
  });
  beforeEach(() => {
    begun.length = 0;
    waits.length = 0;
    failures = 0;
  });
  afterAll(() => node.stop());

  const call = (name: string, meta: Meta, options = {}): Promise<unknown> =>
    (node.broker as unknown as { call(name: string, params: object, options: object): Promise<unknown> }).call(
      name,
      {},
      { meta, ...options },
    );

  it("that has passed lets no action begin", async () => {
    await expect(call("inner.works", { deadlineMs: Date.now() - 1 })).rejects.toMatchObject({
      type: "REQUEST_SKIPPED",
    });
    expect(begun).toEqual([]);
  });

  it("bounds how long a call inside a call is waited for, whatever that asks for", async () => {
    await call("outer.asksPatiently", { deadlineMs: Date.now() + 500 });
    expect(waits[0]).toBeGreaterThan(0);
    expect(waits[0]).toBeLessThanOrEqual(500);
  });

  it("leaves to an action with more time its own limit", async () => {
    await call("outer.asks", { deadlineMs: Date.now() + 60_000 });
    expect(waits[0]).toBeLessThanOrEqual(requestTimeoutMs);
  });

  it("holds for a second try as well, and leaves the caller's options alone", async () => {
    const options = { timeout: 60_000 };
    await call("inner.fails", { deadlineMs: Date.now() + 500 }, options);
    expect(begun).toEqual(["fails", "fails"]);
    expect(waits[1]).toBeLessThan(500);
    expect(options).toEqual({ timeout: 60_000 });
  });

  it("need not be there", async () => {
    await call("outer.asks", {});
    expect(begun).toEqual(["works"]);
  });
});
