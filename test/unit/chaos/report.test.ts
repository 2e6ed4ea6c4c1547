import { readOptions } from "../../../chaos/options.ts";
import { reportPage } from "../../../chaos/report-page.ts";
import { toJson } from "../../../chaos/report-json.ts";
import { reportText } from "../../../chaos/report-text.ts";
import type { Run } from "../../../chaos/run.ts";
import { checkOrders } from "../../../chaos/check-orders.ts";
import { figuresOf } from "../../../chaos/fault-figures.ts";
import { timelineOf } from "../../../chaos/timeline.ts";
import { fault, Past, stored } from "./world.ts";

const optionsOf = (...args: string[]) => {
  const asked = readOptions(args, () => 7);
  if (asked.what !== "run") throw new Error(`this asks for ${asked.what}`);
  return asked.options;
};

/** One order that is lost, and one fault with a name that a page must not take for markup. */
function lostRun(): Run {
  const past = new Past();
  const startedAtMs = past.clock.ms;
  past.placed("one");
  const events = [fault({ notes: ["node-1 <b>"] })];
  const { verdicts, counts } = checkOrders(past.history, stored());
  return {
    seed: 42,
    options: optionsOf("--faults", "1"),
    startedAtMs,
    loadMs: 5_000,
    endedAtMs: startedAtMs + 9_000,
    wasCut: false,
    servers: ["Redis 7"],
    loopDelayP99Ms: 12,
    turnedAway: 0,
    events,
    timeline: timelineOf(past.history, startedAtMs),
    result: { ok: false, verdicts, counts, figures: figuresOf(past.history, events), mails: 1, mailsRepeated: 0 },
    history: past.history,
  };
}

describe("the report", () => {
  it("names the seed, what is red, and what the client saw of it", () => {
    const text = reportText(lostRun());

    expect(text).toContain("seed 42: 1 checks are red; 1 of 1 acknowledged orders were lost");
    expect(text).toContain("one (key-one) is not stored");
    expect(text).toContain("place key-one at gateway 0: ok 201 after 10 ms");
    expect(text).toMatch(/database killed\s+1\s+2000\s+2000/);
  });

  it("is a page that loads nothing, holds the timeline, and takes no name for markup", () => {
    const page = reportPage(lostRun());

    expect(page).not.toMatch(/<(script|link|img|iframe)|url\(|@import/);
    expect(page).toContain("<svg");
    expect(page).toContain("prefers-color-scheme: dark");
    expect(page).toContain('name="viewport"');
    expect(page).not.toContain("<b>");
    expect(page).toContain("Redis 7");
  });

  it("is also there for machines", () => {
    const read = JSON.parse(toJson(lostRun())) as Record<string, unknown>;

    expect(read).toMatchObject({ seed: 42, ok: false, counts: { acknowledged: 1, lost: 1 }, servers: ["Redis 7"] });
    expect(read).toMatchObject({ faults: [{ fault: "database killed", times: 1, worstRecoveryMs: 2_000 }] });
  });
});

describe("the options", () => {
  it("have defaults, and name faults also with hyphens and by their beginnings", () => {
    expect(optionsOf()).toMatchObject({ faults: 300, seed: 7, ratePerSecond: 50, nodes: 3, only: [] });
    expect(optionsOf("--only", "database-kill,redis-pause").only).toEqual(["database kill", "redis pause"]);
  });

  it.each([
    [["--faults", "0"], '--faults is "0"'],
    [["--rate", "fast"], '--rate is "fast"'],
    [["--nodes", "1.5"], '--nodes is "1.5", but must be a whole number'],
    [["--only", "sun"], '--only names "sun"'],
    [["--report", ""], "--report needs a path"],
    [["--fautls", "1"], "--fautls"],
  ])("are refused by name: %j", (args, message) => {
    expect(() => readOptions(args, () => 7)).toThrow(message);
  });
});
