import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { load } from "js-yaml";

interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: { severity: string };
  annotations: { summary: string; action: string };
}

const file = resolve(import.meta.dirname, "../../../deploy/prometheus/rules.yml");
const { groups } = load(readFileSync(file, "utf8")) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

describe("the alert rules", () => {
  it("have names of their own", () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert } of rules) expect(alert).toMatch(/^[A-Z][A-Za-z]+$/);
  });

  it.each(rules.map((rule) => [rule.alert, rule] as const))("say of %s what is wrong and what to do", (_, rule) => {
    expect(["warning", "critical"]).toContain(rule.labels.severity);
    expect(rule.annotations.summary.length).toBeGreaterThan(10);
    expect(rule.annotations.action.length).toBeGreaterThan(10);
    if (rule.for !== undefined) expect(rule.for).toMatch(/^\d+[sm]$/);
    expect(brackets(rule.expr)).toBe(0);
    // a rule without a comparison would alert for ever
    expect(rule.expr).toMatch(/ (==|>|<) /);
  });

  it("cover what must not go unnoticed", () => {
    expect(rules.map(({ alert }) => alert)).toEqual(
      expect.arrayContaining([
        ...["NodeDown", "OutboxLag", "DeadLetters", "RequestsFail", "RequestsSlow", "EventLoopSlow", "ReconcilerStuck"],
      ]),
    );
  });
});

const brackets = (text: string): number =>
  Array.from(text).reduce((open, char) => open + ("([{".includes(char) ? 1 : ")]}".includes(char) ? -1 : 0), 0);
