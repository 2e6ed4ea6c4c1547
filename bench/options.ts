import { parseArgs } from "node:util";
import { messageOf } from "../lib/errors.ts";
import { ScriptError } from "../scripts/rest-client.ts";
import { scenarioNames, studyNames, type ScenarioName, type StudyName } from "./scenarios/index.ts";

export interface Options {
  quick: boolean;
  scenarios: readonly ScenarioName[];
  studies: readonly StudyName[];
  /** Where the results go as JSON; null: nowhere. */
  json: string | null;
  /** Where the page, its plot and its data go; null: nowhere. */
  write: string | null;
  profileDir: string | null;
  warmMs: number;
  /** For how long a node that was just started is used before anything is measured. */
  useMs: number;
  measureMs: number;
  checkoutsPerSecond: number;
  /** That big-data fills in. */
  orders: number;
  /** For how long memory looks. */
  minutes: number;
}

export const usage = `Usage: npm run bench -- [options]
  --quick           every scenario in less than two minutes, the doctor once, and of the others only what --only
                    names; for a first look, not for comparing
  --only a,b        some of: ${[...scenarioNames, ...studyNames].join(", ")}
  --json FILE       writes the results as JSON
  --write DIR       writes performance.md, its plot and its data into DIR
  --rate N          checkouts a second to hold (500)
  --orders N        old orders that big-data fills in, with a tenth as many products and ten times as many
                    rows of the stock ledger (1000000; with --quick 2000)
  --minutes N       how long memory is looked at (30)
  --seconds N       how long each load is measured (10; with --quick 2)
  --profile DIR     writes a processor profile of each load, for Chrome's developer tools
  --help            says this`;

const choices = { scenarios: scenarioNames, studies: studyNames };

/** Null: what was asked for is help. Throws a ScriptError that names the option that is wrong. */
export function readOptions(args: string[]): Options | null {
  const values = parse(args);
  if (values.help === true) return null;
  const quick = values.quick ?? false;
  const seconds = numberOf("seconds", values.seconds, quick ? 2 : 10, 0.1, 600);
  const only = values.only === undefined ? null : values.only.split(",").map((name) => name.trim());
  const all: readonly string[] = [...choices.scenarios, ...choices.studies];
  const unknown = (only ?? []).filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    throw new ScriptError(`--only names "${unknown.join(", ")}", but knows ${all.join(", ")}`);
  }
  const isWanted = (name: string): boolean => only?.includes(name) ?? true;
  return {
    quick,
    scenarios: choices.scenarios.filter(isWanted),
    // two minutes are enough for the scenarios alone
    studies: choices.studies.filter((name) => isWanted(name) && !(quick && only === null)),
    json: pathOf("json", values.json),
    write: pathOf("write", values.write),
    profileDir: pathOf("profile", values.profile),
    measureMs: seconds * 1_000,
    warmMs: Math.min(3_000, seconds * 500),
    useMs: quick ? 2_000 : 12_000,
    checkoutsPerSecond: numberOf("rate", values.rate, 500, 1, 100_000),
    minutes: numberOf("minutes", values.minutes, 30, 0.1, 600),
    orders: ordersOf(values.orders, quick ? 2_000 : 1_000_000),
  };
}

function parse(args: string[]) {
  try {
    const text = { type: "string" } as const;
    return parseArgs({
      args,
      options: {
        quick: { type: "boolean" },
        only: text,
        json: text,
        write: text,
        rate: text,
        orders: text,
        minutes: text,
        seconds: text,
        profile: text,
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new ScriptError(`${messageOf(error)}\n${usage}`);
  }
}

function numberOf(name: string, value: string | undefined, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback;
  const number = /^\d{1,8}(\.\d{1,3})?$/.test(value) ? Number(value) : NaN;
  if (number >= min && number <= max) return number;
  throw new ScriptError(`--${name} is "${value}", but must be a number from ${min} to ${max}`);
}

/** Each person gets as many as there are kinds of them. */
function ordersOf(value: string | undefined, fallback: number): number {
  const orders = numberOf("orders", value, fallback, 1_000, 10_000_000);
  if (orders % 1_000 === 0) return orders;
  throw new ScriptError(`--orders is "${value}", but must be a multiple of 1000`);
}

function pathOf(name: string, value: string | undefined): string | null {
  if (value === "") throw new ScriptError(`--${name} needs a path`);
  return value ?? null;
}
