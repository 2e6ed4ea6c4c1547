import { inspect, styleText } from "node:util";

const levels: Record<number, string> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };
const colours = { warn: "yellow", error: "red", fatal: "red" } as const;

interface Entry {
  level: number;
  time: number;
  mod?: string;
  msg?: string;
  err?: { stack?: string; message?: string };
  [field: string]: unknown;
}

/** A line of the structured log as a person at a terminal reads it: `22:05:01 warn  payments provider is slow ms=812`. */
export function prettyLine(json: string): string {
  const {
    level,
    time,
    mod = "",
    msg = "",
    err,
    node: _node,
    pid: _pid,
    hostname: _host,
    ...fields
  } = JSON.parse(json) as Entry;
  const word = levels[level] ?? String(level);
  const colour = word in colours ? colours[word as keyof typeof colours] : "gray";
  const clock = new Date(time).toTimeString().slice(0, 8);
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${shown(value)}`);
  const stack = err ? `\n${err.stack ?? err.message ?? ""}` : "";
  return `${styleText("gray", clock)} ${styleText(colour, word.padEnd(5))} ${mod.padEnd(9)} ${msg}${styleText("gray", rest.join(""))}${stack}\n`;
}

const shown = (value: unknown): string =>
  typeof value === "string" && !/\s/.test(value) ? value : inspect(value, { breakLength: Infinity });

/** Where pino writes to when a person reads along. */
export const prettyStream = (out: NodeJS.WritableStream): { write(json: string): void } => ({
  write: (json) => void out.write(prettyLine(json)),
});
