import { escapeHtml, htmlTable } from "./html.ts";
import { provenanceOf } from "./report-json.ts";
import { familiesOf, plot } from "./report-plot.ts";
import { countsOf, faultHeader, faultRows, historyOf, seconds, verdictHeader, verdictCells } from "./report-text.ts";
import type { Run } from "./run.ts";

/** The hues of fault families stand apart in light and dark; which is which is also in the legend and the tooltips. */
const hues = [212, 28, 140, 350, 265, 190, 52, 310];

const style = `
:root { color-scheme: light dark; --ink: #1c2128; --paper: #fff; --faint: #59636e; --rule: #d1d9e0; --good: #116329; --bad: #b3202a; --line: #0550ae; --line2: #953800 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --faint: #9198a1; --rule: #3d444d; --good: #56d364; --bad: #ff7b72; --line: #79c0ff; --line2: #ffa657 } }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
h1 { font-size: 1.5rem; margin: .5rem 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.verdict { font-weight: 600 } .good { color: var(--good) } .bad { color: var(--bad) }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--rule); vertical-align: top }
th { font-weight: 600; color: var(--faint) } .number { text-align: right; font-variant-numeric: tabular-nums }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .75rem; margin: 1rem 0 }
dt { color: var(--faint); font-size: .85rem } dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums }
svg { width: 100%; min-width: 34rem; height: auto } svg text { font-size: 11px; fill: var(--faint) }
.axis line { stroke: var(--rule) } .orders, .latency { fill: none; stroke-width: 1.5 } .orders { stroke: var(--line) } .latency { stroke: var(--line2) }
.band { opacity: .3 } .legend span { margin-right: 1rem; white-space: nowrap } .legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; opacity: .6 }
pre { overflow-x: auto; font-size: .8rem; background: color-mix(in srgb, var(--ink) 6%, transparent); padding: .75rem }
${hues.map((hue, i) => `.f${i} { fill: hsl(${hue} 70% 50%); background: hsl(${hue} 70% 50%) }`).join("\n")}
`;

/** The run as one page that needs nothing else. */
export function reportPage(run: Run): string {
  const { result, options, seed, startedAtMs, events, wasCut } = run;
  const red = result.verdicts.filter(({ ok }) => !ok);
  const verdict = result.ok ? "Every invariant held" : `${red.length} checks are red`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Chaos run of ${new Date(startedAtMs).toISOString().slice(0, 10)}: ${verdict.toLowerCase()}</title>
<style>${style}</style>
<h1>Chaos run of ${new Date(startedAtMs).toISOString().slice(0, 16).replace("T", " ")} UTC</h1>
<p class="verdict ${result.ok ? "good" : "bad"}">${verdict}. ${result.counts.lost} of ${result.counts.acknowledged} acknowledged orders were lost, over ${events.length} faults${wasCut ? "; the run was ended early" : ""}.</p>
<dl>${countsOf(run)
    .map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${value.toLocaleString("en")}</dd></div>`)
    .join("")}</dl>
<h2>Timeline</h2>
<p class="legend">${familiesOf(events)
    .map((family, i) => `<span><i class="f${i % hues.length}"></i>${escapeHtml(family)}</span>`)
    .join("")}</p>
<div class="wide">${plot(run)}</div>
<h2>Invariants</h2>
${htmlTable(verdictHeader, result.verdicts.map(verdictCells))}
${red.map((one) => `<h2 class="bad">${escapeHtml(`${one.id}: ${one.title}`)}</h2><pre>${escapeHtml([...one.examples, ...one.orders.slice(0, 3).flatMap((order) => historyOf(run, order))].join("\n"))}</pre>`).join("")}
<h2>Faults</h2>
${htmlTable(faultHeader, faultRows(run))}
<h2>The run</h2>
${htmlTable(["what", ""], factsOf(run))}
<p>Again: <code>npm run chaos -- --faults ${options.faults} --seed ${seed} --rate ${options.ratePerSecond} --nodes ${options.nodes}</code></p>
</html>
`;
}

function factsOf(run: Run): string[][] {
  const { commit, machine, servers } = provenanceOf(run);
  const { options, seed, loadMs, startedAtMs, endedAtMs, turnedAway, loopDelayP99Ms } = run;
  return [
    ["commit", commit],
    ["machine", machine],
    ["servers", servers.join(", ")],
    ["seed", String(seed)],
    ["nodes", `${options.nodes}, and one that comes and goes`],
    ["orders offered", `${options.ratePerSecond} a second`],
    ["load", `${seconds(loadMs)} s`],
    ["load and check", `${seconds(endedAtMs - startedAtMs)} s`],
    ["orders turned away by the clients' own limit", String(turnedAway)],
    ["event loop delay of the clients, p99", `${loopDelayP99Ms.toFixed(1)} ms`],
    ["only", options.only.length === 0 ? "all faults" : options.only.join(", ")],
  ];
}
