import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { DoctorReport } from "../contracts/ops.ts";
import { runScript } from "./run-script.ts";
import { ScriptError } from "./rest-client.ts";
import { eachInTurn } from "../bench/each-in-turn.ts";
import { measureFloor } from "../bench/floors.ts";
import type { Bench } from "../bench/measure.ts";
import { readOptions, usage, type Options } from "../bench/options.ts";
import { compare } from "../bench/report/compare.ts";
import { committedResults, writePage } from "../bench/report/page.ts";
import { commitOf, machineOf, toJson, type Results } from "../bench/report/results.ts";
import {
  asText,
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
} from "../bench/report/table.ts";
import { bigDataCells, bigDataDoctor, bigDataHeader, bigDataSizes } from "../bench/report/big-data.ts";
import { scenarios, type ScenarioName, type StudyName } from "../bench/scenarios/index.ts";
import { bigData } from "../bench/studies/big-data.ts";
import { checkoutCurve } from "../bench/studies/curve.ts";
import { drain, lag } from "../bench/studies/events.ts";
import { memory } from "../bench/studies/memory.ts";
import { plots } from "../bench/studies/plots.ts";
import { recovery } from "../bench/studies/recovery.ts";
import { scale } from "../bench/studies/scale.ts";
import { watched } from "../bench/studies/watched.ts";
import { openWorld, type World } from "../bench/world.ts";

// `npm run bench`: how fast the system is beside servers that do nothing, measured in the same run on the same machine.
// Ends with 1 when anything failed, or when the doctor finds something after a scenario.

const pages = "docs";
/** So many events are under way at any time. */
const fewBehind = 100;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

await runScript(async () => {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    say(usage);
    return;
  }
  if (options.profileDir !== null) mkdirSync(options.profileDir, { recursive: true });
  say("starting the servers and a node");
  const world = await openWorld(options.useMs);
  const results = await run(world, options).finally(() => world.stop());
  report(results);
  if (options.json !== null) await writeFile(options.json, toJson(results));
  if (options.write !== null) await writePage(options.write, results);
  if (results.problems.length > 0) throw new ScriptError(`\nNot well:\n  ${results.problems.join("\n  ")}`);
});

async function run(world: World, options: Options): Promise<Results> {
  const { warmMs, measureMs, profileDir, orders, minutes } = options;
  const bench: Bench = { world, times: { warmMs, measureMs }, profileDir, orders, minutes };
  const { body: answer } = await world.rest.send(`/products/${world.products[0] ?? ""}`);
  const floor = async (name: "http" | "web") => {
    say(`floor ${name}`);
    return measureFloor(world.generator, name, answer, bench.times);
  };
  const [http, webBefore] = [await floor("http"), await floor("web")];

  const results: Results = {
    commit: commitOf(),
    machine: machineOf(),
    floors: { http: http.perSecond, web: webBefore.perSecond },
    scenarios: [],
    at: new Date().toISOString(),
    command: `npm run bench${process.argv.slice(2).length > 0 ? " -- " : ""}${process.argv.slice(2).join(" ")}`,
    webDrift: 0,
    webCpuMsPerRequest: webBefore.cpuMsPerRequest,
    curve: null,
    drain: null,
    lag: null,
    recovery: null,
    watched: null,
    plots: null,
    scale: null,
    memory: null,
    bigData: null,
    problems: [],
  };
  const check = async (what: string, report?: DoctorReport): Promise<void> => {
    await world.settle();
    results.problems.push(...failedChecks(what, report ?? (await world.doctor())));
  };

  const noteErrors = (name: string, kinds: Record<string, number>): void => {
    for (const [kind, count] of Object.entries(kinds)) results.problems.push(`${name}: ${count} times ${kind}`);
  };

  const known = scenarios(options.checkoutsPerSecond);
  const measureScenario = async (name: ScenarioName): Promise<void> => {
    const scenario = known[name];
    await world.use(scenario.ungrouped ? { groupMost: 1 } : {});
    const row = await scenario.run(bench);
    results.scenarios.push(row);
    const endedMs = performance.now();
    const behind = await world.settle();
    if (behind > fewBehind) {
      const seconds = ((performance.now() - endedMs) / 1_000).toFixed(1);
      row.notes.push(`${behind} events were behind when it ended, and done ${seconds} s later`);
    }
    noteErrors(name, row.errorKinds);
    // what is wrong stays wrong: where there is no time, one look at the end finds it too
    if (!options.quick) await check(name);
  };
  const study = async (name: StudyName): Promise<void> => {
    await world.use();
    if (name === "curve") results.curve = await checkoutCurve(bench);
    if (name === "drain") results.drain = await drain(bench);
    if (name === "lag") results.lag = await lag(bench);
    if (name === "recovery") results.recovery = await recovery(bench);
    if (name === "watched") results.watched = await watched(bench);
    if (name === "plots") results.plots = await plots(bench);
    if (name === "scale") results.scale = await scale(bench);
    if (name === "memory") {
      results.memory = await memory(bench);
      noteErrors(name, results.memory.errorKinds);
    }
    if (name === "big-data") {
      const { found, report, problems } = await bigData(bench, say);
      results.bigData = found;
      results.problems.push(...problems);
      // as it was found among so many: to look again would take as long again
      if (report) await check(name, report);
    } else await check(name);
  };
  results.problems.push(...(await eachInTurn(options.scenarios, measureScenario, say)));
  if (options.quick && options.scenarios.length > 0) await check("all of them");
  results.problems.push(...(await eachInTurn(options.studies, study, say)));

  const webAfter = await floor("web");
  const web = (webBefore.perSecond + webAfter.perSecond) / 2;
  results.floors.web = web;
  results.webDrift = Math.abs(webAfter.perSecond - webBefore.perSecond) / web;
  results.webCpuMsPerRequest = (webBefore.cpuMsPerRequest + webAfter.cpuMsPerRequest) / 2;
  for (const row of results.scenarios) row.ofWeb = row.perSecond === null ? null : row.perSecond / web;
  return results;
}

function failedChecks(after: string, { checks }: DoctorReport): string[] {
  return checks
    .filter(({ ok }) => !ok)
    .map(({ id, title, examples, problem }) => `after ${after}: ${id} ${title}: ${problem ?? examples.join("; ")}`);
}

function report(results: Results): void {
  const {
    commit,
    machine,
    floors,
    webDrift,
    webCpuMsPerRequest,
    scenarios: rows,
    curve,
    drain: drained,
    lag: lagged,
    recovery: recovered,
    watched: seen,
    plots: plotted,
    scale: scaled,
    memory: remembered,
    bigData: filled,
  } = results;
  say(`\n${commit} on ${machine}`);
  say(`floors: node:http ${Math.round(floors.http)}/s, empty moleculer-web action ${Math.round(floors.web)}/s`);
  say(
    `(which changed by ${(webDrift * 100).toFixed(0)} % during the run, and took ${webCpuMsPerRequest.toFixed(3)} ms of a core)\n`,
  );
  say(asText(scenarioHeader, rows.map(scenarioCells)));
  for (const { name, notes } of rows) for (const note of notes) say(`  ${name}: ${note}`);
  if (curve) {
    say(`\n${asText(curveHeader, curveCells(curve))}`);
    say(curveNote(curve));
  }
  if (drained) {
    say(`\n${drained.behind} behind after a peak; ${Math.round(drained.perSecond)} a second while checkouts went on`);
  }
  if (lagged) say(`order to notification at ${lagged.ordersPerSecond}/s: p99 ${Math.round(lagged.p99Ms)} ms`);
  if (recovered) for (const note of recoveryNotes(recovered)) say(note);
  if (seen) say(`\n${asText(watchedHeader, watchedCells(seen))}`);
  if (plotted) say(`\n${plotsNote(plotted)}\n${asText(plotsHeader, plotsCells(plotted))}`);
  if (scaled) say(`\n${asText(scaleHeader, scaleCells(scaled))}`);
  if (remembered) say(`\n${memoryNote(remembered)}`);
  if (filled) {
    say(`\n${bigDataSizes(filled)}\n${asText(bigDataHeader, bigDataCells(filled))}\n${bigDataDoctor(filled)}`);
  }
  say(`\n${asText(goalHeader, goalTable(results))}`);
  const committed = committedResults(pages);
  if (committed) say(`\n${compare(results, committed)}`);
}
