import { execFileSync } from "node:child_process";
import { cpus, totalmem } from "node:os";
import type { Row } from "../scenarios/scenario.ts";
import type { BigData } from "../studies/big-data.ts";
import type { Curve } from "../studies/curve.ts";
import type { Drain, Lag } from "../studies/events.ts";
import type { Memory } from "../studies/memory.ts";
import type { Recovery } from "../studies/recovery.ts";
import type { Scaled } from "../studies/scale.ts";
import type { Plots } from "../studies/plots.ts";
import type { Watched } from "../studies/watched.ts";

/** All that one run found. The first fields, and the first of each scenario, are a format that others read. */
export interface Results {
  commit: string;
  machine: string;
  /** Requests a second of servers that do nothing. */
  floors: { http: number; web: number };
  scenarios: Row[];
  at: string;
  command: string;
  /** How much the empty moleculer-web action changed from the run's begin to its end: what ratios may be off by. */
  webDrift: number;
  webCpuMsPerRequest: number;
  curve: Curve | null;
  drain: Drain | null;
  lag: Lag | null;
  recovery: Recovery | null;
  watched: Watched[] | null;
  plots: Plots | null;
  scale: Scaled[] | null;
  memory: Memory | null;
  bigData: BigData | null;
  /** What makes the run one that must not be relied on. */
  problems: string[];
}

export function machineOf(): string {
  const [first] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${first?.model.trim() ?? "unknown"}, ${memory} GB, Node ${process.version}`;
}

/** With a mark where the working tree is not what was committed. */
export function commitOf(): string {
  const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
  try {
    const isClean = git("status", "--porcelain", "--untracked-files=no") === "";
    return `${git("rev-parse", "--short=12", "HEAD")}${isClean ? "" : "+"}`;
  } catch {
    // not a clone
    return "unknown";
  }
}

const rounded = (value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;

export const toJson = (results: Results): string =>
  `${JSON.stringify(results, (_key, value: unknown) => rounded(value), 2)}\n`;
