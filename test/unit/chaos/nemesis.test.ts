import type { Fault, LoadControl } from "../../../chaos/fault.ts";
import { faults } from "../../../chaos/faults/index.ts";
import { runNemesis, type NemesisEvent } from "../../../chaos/nemesis.ts";
import { planFaults } from "../../../chaos/plan.ts";
import type { World } from "../../../chaos/world.ts";
import { eventually } from "../../support/wait.ts";

describe("the plan of a nemesis", () => {
  const named = (seed: number, count = 100) =>
    planFaults({ faults, seed, count }).map((step) =>
      step.map(({ number, fault, holdMs, seed: own }) => [number, fault.name, holdMs, own]),
    );

  it("is the same for the same seed, and another one for another", () => {
    expect(named(7)).toEqual(named(7));
    expect(named(7)).not.toEqual(named(8));
  });

  it("has as many faults as asked for, each of them in every round", () => {
    const all = planFaults({ faults, seed: 3, count: 300 }).flat();
    const rounds = faults.reduce((sum, { weight = 1 }) => sum + weight, 0);

    expect(all).toHaveLength(300);
    expect(all.map(({ number }) => number)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    expect(new Set(all.slice(0, rounds).map(({ fault }) => fault.name))).toEqual(new Set(faults.map((f) => f.name)));
  });

  it("lets two faults be on at the same time, sometimes, and never two that touch the same", () => {
    const pairs = planFaults({ faults, seed: 5, count: 300 }).filter((step) => step.length === 2);

    expect(pairs.length).toBeGreaterThan(10);
    for (const [first, second] of pairs) {
      expect(first.fault.targets.filter((target) => second?.fault.targets.includes(target))).toEqual([]);
    }
  });

  it("holds each fault for a time of its own range, times the factor", () => {
    for (const { fault, holdMs } of planFaults({ faults, seed: 1, count: 200, holdFactor: 0.5 }).flat()) {
      expect(holdMs).toBeGreaterThanOrEqual(Math.floor(fault.holdMs[0] * 0.5));
      expect(holdMs).toBeLessThanOrEqual(Math.ceil(fault.holdMs[1] * 0.5));
    }
  });

  it("takes 300 faults in less than 50 minutes, with 6 s for each to recover from", () => {
    const heldMs = planFaults({ faults, seed: 2, count: 300 })
      .map((step) => Math.max(...step.map(({ holdMs }) => holdMs)) + 6_000)
      .reduce((sum, ms) => sum + ms);
    expect(heldMs).toBeLessThan(50 * 60_000);
  });

  it("keeps to the faults that are asked for by name or its beginning, and names those that are none", () => {
    const only = planFaults({ faults, seed: 1, count: 30, only: ["database", "node killed"] }).flat();

    expect(only.every(({ fault: { name } }) => name.startsWith("database") || name === "node killed")).toBe(true);
    expect(() => planFaults({ faults, seed: 1, count: 1, only: ["databse"] })).toThrow(
      /no fault is named "databse".*node killed/,
    );
  });

  it("knows faults by names of their own", () => {
    expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length);
  });
});

describe("a nemesis", () => {
  const limits = { recoverWithinMs: 1_000, callMs: 1_000 };
  const fault = (of: Partial<Fault> & Pick<Fault, "name" | "inject">): Fault => ({
    ...{ about: "", targets: ["nodes"], limits, holdMs: [0, 0] },
    ...of,
  });
  const none = (): Promise<void> => Promise.resolve();
  const load: LoadControl = {
    ...{ burst: none, copies: none, abandon: none, payWith: none },
    recovery: (afterMs) => Promise.resolve(afterMs + 5),
  };

  /** A world of which this test sees only whether it is put in order. */
  function emptyWorld(): World & { restored: number } {
    const world = {
      restored: 0,
      nodes: [],
      isWhole: () => Promise.resolve(true),
      restore(): Promise<void> {
        world.restored += 1;
        return Promise.resolve();
      },
    };
    return world as unknown as World & { restored: number };
  }

  it("heals each fault before the next begins, and tells when it was on and when it was over", async () => {
    const seen: string[] = [];
    const noted = (name: string): Fault =>
      fault({
        name,
        async inject({ note, random }) {
          note(`drew ${random.int(1, 1_000)}`);
          seen.push(`${name} on`);
          return async () => void seen.push(`${name} off`);
        },
      });
    const run = { world: emptyWorld(), load, seed: 4, count: 4, faults: [noted("a"), noted("b")] };
    const told: NemesisEvent[] = [];
    const events = await runNemesis({ ...run, onEvent: (event) => told.push(event) });
    const again = await runNemesis(run);

    expect(seen.slice(0, 8).every((one, i) => one.endsWith(i % 2 === 0 ? "on" : "off"))).toBe(true);
    expect(told).toEqual(events);
    expect(events.map(({ number, error }) => [number, error])).toEqual([1, 2, 3, 4].map((n) => [n, null]));
    for (const { startedAtMs, injectedAtMs, healedAtMs, recoveredAtMs } of events) {
      expect(injectedAtMs).toBeGreaterThanOrEqual(startedAtMs);
      expect(healedAtMs).toBeGreaterThanOrEqual(injectedAtMs);
      expect(recoveredAtMs).toBe(healedAtMs + 5);
    }
    expect(again.map((event) => [event.fault, event.notes])).toEqual(events.map((event) => [event.fault, event.notes]));
  });

  it("puts the world in order after a fault that cannot be injected or healed, says why, and goes on", async () => {
    const world = emptyWorld();
    const clumsy = [
      fault({ name: "never on", inject: () => Promise.reject(new Error("no such server")) }),
      fault({ name: "never off", inject: async () => () => Promise.reject(new Error("it stays dead")) }),
    ];
    const events = await runNemesis({ world, load, seed: 1, count: 2, faults: clumsy });

    expect(events.map(({ error }) => error).sort()).toEqual([
      "cannot be healed: it stays dead",
      "cannot be injected: no such server",
    ]);
    expect(world.restored).toBe(3);
  });

  it("heals what is on when it is told to end early, and begins nothing more", async () => {
    const stop = new AbortController();
    let state = "off";
    const long = fault({
      name: "long",
      holdMs: [60_000, 60_000],
      async inject() {
        state = "on";
        return async () => void (state = "healed");
      },
    });
    const running = runNemesis({ world: emptyWorld(), load, seed: 1, count: 5, faults: [long], signal: stop.signal });
    await eventually(() => state === "on");
    stop.abort();

    expect(await running).toHaveLength(1);
    expect(state).toBe("healed");
  });
});
