import { parseArgs } from "node:util";
import { messageOf } from "../lib/errors.ts";
import { ScriptError } from "../scripts/rest-client.ts";
import { faults } from "./faults/index.ts";

export interface Options {
  faults: number;
  seed: number;
  /** Names of faults, or beginnings of them; all when empty. */
  only: readonly string[];
  ratePerSecond: number;
  nodes: number;
  accounts: number;
  orderTtlSeconds: number;
  /** What the time that each fault is on is multiplied with. */
  hold: number;
  report: string | null;
  json: string | null;
  history: string | null;
  /** The nodes' output. */
  log: string | null;
}

export type Asked = { what: "run"; options: Options } | { what: "list" } | { what: "help" };

export const usage = `Usage: npm run chaos -- [options]
  --faults N       how many faults (300)
  --seed N         plays the same faults and the same load again
  --only a,b       these faults, or those whose names begin so, such as database or redis-pause
  --rate N         orders a second that arrive by themselves (50)
  --nodes N        nodes with every service (3)
  --accounts N     customers (200)
  --ttl N          seconds an order may stay unpaid (60)
  --hold N         what the time that faults are on is multiplied with (1)
  --report FILE    writes a page for browsers
  --json FILE      writes all figures
  --history FILE   writes what clients saw, a line of JSON for each event
  --log FILE       writes what nodes say
  --list           names all faults
Ctrl-C ends the attack, checks what was done so far, and stops everything. The exit code is 0 when every invariant held.`;

const maxSeed = 2 ** 31 - 1;

/** Throws a ScriptError that names the option that is wrong. */
export function readOptions(args: string[], newSeed: () => number): Asked {
  const values = parse(args);
  if (values.help) return { what: "help" };
  if (values.list) return { what: "list" };
  const number = (name: keyof typeof values, fallback: number, min: number, max: number, whole = true): number =>
    numberOf(name, values[name], { fallback, min, max, whole });
  const path = (name: "report" | "json" | "history" | "log"): string | null => {
    if (values[name] === "") throw new ScriptError(`--${name} needs a path`);
    return values[name] ?? null;
  };
  return {
    what: "run",
    options: {
      faults: number("faults", 300, 1, 100_000),
      seed: number("seed", newSeed(), 0, maxSeed),
      only: namesOf(values.only),
      ratePerSecond: number("rate", 50, 0.1, 10_000, false),
      nodes: number("nodes", 3, 1, 16),
      accounts: number("accounts", 200, 1, 10_000),
      orderTtlSeconds: number("ttl", 60, 1, 86_400),
      hold: number("hold", 1, 0.01, 100, false),
      report: path("report"),
      json: path("json"),
      history: path("history"),
      log: path("log"),
    },
  };
}

function parse(args: string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const numbers = { faults: text, seed: text, rate: text, nodes: text, accounts: text, ttl: text, hold: text };
  const files = { report: text, json: text, history: text, log: text };
  try {
    return parseArgs({ args, options: { ...numbers, ...files, only: text, list: flag, help: flag } }).values;
  } catch (error) {
    throw new ScriptError(`${messageOf(error)}\n${usage}`);
  }
}

function numberOf(
  name: string,
  value: string | boolean | undefined,
  { fallback, min, max, whole }: { fallback: number; min: number; max: number; whole: boolean },
): number {
  if (value === undefined) return fallback;
  const number = /^\d{1,10}(\.\d{1,3})?$/.test(String(value)) ? Number(value) : NaN;
  if (number >= min && number <= max && (!whole || Number.isInteger(number))) return number;
  throw new ScriptError(`--${name} is "${value}", but must be a ${whole ? "whole " : ""}number from ${min} to ${max}`);
}

function namesOf(value: string | undefined): string[] {
  if (value === undefined) return [];
  const names = value.split(",").map((name) => name.trim().replaceAll("-", " "));
  const unknown = names.filter((name) => name === "" || !faults.some((fault) => fault.name.startsWith(name)));
  if (unknown.length > 0)
    throw new ScriptError(
      `--only names "${unknown.join(", ")}", but knows ${faults.map(({ name }) => name).join(", ")}`,
    );
  return names;
}
