import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import type { Inside } from "./probe.ts";

/** Of Linux: ticks of processor time in a second. */
const ticksPerSecond = 100;

/** Milliseconds of processor time that a process and all below it have used. */
export function cpuMs(pid: number): number {
  return [pid, ...descendants(pid)].reduce((sum, one) => sum + (ticksOf(one) / ticksPerSecond) * 1_000, 0);
}

/** Resident memory in megabytes. */
export function rssMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return Number(kilobytes ?? 0) / 1024;
}

function ticksOf(pid: number): number {
  // the name, in parentheses, may contain blanks
  const fields = read(`/proc/${pid}/stat`).split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

function descendants(pid: number): number[] {
  const parents = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(read(`/proc/${name}/stat`).split(") ")[1]?.split(" ")[1] ?? 0);
    parents.set(parent, [...(parents.get(parent) ?? []), Number(name)]);
  }
  const below = (of: number): number[] => (parents.get(of) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // it ended in the meantime
    return "";
  }
}

/** What a node's probe says of it. */
export interface Probe {
  start(options: { profile: boolean }): Promise<void>;
  stop(): Promise<Inside>;
}

export const probeAt = (socketPath: string): Probe => ({
  start: async ({ profile }) => void (await ask(socketPath, profile ? "/start?profile" : "/start")),
  stop: async () => JSON.parse(await ask(socketPath, "/stop")) as Inside,
});

function ask(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, method: "POST" }, (res) => {
      let text = "";
      res.setEncoding("utf8");
      res.on("data", (chunk: string) => (text += chunk));
      res.on("end", () => (res.statusCode === 200 ? resolve(text) : reject(new Error(`the probe failed: ${text}`))));
    })
      .once("error", reject)
      .end();
  });
}
