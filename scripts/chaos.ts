import { randomInt } from "node:crypto";
import { createWriteStream, type WriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { faults } from "../chaos/faults/index.ts";
import { readOptions, usage, type Options } from "../chaos/options.ts";
import { reportPage } from "../chaos/report-page.ts";
import { reportText } from "../chaos/report-text.ts";
import { toJson } from "../chaos/report-json.ts";
import { runChaos } from "../chaos/run.ts";
import { faultLine } from "../chaos/summary.ts";
import { sentenceOf } from "./run-script.ts";

// `npm run chaos`: attacks a cluster of its own under load, and checks that every promise was kept. Exit code 0 only then.

const say = (text: string): void => void process.stdout.write(`${text}\n`);

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${sentenceOf(error)}\n`);
  return 1;
});
// a server or a node that could not be stopped keeps nobody waiting
setTimeout(() => process.exit(), 10_000).unref();

async function main(): Promise<number> {
  const asked = readOptions(process.argv.slice(2), () => randomInt(2 ** 31 - 1));
  if (asked.what === "help") say(usage);
  if (asked.what === "list") for (const { name, about } of faults) say(`${name.padEnd(28)} ${about}`);
  return asked.what === "run" ? run(asked.options) : 0;
}

async function run(options: Options): Promise<number> {
  const { faults: count, seed, report, json } = options;
  say(`seed ${seed}: ${count} faults, ${options.ratePerSecond} orders/s, ${options.nodes} nodes`);
  const cut = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      say("ending early: checking what was done so far");
      cut.abort();
    });
  }
  const history = opened(options.history);
  const log = opened(options.log);
  try {
    const done = await runChaos(options, {
      say,
      signal: cut.signal,
      onEvent: (event, { orders }) => say(`${faultLine({ event })}; ${orders.size} orders`),
      ...(history ? { write: (line: string) => void history.write(line) } : {}),
      ...(log
        ? { onOutput: (from: string, text: string) => void log.write(text.replace(/^(?=.)/gm, `${from} `)) }
        : {}),
    });
    say(`\n${reportText(done)}`);
    if (json !== null) await writeFile(json, toJson(done));
    if (report !== null) await writeFile(report, reportPage(done));
    return done.result.ok ? 0 : 1;
  } finally {
    await Promise.all([history, log].flatMap((stream) => (stream ? closed(stream) : [])));
  }
}

function opened(path: string | null): WriteStream | null {
  return path === null ? null : createWriteStream(path);
}

function closed(stream: WriteStream): Promise<void> {
  return new Promise((resolve) => stream.end(() => resolve()));
}
