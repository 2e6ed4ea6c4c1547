import { parseArgs } from "node:util";
import { copyWith, readMutants, remove, tryOut, type Mutant, type Trial } from "../chaos/mutants.ts";
import { ScriptError } from "./rest-client.ts";
import { runScript } from "./run-script.ts";

// `npm run mutants`: brings known bugs back, one after the other, in copies of the tree, and demands that a short chaos
// run of each is red, and that of the tree itself green. Exit code 0 only then.

const seed = 1;
const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());

const say = (text: string): void => void process.stdout.write(`${text}\n`);

await runScript(async () => {
  const { values } = parseArgs({ options: { only: { type: "string" } } });
  const mutants = chosen(readMutants(), values.only);
  let missed = 0;
  for (const one of [...(values.only === undefined ? [unharmed(mutants)] : []), ...mutants]) {
    if (ending.signal.aborted) throw new ScriptError("ended early");
    const startedAt = performance.now();
    const problem = problemOf(one, await trialOf(one));
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    if (problem.missed) missed += 1;
    say(
      `${problem.missed ? "MISSED" : "ok    "} ${one.name.padEnd(28)} ${String(seconds).padStart(4)} s  ${problem.text}`,
    );
  }
  say(`${mutants.length} bugs brought back, ${missed} missed`);
  if (missed > 0) process.exitCode = 1;
});

type Candidate = Omit<Mutant, "patch"> & { patch: string | null };

/** The tree as it is, under all the faults of the others: what is red there is red without a bug. */
function unharmed(mutants: readonly Mutant[]): Candidate {
  const only = [...new Set(mutants.flatMap((mutant) => mutant.only.split(",")))];
  return { name: "(none)", about: "", only: only.join(","), faults: only.length, red: [], patch: null };
}

async function trialOf({ patch, only, faults }: Candidate): Promise<Trial> {
  const directory = await copyWith(patch);
  try {
    return await tryOut({ directory, only, faults, seed, signal: ending.signal });
  } finally {
    remove(directory);
  }
}

function problemOf(
  { red: expected, about }: Candidate,
  { verdicts, output }: Trial,
): { missed: boolean; text: string } {
  if (verdicts === null) return { missed: true, text: `the run came to no result:\n${output}` };
  // how long things take says more about what else the machine does
  const red = verdicts.filter(({ ok, timed }) => !ok && !timed);
  const told = red.map(({ id, title, examples }) => `${id}: ${title} (${examples[0] ?? ""})`).join("; ");
  if (expected.length === 0) return { missed: red.length > 0, text: red.length > 0 ? told : "green, as it has to be" };
  const isSeen = red.some(({ id }) => expected.includes(id));
  return {
    missed: !isSeen,
    text: `${about} ${isSeen ? told : `Not seen by ${expected.join(", ")}; red: ${told || "nothing"}`}`,
  };
}

function chosen(all: Mutant[], only: string | undefined): Mutant[] {
  if (only === undefined) return all;
  const names = only.split(",");
  const unknown = names.filter((name) => !all.some((mutant) => mutant.name === name));
  if (unknown.length > 0) {
    throw new ScriptError(`--only names "${unknown.join(", ")}", but knows ${all.map(({ name }) => name).join(", ")}`);
  }
  return all.filter(({ name }) => names.includes(name));
}
