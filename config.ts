import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { serviceNames, type ServiceName } from "./contracts/bus.ts";
import type { StoreConfig } from "./lib/database.ts";

// The one reader of process.env. Everything else gets a Config.

export type LogLevel = "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";

export interface Config {
  host: string;
  port: number;
  /** How clients and payment providers reach the gateway from outside, without a slash at the end. */
  publicUrl: string;
  /** How payment providers reach it, where that is another way. */
  webhookUrl: string;
  dataDir: string;
  store: StoreConfig;
  transporter: string | null;
  /** RabbitMQ for durable events. Null: they are delivered by acknowledged service calls. */
  amqpUrl: string | null;
  /** What nodes share of caches and limits. Null: each has its own. Nothing is correct because of it. */
  redisUrl: string | null;
  services: readonly ServiceName[];
  nodeId: string;
  namespace: string;
  admin: { email: string; password: string | null };
  orderTtlSeconds: number;
  currency: string;
  /** How many requests that write at the same time may share one transaction; 1 gives each its own. */
  groupCommitMost: number;
  rateLimit: number;
  registerRateLimit: number;
  loginFailuresPerAddress: number;
  loginFailuresPerAccount: number;
  trustedProxies: number;
  smtpUrl: string | null;
  /** Who e-mail comes from. */
  mailFrom: string;
  /** Encrypts signing keys and signs sandbox webhooks. Null: a generated one in `dataDir`. */
  secretKey: string | null;
  /** Where the sandbox provider answers. Null: the node that runs payments hosts it. */
  sandboxUrl: string | null;
  log: { level: LogLevel; dir: string | null; pretty: boolean };
  production: boolean;
}

/** Every setting that is wrong, a sentence each, beginning with the variable's name. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

type Env = Readonly<Record<string, string | undefined>>;

/** Reads a Config from environment variables; throws a ConfigError that names all that are wrong. */
export function readConfig(env: Env): Config {
  const read = new Reader(env);
  const host = read.text("HOST", "127.0.0.1", /^[a-zA-Z0-9.:_-]+$/, "a host name or an address");
  const port = read.integer("PORT", 3000, 0, 65_535);
  const databaseUrl = read.url("DATABASE_URL", ["mysql:", "mariadb:"]);
  const transporter = read.url("TRANSPORTER", ["nats:", "redis:", "rediss:", "tcp:"]);
  const amqpUrl = read.url("AMQP_URL", ["amqp:", "amqps:"]);
  const redisUrl = read.url("REDIS_URL", ["redis:", "rediss:"]);
  const dataDir = resolve(read.text("DATA_DIR", "data", /^[^\0]+$/, "a path"));
  const production = env.NODE_ENV === "production";
  const databasePrefix = read.text("DATABASE_PREFIX", "hub_", /^[a-z0-9_]{1,30}$/, "lower-case letters, digits and _");
  const poolSize = read.integer("DATABASE_POOL", 10, 1, 200);
  const publicUrl = (read.url("PUBLIC_URL", ["http:", "https:"]) ?? `http://${reachable(host)}:${port}`).replace(
    /\/+$/,
    "",
  );
  const config: Config = {
    host,
    port,
    publicUrl,
    webhookUrl: read.url("WEBHOOK_URL", ["http:", "https:"])?.replace(/\/+$/, "") ?? publicUrl,
    dataDir,
    store: databaseUrl
      ? { dialect: "mysql", url: databaseUrl.replace(/^mariadb:/, "mysql:"), databasePrefix, poolSize }
      : { dialect: "sqlite", dataDir },
    transporter,
    amqpUrl,
    redisUrl,
    services: read.services(),
    nodeId: read.text("NODE_ID", `${hostname()}-${process.pid}`, /^[\w.:-]{1,100}$/, "letters, digits and . : _ -"),
    namespace: read.text("NAMESPACE", "hub", /^[\w-]{1,40}$/, "letters, digits, _ and -"),
    admin: {
      email: read.text("ADMIN_EMAIL", "admin@example.com", /^[^\s@]+@[^\s@]+$/, "an e-mail address").toLowerCase(),
      password: read.secret("ADMIN_PASSWORD", 8, 128),
    },
    orderTtlSeconds: read.integer("ORDER_TTL_SECONDS", 900, 1, 30 * 24 * 3600),
    currency: read.currency(),
    groupCommitMost: read.integer("GROUP_COMMIT_MOST", 64, 1, 256),
    rateLimit: read.integer("RATE_LIMIT", 6000, 1, 1e9),
    registerRateLimit: read.integer("REGISTER_RATE_LIMIT", transporter ? 20 : 600, 1, 1e9),
    loginFailuresPerAddress: read.integer("LOGIN_FAILURES_PER_ADDRESS", 20, 1, 1e9),
    loginFailuresPerAccount: read.integer("LOGIN_FAILURES_PER_ACCOUNT", 10, 1, 1e9),
    trustedProxies: read.integer("TRUSTED_PROXIES", 0, 0, 20),
    smtpUrl: read.url("SMTP_URL", ["smtp:", "smtps:"]),
    mailFrom: read.text(
      "MAIL_FROM",
      `no-reply@${URL.parse(publicUrl)?.hostname ?? "localhost"}`,
      /^[^\s@<>"]+@[^\s@<>"]+$/,
      "an e-mail address",
    ),
    secretKey: read.secret("SECRET_KEY", 32, 512),
    sandboxUrl: read.url("SANDBOX_URL", ["http:", "https:"])?.replace(/\/+$/, "") ?? null,
    log: {
      level: read.choice("LOG_LEVEL", "info", ["fatal", "error", "warn", "info", "debug", "trace", "silent"]),
      dir: env.LOG_DIR ? resolve(env.LOG_DIR) : null,
      pretty: !production && process.stdout.isTTY === true,
    },
    production,
  };

  for (const [name, value] of [
    ["TRANSPORTER", transporter],
    ["AMQP_URL", amqpUrl],
    ["REDIS_URL", redisUrl],
  ] as const) {
    if (value !== null && !databaseUrl) {
      read.problem(name, "is set but DATABASE_URL is not: a cluster's nodes cannot share SQLite files");
    }
  }
  if (config.services.length < serviceNames.length && !transporter) {
    read.problem("SERVICES", "names a part of the services but TRANSPORTER is unset: they could not reach the others");
  }
  if (production && databaseUrl) {
    if (config.secretKey === null)
      read.problem("SECRET_KEY", "is required in production: 32 or more random characters");
    if (config.admin.password === null && config.services.includes("users")) {
      read.problem("ADMIN_PASSWORD", "is required in production");
    }
  }
  read.finish();
  return deepFreeze(config);
}

/**
 * The settings of this process: its environment, then the file `.env` of the working directory. Exits with code 1 and one
 * line for each that is wrong.
 */
export function loadConfig(overrides: Record<string, string> = {}): Config {
  // what a developer keeps there must not decide whether tests pass
  if (process.env.NODE_ENV !== "test" && existsSync(".env")) process.loadEnvFile();
  try {
    return readConfig({ ...process.env, ...overrides });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) process.stderr.write(`configuration: ${problem}\n`);
    process.exit(1);
  }
}

const configs = new WeakMap<object, Config>();

/** Remembers which settings a broker was made with. */
export function attachConfig(broker: object, config: Config): void {
  configs.set(broker, config);
}

export function configOf(broker: object): Config {
  const config = configs.get(broker);
  if (!config) throw new Error("this broker was not made by brokerOptions()");
  return config;
}

const weakSecrets = /^(change-?me|secret|password|admin|default|example|test|1234)/i;

class Reader {
  private readonly env: Env;
  private readonly problems: string[] = [];

  constructor(env: Env) {
    this.env = env;
  }

  problem(name: string, sentence: string): void {
    this.problems.push(`${name} ${sentence}`);
  }

  finish(): void {
    if (this.problems.length > 0) throw new ConfigError(this.problems);
  }

  /** An empty variable counts as unset, as compose files and shells leave them. */
  private value(name: string): string | undefined {
    const value = this.env[name]?.trim();
    return value === "" ? undefined : value;
  }

  text(name: string, fallback: string, allowed: RegExp, description: string): string {
    const value = this.value(name) ?? fallback;
    if (!allowed.test(value)) this.problem(name, `is "${value}", but must be ${description}`);
    return value;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.value(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (number >= min && number <= max) return number;
    this.problem(name, `is "${value}", but must be a whole number from ${min} to ${max}`);
    return fallback;
  }

  choice<T extends string>(name: string, fallback: T, choices: readonly T[]): T {
    const value = this.value(name);
    if (value === undefined) return fallback;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.problem(name, `is "${value}", but must be one of ${choices.join(", ")}`);
    return found ?? fallback;
  }

  /** Never repeats the value in a message: URLs hold passwords. */
  url(name: string, protocols: readonly string[]): string | null {
    const value = this.value(name);
    if (value === undefined) return null;
    if (URL.canParse(value) && protocols.includes(new URL(value).protocol) && new URL(value).hostname !== "")
      return value;
    this.problem(name, `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`);
    return null;
  }

  secret(name: string, min: number, max: number): string | null {
    const value = this.env[name];
    if (value === undefined || value === "") return null;
    if (value.length < min || value.length > max) this.problem(name, `must have ${min} to ${max} characters`);
    else if (this.env.NODE_ENV === "production" && weakSecrets.test(value))
      this.problem(name, "is a default or easily guessed value");
    return value;
  }

  currency(): string {
    const value = this.value("CURRENCY") ?? "GBP";
    if (!Intl.supportedValuesOf("currency").includes(value)) {
      this.problem("CURRENCY", `is "${value}", but must be a currency of ISO 4217 such as GBP`);
    }
    return value;
  }

  services(): ServiceName[] {
    const value = this.value("SERVICES");
    if (value === undefined || value === "all") return [...serviceNames];
    const names = value.split(",").map((name) => name.trim());
    const unknown = names.filter((name) => !serviceNames.some((known) => known === name));
    if (unknown.length > 0)
      this.problem("SERVICES", `names "${unknown.join(", ")}", but knows ${serviceNames.join(", ")}`);
    return serviceNames.filter((name) => names.includes(name));
  }
}

/** An address to connect to for one to listen on. */
function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null) deepFreeze(part as object);
  return Object.freeze(value);
}
