import { join } from "node:path";
import { Loggers } from "moleculer";
import { pino, type Logger as PinoLogger } from "pino";
import type { Config, LogLevel } from "../config.ts";
import type { LogFileOptions } from "./log-files.ts";
import { prettyStream } from "./pretty-log.ts";
import { logFields } from "./request-context.ts";

type Line = Exclude<LogLevel, "silent">;
interface Bindings {
  mod: string;
}

/** Moleculer's own parts tell of every connection and registration; of those only warnings are kept, until debugging. */
const moleculerParts = new Set([
  "broker",
  "registry",
  "transit",
  "transporter",
  "discoverer",
  "cacher",
  "validator",
  "metrics",
  "tracer",
]);

/**
 * Structured lines through pino: on standard output, or in files under `LOG_DIR` that are rotated and compressed. A call is an event's name and
 * its fields, `logger.info("order placed", { orderId })`, which pino alone would take as words to put into a format.
 */
export class StructuredLogger extends Loggers.Base<object> {
  private readonly root: PinoLogger;
  private readonly children: { mod: string; logger: PinoLogger }[] = [];
  private level: LogLevel;

  constructor(root: PinoLogger, level: LogLevel) {
    super({});
    this.root = root;
    this.level = level;
  }

  setLevel(level: LogLevel): void {
    if (level === this.level) return;
    this.level = level;
    for (const { mod, logger } of this.children) logger.level = this.levelOf(mod);
  }

  private levelOf(mod: string): LogLevel {
    return moleculerParts.has(mod) && this.level === "info" ? "warn" : this.level;
  }

  override getLogHandler(bindings: Bindings): ((type: Line, args: unknown[]) => void) | null {
    const { mod } = bindings;
    const logger = this.root.child({ mod }, { level: this.levelOf(mod) });
    this.children.push({ mod, logger });
    return (type, args) => {
      // asked first: most lines are nobody's
      if (!logger.isLevelEnabled(type)) return;
      const [first, ...rest] = args;
      const fields: Record<string, unknown> = {};
      const words: string[] = [];
      for (const arg of [first, ...rest]) {
        if (arg instanceof Error) fields.err = arg;
        else if (typeof arg === "object" && arg !== null) Object.assign(fields, arg);
        else if (arg !== undefined) words.push(typeof arg === "string" ? arg : JSON.stringify(arg));
      }
      logger[type](fields, words.join(" ").trim());
    };
  }
}

/** Keys whose values never reach a log. */
const secretKeys = [
  "password",
  "newPassword",
  "currentPassword",
  "accessToken",
  "refreshToken",
  "token",
  "authorization",
  "secret",
];

export function structuredLogger({ log, nodeId }: Config): StructuredLogger {
  const { level, dir, name, pretty } = log;
  const options = {
    // each logger below has its own, which may change
    level: "trace",
    base: { node: nodeId },
    mixin: logFields,
    redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`]), censor: "[redacted]" },
  };
  const root = dir
    ? pino({
        ...options,
        transport: {
          target: join(import.meta.dirname, "log-files.ts"),
          options: { file: join(dir, name), size: "50m", keep: 14 } satisfies LogFileOptions,
        },
      })
    : pretty
      ? pino(options, prettyStream(process.stdout))
      : pino(options);
  return new StructuredLogger(root, level);
}
