import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { serviceNames, type ServiceName } from "./contracts/bus.ts";
import { leastArchiveDays } from "./lib/archive.ts";
import type { StoreConfig } from "./lib/database.ts";
import type { TracingConfig } from "./lib/tracing.ts";
import { parseFailpoints, type Failpoint } from "./lib/failpoints.ts";
import { ConfigError, SettingsReader, type Env } from "./lib/settings-reader.ts";
import { accountsIn, paymentProviderIn } from "./services/payments/providers/kinds.ts";

export { ConfigError } from "./lib/settings-reader.ts";

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
  /** Whether the products of the demo are loaded where there are none. */
  demoCatalogue: boolean;
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
  paymentProvider: string;
  /** Where customers come back to from a provider's page. */
  paymentReturnUrl: string;
  /** What each account at a provider is used with, by the provider's name. */
  paymentAccounts: Readonly<Record<string, object>>;
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

interface ReadOptions {
  /** For a process that runs no service, such as a terminal: it does without what only services need. */
  joinsOnly?: boolean;
}

/** Reads a Config from environment variables; throws a ConfigError that names all that are wrong. */
export function readConfig(env: Env, { joinsOnly = false }: ReadOptions = {}): Config {
  const read = new SettingsReader(env);
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
  const currency = currencyIn(read);
  const paymentAccounts = accountsIn(read);
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
    services: servicesIn(read),
    nodeId: read.text("NODE_ID", `${hostname()}-${process.pid}`, /^[\w.:-]{1,100}$/, "letters, digits and . : _ -"),
    namespace: read.text("NAMESPACE", "hub", /^[\w-]{1,40}$/, "letters, digits, _ and -"),
    admin: {
      email: read.text("ADMIN_EMAIL", "admin@example.com", /^[^\s@]+@[^\s@]+$/, "an e-mail address").toLowerCase(),
      password: read.secret("ADMIN_PASSWORD", 8, 128),
    },
    demoCatalogue: read.choice("DEMO_CATALOGUE", "on", ["on", "off"]) === "on" && !production,
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
    paymentProvider: paymentProviderIn(read, paymentAccounts, currency),
    paymentReturnUrl: read.url("PAYMENT_RETURN_URL", ["http:", "https:"]) ?? publicUrl,
    paymentAccounts,
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
    failpoints: failpointsIn(read, production),
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
  const takesPayments = !joinsOnly && config.services.includes("payments");
  if (
    production &&
    takesPayments &&
    read.value("PAYMENT_PROVIDER") === undefined &&
    config.paymentProvider === "sandbox"
  ) {
    read.problem("PAYMENT_PROVIDER", "is unset in production: name one, or sandbox where no money may move");
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

function currencyIn(read: SettingsReader): string {
  const value = read.value("CURRENCY") ?? "GBP";
  if (!Intl.supportedValuesOf("currency").includes(value)) {
    read.problem("CURRENCY", `is "${value}", but must be a currency of ISO 4217 such as GBP`);
  }
  return value;
}

function failpointsIn(read: SettingsReader, production: boolean): Failpoint[] {
  const value = read.value("FAILPOINTS");
  if (value === undefined) return [];
  if (production) read.problem("FAILPOINTS", "is for tests, and refused in production");
  const { points, problems } = parseFailpoints(value);
  for (const problem of problems) read.problem("FAILPOINTS", problem);
  return points;
}

function servicesIn(read: SettingsReader): ServiceName[] {
  const value = read.value("SERVICES");
  if (value === undefined || value === "all") return [...serviceNames];
  const names = value.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !serviceNames.some((known) => known === name));
  if (unknown.length > 0)
    read.problem("SERVICES", `names "${unknown.join(", ")}", but knows ${serviceNames.join(", ")}`);
  return serviceNames.filter((name) => names.includes(name));
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
