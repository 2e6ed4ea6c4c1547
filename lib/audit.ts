import { maxExamples, type AuditPage, type CheckName, type Finding } from "../contracts/audit.ts";
import { decodeCursor, encodeCursor } from "./page.ts";

/** Collects what one page of an audit found. */
export interface Findings {
  /** Something was looked at; `id` names it when the check does not hold for it. */
  see(check: CheckName, id: string, holds: boolean): void;
  /** So many were looked at by a query that only gives those for which the check does not hold. */
  seeAll(check: CheckName, checked: number, violating: readonly string[]): void;
}

/** A part of an audit that goes over one table by key. Answers with the last key it saw, null at the end. */
export type Phase = (after: string | null, found: Findings) => Promise<string | null>;

export function collectFindings(): Findings & { list(): Finding[] } {
  const byCheck = new Map<CheckName, Finding>();
  const of = (check: CheckName): Finding => {
    const known = byCheck.get(check) ?? { check, checked: 0, violations: 0, examples: [] };
    byCheck.set(check, known);
    return known;
  };
  const violate = (finding: Finding, id: string): void => {
    finding.violations += 1;
    if (finding.examples.length < maxExamples) finding.examples.push(id);
  };
  return {
    see(check, id, holds) {
      const finding = of(check);
      finding.checked += 1;
      if (!holds) violate(finding, id);
    },
    seeAll(check, checked, violating) {
      const finding = of(check);
      finding.checked += checked;
      for (const id of violating) violate(finding, id);
    },
    list: () => [...byCheck.values()],
  };
}

/** One page of an audit that goes through `phases` one after another. The cursor names the phase and the last key. */
export async function auditPage(phases: readonly Phase[], cursor: string | undefined): Promise<AuditPage> {
  const [index = 0, after = ""] = cursor === undefined ? [] : decodeCursor(cursor, ["number", "string"]);
  const at = Number(index);
  const phase = phases[at];
  const found = collectFindings();
  const last = phase ? await phase(after === "" ? null : String(after), found) : null;
  const next = last === null ? at + 1 : at;
  return {
    findings: found.list(),
    nextCursor: next < phases.length ? encodeCursor([next, last ?? ""]) : null,
  };
}

/** The key to go on from after a page of rows; null when it was the last one. */
export const nextKey = <R>(rows: readonly R[], limit: number, keyOf: (row: R) => string): string | null => {
  const last = rows.at(-1);
  return rows.length < limit || last === undefined ? null : keyOf(last);
};
