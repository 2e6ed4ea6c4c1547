import { checks, type CheckName } from "../contracts/audit.ts";
import type { DeadLetter, DoctorReport, QueueDepth } from "../contracts/ops.ts";
import type { Auditor } from "./evidence.ts";
import type { Planted } from "./world.ts";
import { Check, type Verdict } from "./verdict.ts";

type DoctorRow = DoctorReport["checks"][number];

const doctorWithinMs = 600_000;

/** What the doctor says, where what faults left behind on purpose is told apart from what should not be there. */
export async function askDoctor(auditor: Auditor, planted: readonly Planted[]): Promise<Verdict[]> {
  const report = await auditor.get<DoctorReport>("/ops/doctor", doctorWithinMs);
  const excused = new Map<DoctorRow, boolean>();
  for (const row of report.checks) excused.set(row, !row.ok && (await wasPlanted(auditor, row, planted)));
  return report.checks.map((row) => verdictOf(row, excused.get(row) ?? false));
}

function verdictOf(row: DoctorRow, isExcused: boolean): Verdict {
  const { id, title, ok, checked, violations, examples, problem } = row;
  const isOk = ok || isExcused;
  return {
    id,
    title: isExcused ? `${title} (but those that were planted)` : title,
    timed: false,
    ok: isOk,
    checked,
    violations: isOk ? 0 : Math.max(1, violations),
    examples: isOk ? [] : [...(problem === null ? [] : [problem]), ...examples],
    orders: [],
  };
}

async function wasPlanted(auditor: Auditor, row: DoctorRow, planted: readonly Planted[]): Promise<boolean> {
  if (row.problem !== null) return false;
  if (isAbout(row, "inbox.dead")) return (await strangers(auditor, planted)).length === 0;
  if (isAbout(row, "queues.empty")) return (await overfull(auditor, planted)).length === 0;
  if (isAbout(row, "payments.messages")) {
    const known = new Set(planted.filter(({ kind }) => kind === "provider-event").map(({ id }) => id));
    return row.violations <= known.size && row.examples.every((id) => known.has(id));
  }
  return false;
}

const isAbout = ({ title }: DoctorRow, name: CheckName): boolean => title === checks[name][1];

async function deadLetters(auditor: Auditor): Promise<DeadLetter[]> {
  const all: DeadLetter[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const after: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: { items: DeadLetter[]; nextCursor: string | null } = await auditor.get(
      `/ops/dead-letters?limit=100${after}`,
    );
    all.push(...page.items);
    cursor = page.nextCursor;
  }
  return all;
}

/** Dead letters that nobody planted. */
async function strangers(auditor: Auditor, planted: readonly Planted[]): Promise<DeadLetter[]> {
  const known = new Set(planted.filter(({ kind }) => kind === "event").map(({ where, id }) => `${id} ${where}`));
  return (await deadLetters(auditor)).filter(({ id, consumer }) => !known.has(`${id} ${consumer}`));
}

/** Queues with more in them than was planted there; each dead letter of an inbox has a copy in its queue. */
async function overfull(auditor: Auditor, planted: readonly Planted[]): Promise<QueueDepth[]> {
  const { queues, queuesProblem } = await auditor.get<{ queues: QueueDepth[] | null; queuesProblem: string | null }>(
    "/ops/outbox",
  );
  if (queuesProblem !== null) throw new Error(`the queues cannot be counted: ${queuesProblem}`);
  const letters = await deadLetters(auditor);
  const expected = (name: string): number =>
    planted.filter(({ kind, where }) => kind === "dead-letter" && where === name).length +
    letters.filter(({ consumer }) => `hub.${consumer}.dead` === name).length;
  return (queues ?? []).filter(({ name, messages }) => messages > expected(name));
}

/** Nodes that ended though nobody told them to, and what went wrong in the clients. */
export function checkRun({ crashes, defects }: { crashes: readonly string[]; defects: readonly string[] }): Verdict[] {
  const alive = new Check("I9", "No node ends by itself");
  const sound = new Check("run", "The clients themselves made no mistake");
  for (const crash of crashes) alive.violated(crash);
  for (const defect of defects) sound.violated(defect);
  return [alive.verdict, sound.verdict];
}
