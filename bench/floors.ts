import { resolve } from "node:path";
import { freePort, serverDirectory, startProcess } from "../scripts/backing/process.ts";
import type { Generator } from "./generator.ts";
import type { Times } from "./measure.ts";
import { cpuMs } from "./meters.ts";

// What can be had at most: the same load on a server that does nothing.

export const floorClients = 64;

export interface Floor {
  perSecond: number;
  cpuMsPerRequest: number;
}

export type FloorName = "http" | "web";
const scripts: Record<FloorName, string> = { http: "bare.ts", web: "web.ts" };
const startWithinMs = 20_000;

/** `answer`: what it is to answer with, so that its answers are as long as those it is compared with. */
export async function measureFloor(
  generator: Generator,
  name: FloorName,
  answer: unknown,
  times: Times,
): Promise<Floor> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const floor = await startProcess({
    name: `the floor ${name}`,
    directory: serverDirectory(`floor-${name}`),
    command: process.execPath,
    args: [resolve(import.meta.dirname, "floors", scripts[name]), String(port), JSON.stringify(answer)],
    probe: async () => void (await fetch(`${url}/empty`)),
    deadlineMs: startWithinMs,
  });
  try {
    const work = { kind: "get" as const, requests: [{ path: "/empty" }] };
    const load = { model: "closed" as const, clients: floorClients };
    let [before, after] = [0, 0];
    const { perSecond, completed } = await generator.run({ urls: [url], work, load, ...times, seed: 1 }, (mark) => {
      if (mark === "measuring") before = cpuMs(floor.pid);
      else after = cpuMs(floor.pid);
    });
    return { perSecond, cpuMsPerRequest: (after - before) / completed };
  } finally {
    await floor.stop();
  }
}
