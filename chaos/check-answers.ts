import { noRetryAfter } from "./caller.ts";
import { hasFailed, reachOf, type FaultFigures } from "./fault-figures.ts";
import { wasRefused, type History, type Operation, type Try } from "./history.ts";
import { accepted, mostGuesses } from "./probes.ts";
import { Check, type Verdict } from "./verdict.ts";

// How clients were answered: I9, I10 and I11.

/** No request takes longer, unless a fault that is on may cost more. */
const answerWithinMs = 5_000;
const guessWindowMs = 900_000;

type Seen = Pick<History, "operations">;

export function checkAnswers({ operations }: Seen, figures: readonly FaultFigures[]): Verdict[] {
  const honest = new Check("I9", "No answer is a 500, and each 429 and 503 says when to come again");
  const quick = new Check("I9", `Every request ends in under ${answerWithinMs / 1_000} s`, { timed: true });
  for (const operation of operations) {
    for (const one of operation.tries) {
      honest.see(1);
      quick.see(1);
      if (isDishonest(one)) honest.violated(nameOf(operation, one), operation.order);
      if (wasRefused(one) || (one.tookMs ?? 0) < answerWithinMs) continue;
      const allowedMs = Math.max(
        0,
        ...figures.filter((figure) => wasOn(figure, one)).map(({ event }) => event.limits.callMs),
      );
      if ((one.tookMs ?? 0) > allowedMs)
        quick.violated(`${nameOf(operation, one)} took ${one.tookMs} ms`, operation.order);
    }
  }
  return [honest.verdict, quick.verdict];
}

const isDishonest = ({ status, why }: Try): boolean =>
  (status !== null && status >= 500 && status !== 503) || why === noRetryAfter || why === "NOT_JSON";

const nameOf = ({ kind, key, order, id }: Operation, one: Try): string =>
  `${kind} ${key ?? order ?? `operation ${id}`} at ${new Date(one.startedAtMs).toISOString()}: ${one.status ?? ""} ${one.why ?? ""}`.trim();

const wasOn = ({ event }: FaultFigures, one: Try): boolean =>
  one.startedAtMs <= reachOf(event) && one.startedAtMs + (one.tookMs ?? 0) >= event.startedAtMs;

/**
 * Each fault against its own limits; what two that are on at once cost is not the one's or the other's. `rowMs`: how long
 * it takes until as many orders have been asked for as are needed for a recovery.
 */
export function checkFaults(figures: readonly FaultFigures[], { rowMs }: { rowMs: number }): Verdict[] {
  const done = new Check("I10", "Every fault could be made, and ended");
  const recovered = new Check("I10", "After each fault the system serves again, and all its nodes do, in time", {
    timed: true,
  });
  const cost = new Check("I10", "No fault costs more than it may while it is on", { timed: true });
  for (const figure of figures) {
    const { event, recoveryMs } = figure;
    const { limits, error, with: beside } = event;
    const name = `${event.number} ${event.fault}${beside === null ? "" : ` beside ${beside}`}`;
    for (const check of [done, recovered, cost]) check.see(1);
    if (error !== null) done.violated(`${name}: ${error}`);
    const withinMs =
      rowMs +
      Math.max(limits.recoverWithinMs, ...besides(figure, figures).map(({ event }) => event.limits.recoverWithinMs));
    if (recoveryMs === null) recovered.violated(`${name}: no 20 successes in a row`);
    else if (recoveryMs > withinMs) recovered.violated(`${name}: after ${recoveryMs} ms, not ${withinMs}`);
    if (event.wholeAtMs === null) recovered.violated(`${name}: not every node was ready again`);
    if (beside === null && error === null) for (const problem of costsOf(figure)) cost.violated(`${name}: ${problem}`);
  }
  return [done.verdict, recovered.verdict, cost.verdict];
}

const besides = ({ event }: FaultFigures, figures: readonly FaultFigures[]): FaultFigures[] =>
  event.with === null
    ? []
    : figures.filter((other) => other.event.fault === event.with && Math.abs(other.event.number - event.number) <= 1);

function costsOf({
  event,
  servedAfterMs,
  asked,
  placed,
  failed,
  failures,
  slowestMs,
  slowest,
}: FaultFigures): string[] {
  const { servesWithinMs, placedPercent, seamless, callMs } = event.limits;
  const problems: string[] = [];
  if (servesWithinMs !== undefined && asked > 0 && (servedAfterMs === null || servedAfterMs > servesWithinMs))
    problems.push(`served again after ${servedAfterMs ?? "no"} ms, not ${servesWithinMs}`);
  if (placedPercent !== undefined && placed * 100 < asked * placedPercent)
    problems.push(`${placed} of ${asked} orders were answered in time, fewer than ${placedPercent} %`);
  if (seamless && failed > 0) problems.push(`${failed} requests failed: ${textOf(failures)}`);
  if (slowestMs > callMs) problems.push(`a call (${slowest}) took ${slowestMs} ms, not ${callMs}`);
  return problems;
}

export const textOf = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 5)
    .map(([what, times]) => `${times} × ${what}`)
    .join(", ");

/** Revoked tokens and guessed passwords, whatever is down. */
export function checkAccess(history: Seen, { mostGuessesAllowed }: { mostGuessesAllowed: number }): Verdict[] {
  const check = new Check(
    "I11",
    "Revoked tokens and wrong passwords are refused, and guesses stay limited, whatever is down",
  );
  for (const operation of history.operations) {
    if (operation.kind !== "revoked token" && operation.kind !== "wrong password") continue;
    for (const one of operation.tries) {
      check.see(1);
      if (one.why === accepted) check.violated(nameOf(operation, one));
    }
  }
  const most = mostGuesses(history, guessWindowMs);
  if (most > mostGuessesAllowed)
    check.violated(`${most} guesses were looked at in 15 minutes, not ${mostGuessesAllowed}`);
  return [check.verdict];
}

/** Requests that failed in all, faults or not. */
export const failedTries = ({ operations }: Seen): number =>
  operations.reduce((sum, { tries }) => sum + tries.filter(hasFailed).length, 0);
