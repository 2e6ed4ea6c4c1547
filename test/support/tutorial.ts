import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { eventually } from "./wait.ts";

const root = resolve(import.meta.dirname, "../..");
const left = new Set(["node_modules", ".git", "data", "coverage", "dist", ".env"]);

/** What is under `docs/` with this name. */
export const pageNamed = (name: string): string => readFileSync(join(root, "docs", name), "utf8");

/** A copy of the tree in a directory of its own, with what the page says to write: whole files, lines before others. */
export function followed(page: string): { copy: string; steps: number; remove(): void } {
  const copy = mkdtempSync(join(tmpdir(), "hub-tutorial-"));
  cpSync(root, copy, { recursive: true, filter: (path) => path === root || !left.has(basename(path)) });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  const steps = Array.from(page.matchAll(/<!-- (file|before) ([^:\s]+)(?:: (.*?))? -->\s+```\w+\n([^]*?)```/g));
  for (const [, kind, path = "", anchor = "", code = ""] of steps) {
    const target = join(copy, path);
    mkdirSync(dirname(target), { recursive: true });
    if (kind === "file") writeFileSync(target, code);
    else writeBefore(target, anchor.replaceAll("\\n", "\n"), code);
  }
  return { copy, steps: steps.length, remove: () => rmSync(copy, { recursive: true, force: true }) };
}

function writeBefore(path: string, anchor: string, code: string): void {
  const text = readFileSync(path, "utf8");
  // in the list of names and in no comment
  const found = text.split(anchor).length - 1;
  if (found !== 1) throw new Error(`${path} has ${JSON.stringify(anchor)} ${found} times`);
  writeFileSync(
    path,
    text.replace(anchor, () => code + anchor),
  );
}

/** What the compiler says of these files of a copy. */
export function typesOf(copy: string, files: readonly string[]): { status: number | null; stdout: string } {
  const include = [...files, "lib/*.d.ts", "repl/*.d.ts", "test/support/*.d.ts"];
  writeFileSync(join(copy, "tsconfig.tutorial.json"), JSON.stringify({ extends: "./tsconfig.json", include }));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "--noEmit", "-p", "tsconfig.tutorial.json"], {
    cwd: copy,
    encoding: "utf8",
  });
  return { status, stdout };
}

/** What a page says to do in terminals, in its order. */
export type Act =
  | { kind: "run"; code: string; prints: string | null; soon: boolean }
  | { kind: "terminal"; name: string; ready: string; code: string }
  | { kind: "restart"; name: string };

export function actsOf(page: string): Act[] {
  const acts: Act[] = [];
  const comments = /<!-- (run, soon|run|prints|terminal|restart)(?: (\w+))?(?:: (.*?))? -->(?:\s+```\w+\n([^]*?)```)?/g;
  for (const [, kind, name = "", ready = "", code = ""] of page.matchAll(comments)) {
    const last = acts.at(-1);
    if (kind === "prints") {
      if (last?.kind !== "run") throw new Error(`nothing is run that prints ${code}`);
      last.prints = code;
    } else if (kind === "terminal") acts.push({ kind, name, ready, code });
    else if (kind === "restart") acts.push({ kind, name });
    else acts.push({ kind: "run", code, prints: null, soon: kind !== "run" });
  }
  return acts;
}

/** Whether this is what was promised; … stands for anything within a line, and columns may be wider. */
export const isAsPromised = (output: string, promised: string): boolean =>
  new RegExp(`^${narrow(promised).split("…").map(escaped).join(".*")}$`).test(narrow(output));

const narrow = (text: string): string =>
  text
    .trim()
    .replace(/ *\n */g, "\n")
    .replace(/ +/g, " ");
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

interface Shell {
  /** What it writes to its standard output. */
  run(code: string): Promise<string>;
  stop(): Promise<void>;
}

/** Terminals of one person: one to type into, and others with a name, each with something that runs until Ctrl-C. */
export function terminals(cwd: string, env: NodeJS.ProcessEnv) {
  const running = new Map<string, { child: ChildProcess; ready: string; code: string }>();
  let shell: Shell | undefined;

  async function start(name: string, ready: string, code: string): Promise<void> {
    const child = spawn("bash", ["-c", code], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    running.set(name, { child, ready, code });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await eventually(() => {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${said}`);
      return said.includes(ready);
    }, 60_000);
  }
  async function signal(name: string, how: "SIGINT" | "SIGKILL"): Promise<void> {
    const child = running.get(name)?.child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    process.kill(-child.pid, how);
    await ended;
  }

  return {
    start,
    async restart(name: string): Promise<void> {
      await signal(name, "SIGINT");
      const { ready, code } = running.get(name) ?? { ready: "", code: "" };
      await start(name, ready, code);
    },
    run: (code: string): Promise<string> => (shell ??= openShell(cwd, env)).run(code),
    async stop(): Promise<void> {
      await Promise.all([...running.keys()].map((name) => signal(name, "SIGKILL")));
      await shell?.stop();
    },
  };
}

function openShell(cwd: string, env: NodeJS.ProcessEnv): Shell {
  const child = spawn("bash", { cwd, env, stdio: ["pipe", "pipe", "ignore"] });
  const mark = "--- that was all ---";
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  return {
    async run(code) {
      out = "";
      child.stdin.write(`${code}\necho '${mark}'\n`);
      await eventually(() => out.includes(mark), 60_000);
      return out.replace(`${mark}\n`, "");
    },
    async stop() {
      const ended = once(child, "exit");
      child.stdin.end();
      await ended;
    },
  };
}
