import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";

// Runs one server for the process that started this one, and ends it with that process, however it ends: standard input
// closes when its other end is gone, also after a kill -9. `keeper.ts <directory> <command> <argument>…`

/** What the process that started this one can have done to the server; each is answered with the server's pid. */
export type Order = "kill" | "pause" | "resume" | "restart";
export interface Reply {
  pid: number;
}

const graceMs = 15_000;
const [directory, command, ...args] = process.argv.slice(2);
if (directory === undefined || command === undefined) throw new Error("usage: keeper.ts <directory> <command> …");
const program = command;

let asked = false;
let server = run();

function run(): ChildProcess {
  // in a group of its own, so that a kill reaches what a script started, too
  const child = spawn(program, args, { cwd: directory, stdio: ["ignore", "inherit", "inherit"], detached: true });
  child.once("error", (error) => {
    process.stderr.write(`${program} cannot be run: ${error.message}\n`);
    finish(1);
  });
  child.once("exit", onExit);
  return child;
}

function onExit(code: number | null): void {
  finish(asked ? 0 : code || 1);
}

function finish(code: number): void {
  rmSync(directory ?? "", { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
}

function signal(name: NodeJS.Signals): void {
  if (server.pid === undefined || isGone(server)) return;
  process.kill(-server.pid, name);
}

const isGone = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** Asks the server itself, which tells its own children. */
function terminate(): void {
  signal("SIGCONT");
  server.kill("SIGTERM");
  const insist = setTimeout(() => signal("SIGKILL"), graceMs).unref();
  server.once("exit", () => clearTimeout(insist));
}

function end(): void {
  if (asked) return;
  asked = true;
  if (isGone(server)) finish(0);
  else terminate();
}

/** Ends the server by `how`, and stays. */
async function down(how: () => void): Promise<void> {
  server.off("exit", onExit);
  if (isGone(server)) return;
  const gone = once(server, "exit");
  how();
  await gone;
  if (asked) finish(0);
}

const orders: Record<Order, () => Promise<void> | void> = {
  kill: () => down(() => signal("SIGKILL")),
  pause: () => signal("SIGSTOP"),
  resume: () => signal("SIGCONT"),
  async restart() {
    await down(terminate);
    server = run();
  },
};

process.on("message", (order: Order) => {
  void Promise.resolve(orders[order]()).then(() => process.send?.({ pid: server.pid ?? 0 } satisfies Reply));
});
process.stdin.once("end", end).once("error", end).resume();
for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(name, end);
process.send?.({ pid: server.pid ?? 0 } satisfies Reply);
