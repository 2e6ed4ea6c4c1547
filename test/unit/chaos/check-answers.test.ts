import { checkAccess, checkAnswers, checkFaults } from "../../../chaos/check-answers.ts";
import { figuresOf } from "../../../chaos/fault-figures.ts";
import type { FaultLimits } from "../../../chaos/fault.ts";
import type { NemesisEvent } from "../../../chaos/nemesis.ts";
import type { Verdict } from "../../../chaos/verdict.ts";
import { fault, Past } from "./world.ts";

const red = (verdicts: readonly Verdict[]): string[] =>
  verdicts.flatMap(({ id, ok, examples }) => (ok ? [] : [id, ...examples]));
const limits = (change: Partial<FaultLimits>): FaultLimits => ({ recoverWithinMs: 5_000, callMs: 3_000, ...change });
const judged = (past: Past, ...events: NemesisEvent[]): string[] =>
  red(checkFaults(figuresOf(past.history, events), { rowMs: 0 }));

describe("answers", () => {
  it.each([
    ["a 500", { status: 500, why: "INTERNAL" }],
    ["a 503 that does not say when to come again", { status: 503, why: "NO_RETRY_AFTER" }],
  ])("are dishonest with %s", (_what, end) => {
    const past = new Past();
    past.do("place", end, { status: 201 });

    expect(red(checkAnswers(past.history, []))).toEqual(["I9", expect.stringContaining(end.why)]);
  });

  it("may be refusals and resets, and connections that are refused", () => {
    const past = new Past();
    past.do("place", { status: null, why: "ECONNREFUSED", tookMs: 6_000 }, { status: 503, why: "X" }, { status: 201 });
    past.do("place", { status: null, why: "ECONNRESET" }, { status: 409, why: "OUT_OF_STOCK" });

    expect(red(checkAnswers(past.history, []))).toEqual([]);
  });

  it("come in time, but where a fault that is on may cost more", () => {
    const past = new Past();
    past.do("place", { status: null, why: "TIMEOUT", tookMs: 5_001 }, { status: 201 });
    const during = (callMs: number) => figuresOf(past.history, [fault({ limits: limits({ callMs }) })]);

    expect(red(checkAnswers(past.history, []))).toEqual(["I9", expect.stringContaining("took 5001 ms")]);
    expect(red(checkAnswers(past.history, during(3_000)))).toHaveLength(2);
    expect(red(checkAnswers(past.history, during(6_000)))).toEqual([]);
  });
});

describe("a fault", () => {
  it("holds when all came back in time", () => {
    const past = new Past();
    past.do("place", { status: null, why: "ECONNRESET" }, { status: 201 });

    expect(judged(past, fault({ limits: limits({ servesWithinMs: 4_000, placedPercent: 99 }) }))).toEqual([]);
  });

  it.each([
    ["was never recovered from", fault({ recoveredAtMs: null }), "1 database killed: no 20 successes in a row"],
    ["took long to recover from", fault({ recoveredAtMs: 1_007_001 }), "1 database killed: after 5001 ms, not 5000"],
    ["left a node behind", fault({ wholeAtMs: null }), "1 database killed: not every node was ready again"],
    ["could not be made", fault({ error: "no such server" }), "1 database killed: no such server"],
  ])("is red when it %s", (_what, event, example) => {
    expect(judged(new Past(), event)).toEqual(["I10", example]);
  });

  it("is measured from the end of the one beside it", () => {
    const first = fault({ with: "redis paused" });
    const second = fault({ number: 2, fault: "redis paused", with: "database killed", healedAtMs: 1_010_000 });
    const events = [first, second].map((event) => ({ ...event, recoveredAtMs: 1_011_000 }));

    expect(figuresOf(new Past().history, events).map(({ recoveryMs }) => recoveryMs)).toEqual([1_000, 1_000]);
    expect(judged(new Past(), ...events)).toEqual([]);
  });

  it("does not answer for a request that the next one caught", () => {
    const past = new Past();
    past.do("place", { status: 503, why: "SERVICE_UNAVAILABLE", tookMs: 2_800 }, { status: 201 });
    const startedAtMs = past.history.operations[0]?.startedAtMs ?? NaN;
    const healed = startedAtMs + 1_000;
    const ended = { startedAtMs: startedAtMs - 5_000, healedAtMs: healed, recoveredAtMs: healed, wholeAtMs: healed };
    const seamless = fault({ fault: "scale", limits: limits({ seamless: true }), ...ended });
    const next = fault({ number: 2, startedAtMs: healed, injectedAtMs: healed });

    expect(judged(past, seamless)).toEqual(["I10", expect.stringContaining("1 scale: 1 requests failed") as string]);
    expect(judged(past, seamless, next)).toEqual([]);
  });

  it("does not answer for how long a request took that hung at a node of the one before", () => {
    const past = new Past();
    past.do("place", { status: null, why: "TIMEOUT", tookMs: 5_008 }, { status: 201 });
    const startedAtMs = past.history.operations[0]?.startedAtMs ?? NaN;
    const healed = startedAtMs + 1_000;
    const ended = { startedAtMs: startedAtMs - 5_000, healedAtMs: healed, recoveredAtMs: healed, wholeAtMs: healed };
    const paused = fault({ fault: "node paused", limits: limits({ callMs: 5_500 }), ...ended });
    const next = fault({ number: 2, startedAtMs: healed, injectedAtMs: healed });

    expect(judged(past, paused, next)).toEqual([]);
    expect(judged(past, next)).toEqual(["I10", expect.stringContaining("took 5008 ms, not 3000") as string]);
  });

  it("does not answer for what had failed before it and is put off", () => {
    const past = new Past();
    const refund = past.do("refund", { status: 503, why: "SERVICE_UNAVAILABLE" });
    past.clock.pass(10);
    const startedAtMs = past.clock.now();
    past.clock.pass(10);
    past.try(refund, { status: 503, why: "PAYMENT_PROVIDER_UNAVAILABLE" });
    const seamless = fault({ fault: "rolling restart", limits: limits({ seamless: true }), startedAtMs });
    const later = fault({ ...seamless, startedAtMs: startedAtMs - 1_000 });

    expect(judged(past, seamless)).toEqual([]);
    expect(judged(past, later)).toEqual(["I10", expect.stringContaining("2 requests failed") as string]);
  });

  it("is red when a request failed that was to see nothing of it", () => {
    const past = new Past();
    past.do("place", { status: null, why: "ECONNREFUSED" }, { status: 201 });
    const seamless = fault({ fault: "rolling restart", limits: limits({ seamless: true }) });
    const before = judged(past, seamless);
    past.do("pay", { status: null, why: "ECONNRESET" }, { status: 200 });

    expect(before).toEqual([]);
    expect(judged(past, seamless)).toEqual(["I10", "1 rolling restart: 1 requests failed: 1 × pay ECONNRESET"]);
  });

  it("is red when orders were not answered within a person's patience", () => {
    const past = new Past();
    past.do("place", { status: 201 });
    past.do("place", { status: 503, why: "X" }, { status: null, why: "TIMEOUT", tookMs: 5_000 }, { status: 201 });

    expect(judged(past, fault({ limits: limits({ placedPercent: 51, callMs: 6_000 }) }))).toEqual([
      "I10",
      "1 database killed: 1 of 2 orders were answered in time, fewer than 51 %",
    ]);
  });

  it("is red when nobody served for too long, or a call took too long", () => {
    const past = new Past();
    past.do("place", { status: 503, why: "X", tookMs: 1_500 }, { status: 201, tookMs: 20 });

    expect(judged(past, fault({ limits: limits({ servesWithinMs: 1_000, callMs: 1_000 }) }))).toEqual([
      "I10",
      "1 database killed: served again after 1520 ms, not 1000",
      "1 database killed: a call (place 503 X) took 1500 ms, not 1000",
    ]);
  });
});

describe("access", () => {
  it("is refused to revoked tokens", () => {
    const past = new Past();
    const operation = past.history.begin("revoked token", { person: 0 });
    const one = past.history.invoke(operation, 0);
    past.history.fail(operation, one, 200, "ACCEPTED");

    expect(red(checkAccess(past.history, { mostGuessesAllowed: 10 }))).toEqual([
      "I11",
      expect.stringContaining("ACCEPTED"),
    ]);
  });

  it("allows so many guesses in 15 minutes, and as many again later", () => {
    const past = new Past();
    const guess = (): void => {
      const operation = past.history.begin("wrong password", { person: 0 });
      past.history.ok(operation, past.history.invoke(operation, 0), 401);
    };
    guess();
    past.clock.pass(900_000);
    for (let i = 0; i < 2; i += 1) guess();
    const before = red(checkAccess(past.history, { mostGuessesAllowed: 2 }));
    guess();

    expect(before).toEqual([]);
    expect(red(checkAccess(past.history, { mostGuessesAllowed: 2 }))).toEqual([
      "I11",
      "3 guesses were looked at in 15 minutes, not 2",
    ]);
  });
});
