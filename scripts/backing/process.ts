import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import { delay } from "../../lib/time.ts";
import type { Order, Reply } from "./keeper.ts";

// Servers that a cluster, tests and measurements start for themselves: each in a directory of its own, on a free port of
// 127.0.0.1, ended and cleared away with the process that started it.

const keeper = resolve(import.meta.dirname, "keeper.ts");
const keptOutput = 8_000;

/** A server in use, and how to end it: one that was running before stays. */
export interface BackingServer {
  url: string;
  /** Resolves when the server has ended and its directory is gone; safe to call twice. */
  stop: () => Promise<void>;
}

/** A process of our own, and what tests of failure do to it. */
export interface OwnedProcess {
  readonly pid: number;
  stop: () => Promise<void>;
  /** By SIGKILL; resolves when it is gone. Its data stay. */
  kill: () => Promise<void>;
  /** By SIGSTOP: connections stay open, and nobody answers. */
  pause: () => Promise<void>;
  resume: () => Promise<void>;
  /** Ends it in order where it still runs, and starts it on the same data and port; resolves when it answers. */
  restart: () => Promise<void>;
  /** Resolves when it has ended for good, asked to or not; keeps this process alive until then. */
  ended: () => Promise<void>;
}

/** A server with data of its own. */
export type PrivateServer = BackingServer & OwnedProcess;

export interface ProcessCommand {
  /** What people call it, in messages. */
  name: string;
  /** Its own directory; deleted when it ends. */
  directory: string;
  command: string;
  args: readonly string[];
  /** Added to this process's environment. */
  env?: Readonly<Record<string, string>>;
  /** Resolves when it answers, rejects while it does not. */
  probe: () => Promise<void>;
  deadlineMs: number;
  /** What it writes, as it comes. */
  onOutput?: (text: string) => void;
}

/** Starts a process that ends with this one; resolves when it answers. */
export async function startProcess(of: ProcessCommand): Promise<OwnedProcess> {
  const { name, directory, command, args, probe, deadlineMs, onOutput } = of;
  // in a session of its own: Ctrl-C in the terminal reaches this process alone, which then ends the server in order
  const child = spawn(process.execPath, [keeper, directory, command, ...args], {
    stdio: ["pipe", "pipe", "pipe", "ipc"],
    detached: true,
    env: { ...process.env, ...of.env },
  });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-keptOutput);
    onOutput?.(chunk.toString());
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  let pid = 0;
  child.on("message", (reply: Reply) => (pid = reply.pid));
  let hasEnded = false;
  const ended = new Promise<void>((done) => {
    child.once("exit", () => {
      hasEnded = true;
      done();
    });
  });

  const stop = (): Promise<void> => {
    child.ref();
    child.stdin?.end();
    return ended;
  };
  const order = async (what: Order): Promise<void> => {
    child.ref();
    child.channel?.ref();
    child.send(what);
    await Promise.race([once(child, "message"), ended]);
    letGo(child);
  };
  const answers = async (): Promise<void> => {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const failure = await failureOf(probe);
      if (hasEnded) throw new Error(`${name} ended as it started:\n${output.trim()}`);
      if (failure === null) return;
      if (Date.now() > deadline) {
        await stop();
        throw new Error(`${name} did not answer within ${deadlineMs / 1000} s (${failure}):\n${output.trim()}`);
      }
      await delay(50);
    }
  };
  await answers();
  letGo(child);
  return {
    get pid() {
      return pid;
    },
    stop,
    kill: () => order("kill"),
    pause: () => order("pause"),
    resume: () => order("resume"),
    async restart() {
      await order("restart");
      await answers();
    },
    ended() {
      child.ref();
      return ended;
    },
  };
}

/** A server must not keep a process alive that has nothing else to do. */
function letGo(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref();
}

async function failureOf(probe: () => Promise<void>): Promise<string | null> {
  try {
    await probe();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

export const serverDirectory = (name: string): string => mkdtempSync(join(tmpdir(), `hub-${name}-`));

/**
 * A port of 127.0.0.1 that nothing listened on a moment ago. Below those that systems give to outgoing connections, or
 * one of these might have it when a server that was killed comes back.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < mostPortTries; tries += 1) {
    const port = randomInt(firstPort, lastPort + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${firstPort} to ${lastPort} is free`);
}

const firstPort = 20_000;
const lastPort = 32_000;
const mostPortTries = 100;

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listens = await new Promise<boolean>((done) => {
    server.once("error", () => done(false));
    server.listen(port, "127.0.0.1", () => done(true));
  });
  if (listens) await new Promise((done) => server.close(done));
  return listens;
}

/** Where one of these programs is; also looks where servers are installed outside of PATH. */
export function findProgram(names: readonly string[]): string | null {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", "/usr/local/bin"];
  const candidates = names.flatMap((name) => folders.filter((folder) => folder !== "").map((f) => join(f, name)));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // not there, or not for us to run
    return false;
  }
}
