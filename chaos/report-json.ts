import { commitOf, machineOf } from "../bench/report/results.ts";
import { historyOf } from "./report-text.ts";
import type { Run } from "./run.ts";
import { summaryOf } from "./summary.ts";

/** Where and of what the run was. */
export const provenanceOf = ({
  servers,
}: Pick<Run, "servers">): { commit: string; machine: string; servers: string[] } => ({
  commit: commitOf(),
  machine: machineOf(),
  servers,
});

/** All figures of a run, for machines. */
export function toJson(run: Run): string {
  const { result, history: _history, ...rest } = run;
  const { figures, verdicts, ...counts } = result;
  const told = verdicts.map(({ orders, ...verdict }) => ({
    ...verdict,
    histories: orders.slice(0, 3).map((order) => historyOf(run, order)),
  }));
  const figured = figures.map(({ event: { number, fault }, ...figure }) => ({ number, fault, ...figure }));
  return `${JSON.stringify({ ...provenanceOf(run), ...rest, ...counts, verdicts: told, faults: summaryOf(figures), figures: figured }, null, 1)}\n`;
}
