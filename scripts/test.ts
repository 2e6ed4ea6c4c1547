import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";

// `npm test`: everything that must pass. The last line is `N passed, N failed`.

const root = resolve(import.meta.dirname, "..");
const running = new Set<ChildProcess>();

interface Step {
  name: string;
  command: readonly [string, ...string[]];
  /** What it writes is worth reading also when it passes. */
  tells?: true;
}

const npm = (script: string): Step => ({ name: script, command: ["npm", "run", "--silent", script] });

/** More than so many test files are not unlucky, but broken. */
const mostAgain = 4;

/** Two at a time; the longest first. */
const checks: readonly Step[] = [
  ...["lint", "types", "openapi:lint", "format:check"].map(npm),
  { ...npm("audit"), tells: true },
];

const env = {
  ...process.env,
  REDOCLY_TELEMETRY: "off",
  REDOCLY_SUPPRESS_UPDATE_NOTICE: "true",
  // some hundred processes of the system are started
  NODE_COMPILE_CACHE: join(tmpdir(), "hub-tests-compiled"),
};

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    for (const child of running) child.kill("SIGTERM");
    process.exit(1);
  });
}

process.exitCode = await main();

async function main(): Promise<number> {
  const broken = await runChecks();
  if (broken !== null) return tell({ passed: 0, failed: 1 });
  const { report, ok } = await runTests();
  return tell(report ?? { passed: 0, failed: ok ? 0 : 1 });
}

interface Totals {
  passed: number;
  failed: number;
}

function tell({ passed, failed }: Totals): number {
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

/** The check that failed first, its output shown; null when all passed. */
async function runChecks(): Promise<string | null> {
  const waiting = [...checks];
  let broken: string | null = null;
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step && broken === null; step = waiting.shift()) {
      const { ok, seconds, output } = await run(step, "keep");
      // one that was cut short says nothing of itself
      if (broken !== null) return;
      process.stdout.write(`${ok ? "ok    " : "FAILED"} ${step.name} (${seconds} s)\n`);
      if (ok && step.tells) process.stdout.write(output);
      if (ok) continue;
      broken = step.name;
      process.stdout.write(`${output}\n`);
      for (const child of running) child.kill("SIGTERM");
    }
  };
  await Promise.all([lane(), lane()]);
  return broken;
}

interface JestReport {
  success: boolean;
  numPassedTests: number;
  numFailedTests: number;
  numRuntimeErrorTestSuites: number;
  numPendingTests: number;
  testResults: { name: string; status: "passed" | "failed" }[];
}

/**
 * The suite kills processes, pauses servers and waits with deadlines; on a busy machine one of those comes late. A file
 * that failed is run once more, alone: a fault of the product fails there too, and what passed only then is named.
 */
async function runTests(): Promise<{ report: Totals | null; ok: boolean }> {
  const options = process.argv.slice(2);
  const first = await runJest(options);
  const failed = failedFiles(first.report);
  if (first.ok || first.report === null || failed.length === 0 || failed.length > mostAgain) {
    return { report: totals(first), ok: first.ok };
  }
  process.stdout.write(`again, alone: ${failed.map(shown).join(", ")}\n`);
  const second = await runJest(["--runInBand", "--runTestsByPath", ...failed]);
  if (second.report === null) return { report: totals(first), ok: false };
  const stillFailed = failedFiles(second.report);
  const late = failed.filter((file) => !stillFailed.includes(file));
  if (late.length > 0) process.stdout.write(`passed only alone: ${late.map(shown).join(", ")}\n`);
  const again = totals(second) ?? { passed: 0, failed: 1 };
  const ran = first.report.numPassedTests + first.report.numFailedTests;
  return { report: { passed: ran - Math.min(again.failed, ran), failed: again.failed }, ok: second.ok };
}

function shown(file: string): string {
  return relative(root, file);
}

function failedFiles(report: JestReport | null): string[] {
  return (report?.testResults ?? []).filter(({ status }) => status === "failed").map(({ name }) => name);
}

interface JestRun {
  report: JestReport | null;
  ok: boolean;
}

async function runJest(options: readonly string[]): Promise<JestRun> {
  const directory = mkdtempSync(join(tmpdir(), "hub-jest-"));
  const file = join(directory, "report.json");
  const jest = join(root, "node_modules/jest/bin/jest.js");
  const { ok, seconds } = await run(
    { name: "jest", command: [process.execPath, jest, "--json", `--outputFile=${file}`, ...options] },
    "show",
  );
  process.stdout.write(`${ok ? "ok    " : "FAILED"} jest (${seconds} s)\n`);
  const report = readReport(file);
  rmSync(directory, { recursive: true, force: true });
  if (report && report.numPendingTests > 0) process.stdout.write(`${report.numPendingTests} tests did not run\n`);
  return { report, ok };
}

function totals({ report, ok }: JestRun): Totals | null {
  if (report === null) return null;
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  // servers that could not be started or ended fail the run, not a test
  return { passed: report.numPassedTests, failed: ok ? failed : Math.max(1, failed) };
}

function readReport(file: string): JestReport | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as JestReport;
  } catch {
    // jest did not come so far as to write one
    return null;
  }
}

async function run(
  { name, command: [program, ...args] }: Step,
  output: "keep" | "show",
): Promise<{ ok: boolean; seconds: string; output: string }> {
  const startedAt = performance.now();
  const stdio = output === "show" ? "inherit" : "pipe";
  const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", stdio, stdio] });
  running.add(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise<number | null>((done) => {
    child.once("error", (error) => {
      text += `${name} cannot be run: ${error.message}\n`;
      done(1);
    });
    child.once("close", done);
  });
  running.delete(child);
  return { ok: code === 0, seconds: ((performance.now() - startedAt) / 1000).toFixed(1), output: text };
}
