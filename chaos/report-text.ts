import { asText } from "../bench/report/table.ts";
import type { Run } from "./run.ts";
import { summaryOf } from "./summary.ts";
import type { Verdict } from "./verdict.ts";

const shownTries = 30;

/** What the terminal says at the end. */
export function reportText(run: Run): string {
  const { result, seed, loadMs, turnedAway, loopDelayP99Ms, wasCut, events } = run;
  const { counts, verdicts, ok } = result;
  const red = verdicts.filter((verdict) => !verdict.ok);
  return [
    asText(verdictHeader, verdicts.map(verdictCells)),
    asText(faultHeader, faultRows(run)),
    countsOf(run)
      .map(([name, value]) => `${name}: ${value}`)
      .join(", "),
    `${events.length} faults in ${seconds(loadMs)} s of load${wasCut ? " (ended early)" : ""}; ${turnedAway} orders turned away by the clients; event loop of the clients p99 ${loopDelayP99Ms.toFixed(0)} ms`,
    ...red.map((verdict) => violationText(run, verdict)),
    `seed ${seed}: ${ok ? "every invariant held" : `${red.length} checks are red`}; ${counts.lost} of ${counts.acknowledged} acknowledged orders were lost`,
  ].join("\n\n");
}

export const verdictHeader = ["invariant", "holds", "checked", "violations", ""];
export const verdictCells = ({ id, title, ok, checked, violations }: Verdict): string[] => [
  id,
  ok ? "yes" : "NO",
  String(checked),
  String(violations),
  title,
];

export const faultHeader = [
  "fault",
  "times",
  "recovery median ms",
  "worst ms",
  "retries that succeeded %",
  "slowest call ms",
  "failed requests",
];

export const faultRows = ({ result }: Pick<Run, "result">): string[][] =>
  summaryOf(result.figures).map((row) => [
    row.fault,
    String(row.times),
    row.medianRecoveryMs === null ? "–" : String(row.medianRecoveryMs),
    row.unrecovered > 0 ? "never" : String(row.worstRecoveryMs ?? "–"),
    row.retriedWellPercent === null ? "–" : row.retriedWellPercent.toFixed(1),
    String(row.slowestMs),
    row.seamless ? `${row.failed} (none allowed)` : String(row.failed),
  ]);

/** The numbers that the run is about, with their names. */
export const countsOf = ({ result: { counts, mails, mailsRepeated } }: Pick<Run, "result">): [string, number][] => [
  ["requests", counts.attempts],
  ["acknowledged orders", counts.acknowledged],
  ["lost", counts.lost],
  ["unexpected", counts.unexpected],
  ["duplicated", counts.duplicated],
  ["recovered by asking again", counts.recovered],
  ["e-mails", mails],
  ["e-mails that came again", mailsRepeated],
];

export const seconds = (ms: number): string => (ms / 1_000).toFixed(0);

function violationText(run: Run, { id, title, examples, orders, violations }: Verdict): string {
  const more = violations > examples.length ? [`  … and ${violations - examples.length} more`] : [];
  const histories = [...new Set(orders)].slice(0, 3).flatMap((order) => historyOf(run, order));
  return [`${id} does not hold: ${title}`, ...examples.map((one) => `  ${one}`), ...more, ...histories].join("\n");
}

/** What clients saw of an order, a line a request. */
export function historyOf({ history }: Pick<Run, "history">, order: string): string[] {
  const about = history.operations.filter((operation) => operation.order === order);
  const lines = about.flatMap(({ kind, key, tries }) =>
    tries.map((one) => {
      const at = new Date(one.startedAtMs).toISOString();
      const end = [one.ending ?? "no end", one.status, one.why].filter((part) => part !== null).join(" ");
      return `    ${at} ${kind} ${key ?? ""} at gateway ${one.gateway}: ${end} after ${one.tookMs} ms`;
    }),
  );
  return [`  order ${order}:`, ...lines.slice(0, shownTries)];
}
