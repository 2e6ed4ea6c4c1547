import { lastHealMs, type FaultFigures } from "./fault-figures.ts";

/** All times that one fault was played, together. */
export interface FaultSummary {
  fault: string;
  times: number;
  medianRecoveryMs: number | null;
  worstRecoveryMs: number | null;
  /** Times it never recovered. */
  unrecovered: number;
  /** Of the orders that did not succeed at once while it was on, how many did in time, of a hundred; null without any. */
  retriedWellPercent: number | null;
  slowestMs: number;
  failed: number;
  /** No request may fail. */
  seamless: boolean;
}

/** By the fault's name. */
export function summaryOf(figures: readonly FaultFigures[]): FaultSummary[] {
  const byFault = [...Map.groupBy(figures, ({ event }) => event.fault)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return byFault.map(([fault, all]) => {
    const recoveries = all.flatMap(({ recoveryMs }) => recoveryMs ?? []).toSorted((a, b) => a - b);
    // what failed beside another fault is not this one's doing
    const alone = all.filter(({ event }) => event.with === null);
    const sum = (of: (figure: FaultFigures) => number): number => all.reduce((total, one) => total + of(one), 0);
    const retried = sum((one) => one.retried);
    return {
      fault,
      times: all.length,
      medianRecoveryMs: recoveries[Math.floor((recoveries.length - 1) / 2)] ?? null,
      worstRecoveryMs: recoveries.at(-1) ?? null,
      unrecovered: all.length - recoveries.length,
      retriedWellPercent: retried === 0 ? null : (sum((one) => one.retriedWell) * 100) / retried,
      slowestMs: Math.max(0, ...alone.map(({ slowestMs }) => slowestMs)),
      failed: alone.reduce((total, { failed }) => total + failed, 0),
      seamless: all.some(({ event }) => event.limits.seamless === true),
    };
  });
}

/** Of a fault as it went, in a line. */
export function faultLine(figure: Pick<FaultFigures, "event">): string {
  const { event } = figure;
  const { number, fault, notes, error, recoveredAtMs, healedAtMs, injectedAtMs, wholeAtMs } = event;
  const recovery =
    recoveredAtMs === null
      ? "NOT RECOVERED"
      : `recovered after ${Math.max(0, recoveredAtMs - lastHealMs(event, [event]))} ms`;
  const whole = wholeAtMs === null ? ", NOT WHOLE" : "";
  const problem = error === null ? "" : `, FAILED: ${error}`;
  const beside = event.with === null ? "" : ` beside ${event.with}`;
  const note = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
  return `${number} ${fault}${beside}${note}: on for ${healedAtMs - injectedAtMs} ms, ${recovery}${whole}${problem}`;
}
