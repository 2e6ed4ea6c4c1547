import { contracts } from "../../../contracts/bus.ts";
import { checks, type CheckName, type Finding } from "../../../contracts/audit.ts";
import { compileSchema } from "../../../lib/validator.ts";
import { add, confirmed, reportOf, type Outcome } from "../../../services/ops/findings.ts";

const finding = (examples: string[], violations = examples.length, check: CheckName = "stock.ledger"): Finding => ({
  check,
  checked: 10,
  violations,
  examples,
});
const found = (...args: Parameters<typeof finding>): Outcome => ({ found: finding(...args) });
const at = "2026-01-02T03:04:05.000Z";

describe("a doctor's report", () => {
  it("holds when nothing was violated, and fits its contract", () => {
    const report = reportOf(new Map([["stock.ledger", found([])]]), at);

    expect(report).toEqual({
      ok: true,
      at,
      checks: [
        {
          id: "I4",
          title: "What is on hand is the sum of the stock ledger",
          ok: true,
          checked: 10,
          violations: 0,
          examples: [],
          problem: null,
        },
      ],
    });
    expect(compileSchema(contracts["ops.doctor"].result)(report)).toBe(true);
  });

  it.each(Object.keys(checks) as CheckName[])("is red, and only there, when %s is falsified", (check) => {
    const all = new Map((Object.keys(checks) as CheckName[]).map((name) => [name, found([], 0, name)]));
    all.set(check, found(["an-id"], 1, check));

    const report = reportOf(all, at);

    expect(report.ok).toBe(false);
    const [id, title] = checks[check];
    expect(report.checks.filter(({ ok }) => !ok)).toMatchObject([{ id, title, violations: 1, examples: ["an-id"] }]);
  });

  it("is red where a check could not be made, with the reason", () => {
    const report = reportOf(new Map([["stock.ledger", { problem: "inventory is away" }]]), at);

    expect(report).toMatchObject({ ok: false, checks: [{ ok: false, violations: 0, problem: "inventory is away" }] });
  });

  it("names at most twenty examples of many", () => {
    const ids = Array.from({ length: 500 }, (_, i) => `id-${i}`);

    const [check] = reportOf(new Map([["stock.ledger", found(ids)]]), at).checks;

    expect(check?.violations).toBe(500);
    expect(check?.examples).toHaveLength(20);
  });

  it("adds up the pages of an audit", () => {
    const sum = new Map<CheckName, Finding>();
    add(sum, [finding(["a"]), finding(["x"], 1, "stock.holds")]);
    add(sum, [finding(["b", "c"], 7)]);

    expect([...sum.values()]).toEqual([
      { check: "stock.ledger", checked: 20, violations: 8, examples: ["a", "b", "c"] },
      { check: "stock.holds", checked: 10, violations: 1, examples: ["x"] },
    ]);
  });
});

describe("a second look", () => {
  it("drops what was only in motion", () => {
    expect(confirmed(found(["a", "b"]), found(["c"]))).toEqual(found([]));
  });

  it("keeps what was there both times, and its number", () => {
    expect(confirmed(found(["a", "b", "moving"]), found(["b", "a", "new"]))).toEqual(found(["b", "a"]));
    expect(confirmed(found(["a"], 90), found(["a", "z"], 95))).toEqual(found(["a"], 90));
  });

  it("believes the last look when one of them could not be made", () => {
    expect(confirmed({ problem: "away" }, found(["a"]))).toEqual(found(["a"]));
    expect(confirmed(found(["a"]), { problem: "away" })).toEqual({ problem: "away" });
  });
});
