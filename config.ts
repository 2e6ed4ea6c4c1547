import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { serviceNames, type ServiceName } from "./contracts/bus.ts";
import { leastArchiveDays } from "./lib/archive.ts";
import type { StoreConfig } from "./lib/database.ts";
import type { TracingConfig } from "./lib/tracing.ts";
import { parseFailpoints, type Failpoint } from "./lib/failpoints.ts";

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
  /** Where the built shop and console are; without them the gateway has the REST interface alone. */
  webDir: string;
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
  /** How old rows must be that have done their work, before they go to the archive tables. */
  archiveAfterDays: number;
  rateLimit: number;
  /** How many requests a gateway works on at a time before it refuses more. */
  requestsInFlight: number;
  registerRateLimit: number;
  loginFailuresPerAddress: number;
  loginFailuresPerAccount: number;
  trustedProxies: number;
  smtpUrl: string | null;
  /** Who e-mail comes from. */
  mailFrom: string;
  /** Encrypts signing keys and signs sandbox webhooks. Null: a generated one in `dataDir`. */
  secretKey: string | null;
  /** The one before, while it is being replaced: what it sealed still opens. */
  secretKeyPrevious: string | null;
  /** Where the sandbox provider answers. Null: the node that runs payments hosts it. */
  sandboxUrl: string | null;
  /** The new one and, during a rotation, the one before. None: one that is derived from `secretKey`. */
  sandboxWebhookSecrets: readonly string[];
  /** Which provider new payments are made with. */
  paymentProvider: PaymentProviderName;
  /** Where customers come back to from a provider's page. */
  paymentReturnUrl: string;
  /** Null: there is no account at Stripe. */
  stripe: StripeConfig | null;
  /** Where Prometheus asks. Null: nothing is counted. */
  metrics: { host: string; port: number } | null;
  /** Null: nothing is traced, and nothing of OpenTelemetry loaded. */
  tracing: TracingConfig | null;
  /** JSON with settings that may change while the node runs. */
  liveConfigFile: string | null;
  /** `name`: what the files in `dir` begin with. */
  log: { level: LogLevel; dir: string | null; name: string; pretty: boolean };
  /** Where this process fails on purpose; none but in tests. */
  failpoints: readonly Failpoint[];
  production: boolean;
}

export type PaymentProviderName = "sandbox" | "stripe";

export interface StripeConfig {
  secretKey: string;
  /** The new one and, during a rotation, the one before. */
  webhookSecrets: readonly string[];
  url: string;
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

interface ReadOptions {
  /** For a process that runs no service, such as a terminal: it does without what only services need. */
  joinsOnly?: boolean;
}

/** Reads a Config from environment variables; throws a ConfigError that names all that are wrong. */
export function readConfig(env: Env, { joinsOnly = false }: ReadOptions = {}): Config {
  const read = new Reader(env);
  const host = read.text("HOST", "127.0.0.1", /^[a-zA-Z0-9.:_-]+$/, "a host name or an address");
  const port = read.integer("PORT", 3000, 0, 65_535);
  const databaseUrl = read.url("DATABASE_URL", ["mysql:", "mariadb:"]);
  const databaseUser = decodeURIComponent((databaseUrl && URL.parse(databaseUrl)?.username) || "");
  if (/[{}]/.test(databaseUser.replaceAll("{service}", ""))) {
    read.problem("DATABASE_URL", "has braces in its user, but only {service} stands for something there");
  }
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
  const currency = read.currency();
  const stripe = read.stripe();
  const metricsPort = read.integer("METRICS_PORT", 0, 0, 65_535);
  const metricsHost = read.text("METRICS_HOST", "127.0.0.1", /^[a-zA-Z0-9.:_-]+$/, "a host name or an address");
  const tracingEndpoint = read.url("OTEL_EXPORTER_OTLP_ENDPOINT", ["http:", "https:"])?.replace(/\/+$/, "") ?? null;
  const traceSampleRatio = read.ratio("TRACE_SAMPLE_RATIO", 0.01);
  const config: Config = {
    host,
    port,
    publicUrl,
    webhookUrl: read.url("WEBHOOK_URL", ["http:", "https:"])?.replace(/\/+$/, "") ?? publicUrl,
    dataDir,
    webDir: env.WEB_DIR ? resolve(env.WEB_DIR) : join(import.meta.dirname, "web/dist"),
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
    currency,
    groupCommitMost: read.integer("GROUP_COMMIT_MOST", 64, 1, 256),
    archiveAfterDays: read.integer("ARCHIVE_AFTER_DAYS", 30, leastArchiveDays, 36_500),
    rateLimit: read.integer("RATE_LIMIT", 6000, 1, 1e9),
    requestsInFlight: read.integer("REQUESTS_IN_FLIGHT", 2000, 1, 1e6),
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
    secretKeyPrevious: read.secret("SECRET_KEY_PREVIOUS", 32, 512),
    sandboxUrl: read.url("SANDBOX_URL", ["http:", "https:"])?.replace(/\/+$/, "") ?? null,
    sandboxWebhookSecrets: read.secrets("SANDBOX_WEBHOOK_SECRET", /^[\x21-\x7e]{32,256}$/, "32 to 256 characters"),
    paymentProvider: read.choice("PAYMENT_PROVIDER", stripe ? "stripe" : "sandbox", ["sandbox", "stripe"]),
    paymentReturnUrl: read.url("PAYMENT_RETURN_URL", ["http:", "https:"]) ?? publicUrl,
    stripe,
    metrics: metricsPort === 0 ? null : { host: metricsHost, port: metricsPort },
    tracing: tracingEndpoint === null ? null : { endpoint: tracingEndpoint, sampleRatio: traceSampleRatio },
    liveConfigFile: env.LIVE_CONFIG_FILE ? resolve(env.LIVE_CONFIG_FILE) : null,
    log: {
      level: read.choice("LOG_LEVEL", "info", ["fatal", "error", "warn", "info", "debug", "trace", "silent"]),
      dir: env.LOG_DIR ? resolve(env.LOG_DIR) : null,
      // nodes that share a directory each need files of their own, and those without a name have another one each time
      name: env.NODE_ID ? `hub-${env.NODE_ID.replace(/[^\w-]/g, "_")}` : "hub",
      pretty: !production && process.stdout.isTTY === true,
    },
    failpoints: read.failpoints(),
    production,
  };

  for (const [name, value] of [
    ["TRANSPORTER", transporter],
    ["AMQP_URL", amqpUrl],
    ["REDIS_URL", redisUrl],
  ] as const) {
    if (value !== null && !databaseUrl && !joinsOnly) {
      read.problem(name, "is set but DATABASE_URL is not: a cluster's nodes cannot share SQLite files");
    }
  }
  if (config.secretKeyPrevious !== null && config.secretKey === null) {
    read.problem("SECRET_KEY_PREVIOUS", "is set but SECRET_KEY, which takes its place, is not");
  }
  if (metricsPort !== 0 && metricsPort === port && config.services.includes("gateway")) {
    read.problem("METRICS_PORT", `is ${port} like PORT, but metrics are not for the public`);
  }
  if (config.services.length < serviceNames.length && !transporter) {
    read.problem("SERVICES", "names a part of the services but TRANSPORTER is unset: they could not reach the others");
  }
  if (config.paymentProvider === "stripe") {
    if (stripe === null) read.problem("PAYMENT_PROVIDER", "is stripe, but STRIPE_SECRET_KEY is unset");
    if (stripe !== null && !isCountedAlike(currency)) {
      read.problem("CURRENCY", `is ${currency}, which Stripe counts in other units; its payments would be wrong`);
    }
  } else if (production && !joinsOnly && config.services.includes("payments") && !env.PAYMENT_PROVIDER?.trim()) {
    read.problem("PAYMENT_PROVIDER", "is unset in production: say stripe, or sandbox where no money may move");
  }
  if (production && databaseUrl && !joinsOnly) {
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
 * The settings of this process: its environment, then the files `.env.<NODE_ENV>` and `.env` of the working directory. Exits with code 1 and one
 * line for each that is wrong.
 */
export function loadConfig(overrides: Record<string, string> = {}, options: ReadOptions = {}): Config {
  // what a developer keeps there must not decide whether tests pass
  if (process.env.NODE_ENV !== "test") loadEnvFiles();
  try {
    return readConfig({ ...process.env, ...overrides }, options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) process.stderr.write(`configuration: ${problem}\n`);
    process.exit(1);
  }
}

/** What is set stays: the environment wins over `.env.production` (or whatever NODE_ENV says), and that one over `.env`. */
export function loadEnvFiles(): void {
  const environment = process.env.NODE_ENV || environmentIn(".env");
  if (environment !== undefined && /^[\w-]+$/.test(environment)) loadEnvFile(`.env.${environment}`);
  loadEnvFile(".env");
}

const environmentIn = (file: string): string | undefined =>
  existsSync(file) ? parseEnv(readFileSync(file, "utf8")).NODE_ENV : undefined;

function loadEnvFile(file: string): void {
  if (existsSync(file)) process.loadEnvFile(file);
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

  ratio(name: string, fallback: number): number {
    const value = this.value(name);
    if (value === undefined) return fallback;
    const number = /^\d(\.\d{1,9})?$/.test(value) ? Number(value) : NaN;
    if (number >= 0 && number <= 1) return number;
    this.problem(name, `is "${value}", but must be a number from 0 to 1`);
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

  /** One secret, or two with a comma between them. Never repeats one in a message. */
  secrets(name: string, allowed: RegExp, description: string): string[] {
    const values = (this.value(name) ?? "").split(",").map((value) => value.trim());
    if (values.join() === "") return [];
    if (values.length > 2 || !values.every((value) => allowed.test(value))) {
      this.problem(name, `must be one secret of ${description}, or a new and an old one with a comma between them`);
    }
    return values;
  }

  /** Both of Stripe's secrets or neither. */
  stripe(): StripeConfig | null {
    const secretKey = this.value("STRIPE_SECRET_KEY") ?? null;
    const webhookSecrets = this.secrets("STRIPE_WEBHOOK_SECRET", /^whsec_\w{16,200}$/, "the form whsec_…");
    const url = this.url("STRIPE_URL", ["https:", "http:"]) ?? "https://api.stripe.com";
    if (secretKey === null && webhookSecrets.length === 0) return null;
    if (secretKey === null) this.problem("STRIPE_SECRET_KEY", "is unset, but STRIPE_WEBHOOK_SECRET is set");
    else if (!/^(sk|rk)_(test|live)_\w{8,250}$/.test(secretKey)) {
      this.problem("STRIPE_SECRET_KEY", "must be a secret or restricted key of Stripe: sk_… or rk_…");
    }
    if (webhookSecrets.length === 0) this.problem("STRIPE_WEBHOOK_SECRET", "is unset, but STRIPE_SECRET_KEY is set");
    if (new URL(url).protocol === "http:" && !/^(127\.0\.0\.1|localhost|\[::1\])$/.test(new URL(url).hostname)) {
      this.problem("STRIPE_URL", "must begin with https://: the secret key goes there");
    }
    return { secretKey: secretKey ?? "", webhookSecrets, url };
  }

  currency(): string {
    const value = this.value("CURRENCY") ?? "GBP";
    if (!Intl.supportedValuesOf("currency").includes(value)) {
      this.problem("CURRENCY", `is "${value}", but must be a currency of ISO 4217 such as GBP`);
    }
    return value;
  }

  failpoints(): Failpoint[] {
    const value = this.value("FAILPOINTS");
    if (value === undefined) return [];
    if (this.env.NODE_ENV === "production") this.problem("FAILPOINTS", "is for tests, and refused in production");
    const { points, problems } = parseFailpoints(value);
    for (const problem of problems) this.problem("FAILPOINTS", problem);
    return points;
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

/** Amounts of these have no decimals at Stripe; of those with three it takes none that end in another digit than 0. */
const withoutDecimals = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split(" ");
const threeDecimals = "BHD JOD KWD OMR TND".split(" ");

/** Whether our minor units of a currency, which are those of CLDR, are Stripe's. */
function isCountedAlike(currency: string): boolean {
  if (threeDecimals.includes(currency)) return false;
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.resolvedOptions().maximumFractionDigits === (withoutDecimals.includes(currency) ? 0 : 2);
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
