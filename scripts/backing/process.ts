import { spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import { delay } from "../../lib/time.ts";

// Servers that tests and measurements start for themselves: each in a directory of its own, on a free port of
// 127.0.0.1, ended and cleared away with the process that started it.

const keeper = resolve(import.meta.dirname, "keeper.ts");
const keptOutput = 8_000;

export interface OwnedServer {
  /** Resolves when the server has ended and its directory is gone; safe to call twice. */
  readonly stop: () => Promise<void>;
}

/** How to use a running server, and how to end it. */
export interface BackingServer extends OwnedServer {
  url: string;
}

export interface ServerCommand {
  /** What people call it, in messages. */
  name: string;
  /** The server's own directory; deleted when the server ends. */
  directory: string;
  command: string;
  args: readonly string[];
  /** Resolves when the server answers, rejects while it does not. */
  probe: () => Promise<void>;
  deadlineMs: number;
}

/** Starts a server that ends with this process; resolves when it answers. */
export async function startServer({
  name,
  directory,
  command,
  args,
  probe,
  deadlineMs,
}: ServerCommand): Promise<OwnedServer> {
  // in a session of its own: Ctrl-C in the terminal reaches this process alone, which then ends the server in order
  const child = spawn(process.execPath, [keeper, directory, command, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-keptOutput);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  let ended = false;
  const exited = new Promise<void>((done) => {
    child.once("exit", () => {
      ended = true;
      done();
    });
  });
  const stop = (): Promise<void> => {
    child.stdin.end();
    child.ref();
    return exited;
  };

  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const failure = await failureOf(probe);
    if (ended) throw new Error(`${name} ended as it started:\n${output.trim()}`);
    if (failure === null) break;
    if (Date.now() > deadline) {
      await stop();
      throw new Error(`${name} did not answer within ${deadlineMs / 1000} s (${failure}):\n${output.trim()}`);
    }
    await delay(50);
  }
  // the server must not keep a process alive that has nothing else to do
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref();
  return { stop };
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

/** A port of 127.0.0.1 that nothing listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, failed) => {
    server.once("error", failed);
    server.listen(0, "127.0.0.1", done);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
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
