import type { CheckName, Finding } from "../../contracts/audit.ts";
import type { DoctorReport } from "../../contracts/ops.ts";
import { messageOf } from "../../lib/errors.ts";
import { delay, toIso } from "../../lib/time.ts";
import { partsOf, type CheckDeps, type Part } from "./checks.ts";
import { add, confirmed, isRed, reportOf, type Outcome } from "./findings.ts";

export interface DoctorDeps extends CheckDeps {
  /** The rests before looking again at what is red: it may only have been in motion. */
  secondLooksAfterMs: readonly number[];
}

/**
 * One waits for its service's database while another is asked for its next page; with more at once, requests would feel it.
 */
const partsAtOnce = 2;

/** Makes every check, a few at a time, and looks again at those that do not hold. */
export async function examine(deps: DoctorDeps): Promise<DoctorReport> {
  const { secondLooksAfterMs, longestPeakMs, stopping, now } = deps;
  const looks = partsOf(deps).map((part) => ({ part, outcomes: new Map<CheckName, Outcome>() }));
  const waiting = looks.values();
  const lane = async (): Promise<void> => {
    for (const one of waiting) one.outcomes = await look(one.part, stopping);
  };
  await Promise.all(Array.from({ length: partsAtOnce }, lane));

  const lookAgain = async (restMs: number, reds: typeof looks): Promise<void> => {
    if (reds.length === 0) return;
    await delay(restMs, stopping);
    for (const seen of reds) {
      const again = await look(seen.part, stopping);
      for (const [check, outcome] of again) again.set(check, confirmed(seen.outcomes.get(check), outcome));
      seen.outcomes = again;
    }
  };
  const red = (): typeof looks => looks.filter(({ outcomes }) => [...outcomes.values()].some(isRed));
  for (const restMs of secondLooksAfterMs) await lookAgain(restMs, red());
  await lookAgain(
    longestPeakMs,
    red().filter(({ part }) => part.mayBePeak?.()),
  );
  return reportOf(together(looks.map(({ outcomes }) => outcomes)), toIso(now()));
}

async function look({ checks, run }: Part, stopping: AbortSignal): Promise<Map<CheckName, Outcome>> {
  try {
    const findings = await run();
    return new Map(findings.map((found) => [found.check, { found }]));
  } catch (error) {
    stopping.throwIfAborted();
    return new Map(checks.map((check) => [check, { problem: messageOf(error) }]));
  }
}

/** Some checks are made service by service; they hold when they hold everywhere. */
function together(all: readonly ReadonlyMap<CheckName, Outcome>[]): Map<CheckName, Outcome> {
  const found = new Map<CheckName, Finding>();
  const problems = new Map<CheckName, string>();
  for (const [check, outcome] of all.flatMap((outcomes) => [...outcomes])) {
    if ("found" in outcome) add(found, [outcome.found]);
    else problems.set(check, [problems.get(check), outcome.problem].filter(Boolean).join("; "));
  }
  return new Map<CheckName, Outcome>([
    ...[...found].map(([check, finding]) => [check, { found: finding }] as const),
    ...[...problems].map(([check, problem]) => [check, { problem }] as const),
  ]);
}
