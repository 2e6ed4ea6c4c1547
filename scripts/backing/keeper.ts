import { spawn } from "node:child_process";
import { rmSync } from "node:fs";

// Runs one server for the process that started this one, and ends it with that process, however it ends: standard input
// closes when its other end is gone, also after a kill -9. `keeper.ts <directory> <command> <argument>…`

const graceMs = 10_000;
const [directory, command, ...args] = process.argv.slice(2);
if (directory === undefined || command === undefined) throw new Error("usage: keeper.ts <directory> <command> …");

const server = spawn(command, args, { cwd: directory, stdio: ["ignore", "inherit", "inherit"] });
let asked = false;

function end(): void {
  if (asked) return;
  asked = true;
  server.kill("SIGTERM");
  setTimeout(() => server.kill("SIGKILL"), graceMs).unref();
}

function finish(code: number): void {
  rmSync(directory ?? "", { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
}

server.once("error", (error) => {
  process.stderr.write(`${command} cannot be run: ${error.message}\n`);
  finish(1);
});
server.once("exit", (code) => finish(asked ? 0 : code || 1));
process.stdin.once("end", end).once("error", end).resume();
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, end);
