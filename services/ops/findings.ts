import { checks, maxExamples, type CheckName, type Finding } from "../../contracts/audit.ts";
import type { DoctorReport } from "../../contracts/ops.ts";

// What audits found, put together: pure, so that a falsified finding can be shown to turn a report red.

/** What came of one check: what was found, or why it could not be made. */
export type Outcome = { found: Finding } | { problem: string };
export type Outcomes = ReadonlyMap<CheckName, Outcome>;

/** More than are shown: they are compared with those of a second look. */
const keptExamples = 10_000;

const nothing = (check: CheckName): Finding => ({ check, checked: 0, violations: 0, examples: [] });

/** Adds the findings of one more page. */
export function add(sum: Map<CheckName, Finding>, findings: readonly Finding[]): void {
  for (const { check, checked, violations, examples } of findings) {
    const before = sum.get(check) ?? nothing(check);
    const room = Math.max(0, keptExamples - before.examples.length);
    sum.set(check, {
      check,
      checked: before.checked + checked,
      violations: before.violations + violations,
      examples: [...before.examples, ...examples.slice(0, room)],
    });
  }
}

export const isRed = (outcome: Outcome): boolean => "problem" in outcome || outcome.found.violations > 0;

/**
 * What of the second look was there in the first one already. A running system is always in the middle of something,
 * but never for long in the middle of the same.
 */
export function confirmed(first: Outcome | undefined, second: Outcome): Outcome {
  if (!first || "problem" in first || "problem" in second) return second;
  const before = new Set(first.found.examples);
  const { check, checked, violations } = second.found;
  const examples = second.found.examples.filter((id) => before.has(id));
  if (examples.length === 0) return { found: { check, checked, violations: 0, examples: [] } };
  const isComplete = second.found.examples.length === violations;
  const still = isComplete ? examples.length : Math.min(violations, Math.max(first.found.violations, examples.length));
  return { found: { check, checked, violations: still, examples } };
}

/** The report on every check that was made or could not be made, in the order of the catalogue. */
export function reportOf(outcomes: Outcomes, at: string): DoctorReport {
  const rows = (Object.keys(checks) as CheckName[]).flatMap((check) => {
    const outcome = outcomes.get(check);
    if (!outcome) return [];
    const [id, title] = checks[check];
    const { checked, violations, examples } = "found" in outcome ? outcome.found : nothing(check);
    return {
      id,
      title,
      ok: !isRed(outcome),
      checked,
      violations,
      examples: examples.slice(0, maxExamples),
      problem: "problem" in outcome ? outcome.problem : null,
    };
  });
  return { ok: rows.every(({ ok }) => ok), at, checks: rows };
}
