import { execFile, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Verdict } from "./verdict.ts";

// Bugs that systems of this kind have had, each as a patch. Applied to a copy of the tree, never to the tree itself.

const root = resolve(import.meta.dirname, "..");
export const mutantsFolder = join(root, "test/mutants");

export interface Mutant {
  name: string;
  /** What is wrong with it, in a sentence. */
  about: string;
  /** Faults that bring it to light, as `--only` takes them, and how many. */
  only: string;
  faults: number;
  /** The invariants of which one has to be red. */
  red: readonly string[];
  patch: string;
}

const header = /^(?<about>.+)\n\nFaults: (?<only>[\w,-]+) \((?<faults>\d+)\)\nRed: (?<red>[\w, ]+)\n\ndiff /;

export function readMutants(): Mutant[] {
  return readdirSync(mutantsFolder)
    .filter((file) => file.endsWith(".patch"))
    .sort()
    .map((file) => {
      const patch = join(mutantsFolder, file);
      const { about, only, faults, red } = header.exec(readFileSync(patch, "utf8"))?.groups ?? {};
      if (!about || !only || !red)
        throw new Error(`${file} does not begin with what it is, its faults and what is red`);
      return { name: basename(file, ".patch"), about, only, faults: Number(faults), red: red.split(", "), patch };
    });
}

const left = new Set(["node_modules", ".git", "data", "coverage", "docs"]);

/** A copy of the tree with a patch applied; null for a true copy. Whoever asks for it deletes it. */
export async function copyWith(patch: string | null): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "hub-mutant-"));
  cpSync(root, directory, { recursive: true, filter: (path) => path === root || !left.has(basename(path)) });
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
  if (patch !== null) {
    await promisify(execFile)("git", ["apply", "--whitespace=nowarn", patch], { cwd: directory, timeout: 30_000 });
  }
  return directory;
}

export interface Trial {
  /** Null: the run came to no result, and `output` says why. */
  verdicts: Verdict[] | null;
  output: string;
}

export interface TrialOptions {
  directory: string;
  only: string;
  faults: number;
  seed: number;
  signal: AbortSignal;
}

const trialWithinMs = 600_000;
const keptOutput = 4_000;

/** A short chaos run of the tree in `directory`, by its own harness. */
export async function tryOut({ directory, only, faults, seed, signal }: TrialOptions): Promise<Trial> {
  const json = join(directory, "chaos.json");
  const options = { faults, only, seed, rate: 40, accounts: 30, ttl: 8, json };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(process.execPath, [join(directory, "scripts/chaos.ts"), ...args], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    signal: AbortSignal.any([signal, AbortSignal.timeout(trialWithinMs)]),
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-keptOutput)));
  }
  await new Promise<void>((done) => {
    child.once("error", (error) => (output += `\n${error.message}`));
    child.once("close", () => done());
  });
  return { verdicts: verdictsIn(json), output };
}

function verdictsIn(json: string): Verdict[] | null {
  try {
    return (JSON.parse(readFileSync(json, "utf8")) as { verdicts: Verdict[] }).verdicts;
  } catch {
    // it did not come so far as to write one
    return null;
  }
}

export const remove = (directory: string): void => rmSync(directory, { recursive: true, force: true });
