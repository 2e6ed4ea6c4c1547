import { readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { bigDataCells, bigDataDoctor, bigDataHeader, bigDataSizes } from "./big-data.ts";
import { plot } from "./plot.ts";
import { toJson, type Results } from "./results.ts";
import {
  asMarkdown,
  curveCells,
  curveHeader,
  curveNote,
  goalHeader,
  goalTable,
  memoryNote,
  plotsCells,
  plotsHeader,
  plotsNote,
  recoveryNotes,
  scaleCells,
  scaleHeader,
  scenarioCells,
  scenarioHeader,
  watchedCells,
  watchedHeader,
} from "./table.ts";

const begin = "<!-- npm run bench -- --write: begin -->";
const end = "<!-- npm run bench -- --write: end -->";
const pageName = "performance.md";
const dataName = "performance.json";
const plotName = "performance.svg";

/** The results that were committed last; null when there are none. */
export function committedResults(directory: string): Results | null {
  try {
    return JSON.parse(readFileSync(join(directory, dataName), "utf8")) as Results;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return null;
    throw error;
  }
}

/** Writes the data and the plot, and puts the tables between their marks in the page; its other words stay. */
export async function writePage(directory: string, results: Results): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFormatted(join(directory, dataName), toJson(results));
  if (results.curve) await writeFile(join(directory, plotName), plot(results.curve));
  const path = join(directory, pageName);
  const page = await readFile(path, "utf8").catch(unlessMissing);
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`${path} has no place for the results: ${begin} … ${end}`);
  const text = `${page.slice(0, from)}${begin}\n\n${sections(results).join("\n\n")}\n\n${page.slice(to)}`;
  await writeFormatted(path, text);
}

/** As the project's own check wants its files. */
async function writeFormatted(path: string, text: string): Promise<void> {
  await writeFile(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
}

/** A directory without a page gets one that has nothing but the results. */
function unlessMissing(error: unknown): string {
  if ((error as { code?: string }).code === "ENOENT") return `# Performance\n\n${begin}\n${end}\n`;
  throw error;
}

function sections(results: Results): string[] {
  const {
    commit,
    machine,
    at,
    command,
    floors,
    webDrift,
    scenarios,
    curve,
    drain,
    lag,
    recovery,
    watched,
    plots,
    scale,
    memory,
    bigData,
    problems,
  } = results;
  const notes = scenarios.flatMap(({ name, notes }) => notes.map((note) => `- ${name}: ${note}`));
  return [
    `Commit ${commit}, ${at.slice(0, 10)}, ${machine}. Command: \`${command}\`.`,
    `Floors: bare \`node:http\` ${Math.round(floors.http)} requests/s, empty moleculer-web action ${Math.round(floors.web)} requests/s (${(webDrift * 100).toFixed(0)} % apart at the begin and the end of the run).`,
    ...(problems.length > 0 ? [`**Not to be relied on:** ${problems.join("; ")}`] : []),
    "### What was to be reached",
    asMarkdown(goalHeader, goalTable(results)),
    "### Every scenario",
    asMarkdown(scenarioHeader, scenarios.map(scenarioCells)),
    ...(notes.length > 0 ? [notes.join("\n")] : []),
    ...(curve
      ? [
          "### Latency over load",
          `![Latency of checkouts over load](${plotName})`,
          asMarkdown(curveHeader, curveCells(curve)),
          curveNote(curve),
        ]
      : []),
    ...(drain
      ? [
          "### Events after a peak",
          `${drain.behind} publications and applications were behind; with ${drain.checkoutsPerSecond} checkouts/s going on they were done in ${drain.seconds.toFixed(1)} s, ${Math.round(drain.perSecond)} a second.`,
        ]
      : []),
    ...(lag
      ? [
          `From order to notification at ${lag.ordersPerSecond} orders/s: p50 ${Math.round(lag.p50Ms)} ms, p99 ${Math.round(lag.p99Ms)} ms.`,
        ]
      : []),
    ...(recovery
      ? [
          "### Recovery",
          recoveryNotes(recovery)
            .map((note) => `- ${note}`)
            .join("\n"),
        ]
      : []),
    ...(watched ? ["### Metrics and traces", asMarkdown(watchedHeader, watchedCells(watched))] : []),
    ...(plots ? ["### The console's plots", plotsNote(plots), asMarkdown(plotsHeader, plotsCells(plots))] : []),
    ...(scale ? ["### More nodes", asMarkdown(scaleHeader, scaleCells(scale))] : []),
    ...(memory ? ["### Memory", memoryNote(memory)] : []),
    ...(bigData
      ? [
          "### Large data",
          bigDataSizes(bigData),
          asMarkdown(bigDataHeader, bigDataCells(bigData)),
          bigDataDoctor(bigData),
        ]
      : []),
  ];
}
