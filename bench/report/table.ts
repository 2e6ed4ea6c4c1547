import type { Row } from "../scenarios/scenario.ts";
import { goalsOf } from "./goals.ts";
import type { Curve } from "../studies/curve.ts";
import type { Memory } from "../studies/memory.ts";
import type { Plots } from "../studies/plots.ts";
import type { Recovery } from "../studies/recovery.ts";
import type { Scaled } from "../studies/scale.ts";
import type { Watched } from "../studies/watched.ts";
import type { Results } from "./results.ts";

type Cells = readonly string[];

const number = (value: number | null, digits: number): string => (value === null ? "–" : value.toFixed(digits));
const brief = (value: number | null): string => number(value, value === null || value >= 100 ? 0 : value >= 1 ? 1 : 2);

const columns: readonly [string, (row: Row) => string][] = [
  ["scenario", ({ name }) => name],
  ["clients", ({ clients }) => String(clients)],
  ["requests/s", ({ perSecond }) => brief(perSecond)],
  ["of web", ({ ofWeb }) => number(ofWeb, 3)],
  ["p50 ms", ({ p50Ms }) => brief(p50Ms)],
  ["p99 ms", ({ p99Ms }) => brief(p99Ms)],
  ["p99.9 ms", ({ p999Ms }) => brief(p999Ms)],
  ["node CPU ms", (row) => number(row.cpuMsPerRequest, 3)],
  ["servers' CPU ms", (row) => number(row.serversCpuMsPerRequest, 3)],
  ["allocated KB", (row) => brief(row.allocatedKbPerRequest)],
  ["loop p99 ms", (row) => brief(row.loopDelayP99Ms)],
  ["RSS MB", ({ rssMb }) => brief(rssMb)],
  ["generator cores", (row) => number(row.generatorCores, 2)],
  ["errors", ({ errors }) => String(errors)],
];

export const scenarioHeader: Cells = columns.map(([name]) => name);
export const scenarioCells = (row: Row): Cells => columns.map(([, cell]) => cell(row));

export const curveHeader: Cells = ["checkouts/s offered", "completed", "p50 ms", "p99 ms", "errors", "which"];
export const curveCells = ({ points }: Curve): Cells[] =>
  points.map(({ offered, perSecond, p50Ms, p99Ms, errors, errorKinds }) => [
    ...[offered, perSecond, p50Ms, p99Ms, errors].map((value) => String(Math.round(value))),
    kindsOf(errorKinds),
  ]);

/** What went wrong, how often: `3 × 503 UNAVAILABLE`. */
const kindsOf = (errorKinds: Record<string, number>): string =>
  Object.entries(errorKinds)
    .map(([kind, count]) => `${count} × ${kind}`)
    .join(", ");

export const curveNote = ({ highestHeld, knee }: Curve): string =>
  `Highest rate that was held: ${highestHeld?.offered ?? "none"}/s; knee: ${knee?.offered ?? "none"}/s.`;

export const recoveryNotes = ({ joinMs, oneService, away }: Recovery): string[] => [
  `A joining node serves after ${(joinMs / 1_000).toFixed(1)} s.`,
  `A node with one service takes ${oneService.map(({ name, rssMb }) => `${Math.round(rssMb)} MB (${name})`).join(", ")}.`,
  `${away.events} events of ${away.orders} orders without RabbitMQ were done ${away.seconds.toFixed(1)} s after it was back.`,
];

export const watchedHeader: Cells = ["what is on", "orders/s", "of without", "node CPU ms", "of without"];
export const watchedCells = (all: readonly Watched[]): Cells[] =>
  all.map(({ name, perSecond, ofPlain, cpuMsPerRequest, cpuOfPlain }) => [
    name,
    brief(perSecond),
    ofPlain.toFixed(2),
    number(cpuMsPerRequest, 3),
    cpuOfPlain.toFixed(2),
  ]);

export const plotsHeader: Cells = ["consoles", "p50 ms", "p99 ms", "p99 of rounds, ms"];
export const plotsCells = ({ ways }: Plots): Cells[] =>
  ways.map(({ consoles, p50Ms, p99Ms, p99EachMs }) => [
    String(consoles),
    brief(p50Ms),
    brief(p99Ms),
    p99EachMs.map(brief).join(" "),
  ]);
export const plotsNote = ({ perSecond, rounds, viewP50Ms }: Plots): string =>
  `${perSecond} requests/s, medians of ${rounds} rounds in turns; an answer for the plots takes ${brief(viewP50Ms)} ms.`;

export const scaleHeader: Cells = [
  "nodes",
  "checkouts/s offered",
  "completed",
  "p99 ms",
  "nodes' CPU ms",
  "servers' CPU ms",
  "idle CPU %",
  "errors",
];
export const scaleCells = (all: readonly Scaled[]): Cells[] =>
  all.map((one) => [
    String(one.nodes),
    String(one.offered),
    brief(one.perSecond),
    brief(one.p99Ms),
    number(one.cpuMsPerCheckout, 2),
    number(one.serversCpuMsPerCheckout, 2),
    brief(one.idlePercent),
    String(one.errors),
  ]);

export const memoryNote = ({
  minutes,
  checkoutsPerSecond,
  completed,
  errors,
  errorKinds,
  mostMb,
  slopeMbPerMinute,
}: Memory): string =>
  `A node that ran ${completed} checkouts in ${minutes} minutes (${checkoutsPerSecond}/s, ${errors === 0 ? "no errors" : kindsOf(errorKinds)}) took ${Math.round(mostMb)} MB at most; in the second half it grew by ${slopeMbPerMinute.toFixed(2)} MB a minute.`;

export const goalHeader: Cells = ["what", "found", "at least", "aim", "reached"];
export const goalTable = (results: Results): Cells[] =>
  goalsOf(results)
    .filter(({ found }) => found !== null)
    .map(({ what, found, atLeast, aim, reached }) => [
      what,
      found ?? "",
      atLeast,
      aim,
      reached === null ? "" : reached ? "yes" : "no",
    ]);

/** Rows in columns of equal width, as a terminal shows them. */
export function asText(header: Cells, rows: readonly Cells[]): string {
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: Cells): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  return [header, ...rows].map(line).join("\n");
}

export function asMarkdown(header: Cells, rows: readonly Cells[]): string {
  const line = (cells: Cells): string => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, i) => (i === 0 ? "---" : "---:"));
  return [line(header), line(rule), ...rows.map(line)].join("\n");
}
