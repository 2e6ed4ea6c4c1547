import { spawn, type ChildProcess } from "node:child_process";
import { resolve } from "node:path";
import { eventually } from "./wait.ts";

const root = resolve(import.meta.dirname, "../..");

export interface Ended {
  /** Null when a signal ended it. */
  code: number | null;
  out: string;
  err: string;
}

export interface Running {
  child: ChildProcess;
  /** What it wrote so far, on either stream. */
  output(): string;
  /** Resolves once it has written this. */
  wrote(text: string): Promise<unknown>;
  ended: Promise<Ended>;
}

export interface ScriptOptions {
  args?: readonly string[];
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Piped into it; without it, its standard input stays open. */
  input?: string;
}

/** Starts `scripts/<name>.ts` as npm does, with the environment of the tests and what `env` changes of it. */
export function startScript(name: string, { args = [], env = {}, cwd = root, input }: ScriptOptions = {}): Running {
  const child = spawn(process.execPath, [resolve(root, `scripts/${name}.ts`), ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  if (input !== undefined) child.stdin.end(input);
  const ended = new Promise<Ended>((done) => child.once("close", (code) => done({ code, out, err })));
  const output = (): string => out + err;
  return {
    child,
    output,
    wrote: (text) =>
      eventually(() => {
        if (output().includes(text)) return true;
        if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${output()}`);
        return false;
      }, 40_000),
    ended,
  };
}

/** Runs `scripts/<name>.ts` to its end. */
export const runScript = (name: string, options?: ScriptOptions): Promise<Ended> => startScript(name, options).ended;
