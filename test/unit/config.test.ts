import { ConfigError, readConfig } from "../../config.ts";
import { SettingsReader } from "../../lib/settings-reader.ts";
import { paymentProviderIn } from "../../services/payments/providers/kinds.ts";

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("settings", () => {
  it("need none: everything runs in one process on SQLite", () => {
    expect(readConfig({})).toMatchObject({
      host: "127.0.0.1",
      port: 3000,
      publicUrl: "http://127.0.0.1:3000",
      store: { dialect: "sqlite" },
      transporter: null,
      redisUrl: null,
      orderTtlSeconds: 900,
      currency: "GBP",
      groupCommitMost: 64,
      rateLimit: 6000,
      requestsInFlight: 2000,
      registerRateLimit: 600,
      loginFailuresPerAddress: 20,
      loginFailuresPerAccount: 10,
      trustedProxies: 0,
      metrics: null,
      tracing: null,
    });
  });

  it("cannot be changed once they are read", () => {
    const config = readConfig({});
    expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config.admin, { email: "x" })).toThrow(TypeError);
  });

  it.each([
    ["PORT", "70000", 'PORT is "70000", but must be a whole number from 0 to 65535'],
    ["PORT", "80a", "PORT"],
    ["ORDER_TTL_SECONDS", "0", "ORDER_TTL_SECONDS"],
    ["ORDER_TTL_SECONDS", "-5", "ORDER_TTL_SECONDS"],
    ["CURRENCY", "POUND", "CURRENCY"],
    ["LOG_LEVEL", "loud", 'LOG_LEVEL is "loud", but must be one of'],
    ["SERVICES", "orders,shipping", 'SERVICES names "shipping"'],
    ["DATABASE_URL", "postgres://localhost", "DATABASE_URL must be a URL that begins with mysql://"],
    ["TRANSPORTER", "localhost:4222", "TRANSPORTER must be a URL"],
    ["REDIS_URL", "localhost:6379", "REDIS_URL must be a URL that begins with redis:// or rediss://"],
    ["SMTP_URL", "mail.example.com", "SMTP_URL must be a URL"],
    ["GROUP_COMMIT_MOST", "0", "GROUP_COMMIT_MOST"],
    ["GROUP_COMMIT_MOST", "257", "GROUP_COMMIT_MOST"],
    ["RATE_LIMIT", "1e3", "RATE_LIMIT"],
    ["REQUESTS_IN_FLIGHT", "0", "REQUESTS_IN_FLIGHT"],
    ["TRUSTED_PROXIES", "many", "TRUSTED_PROXIES"],
    ["METRICS_PORT", "prometheus", "METRICS_PORT"],
    ["METRICS_PORT", "3000", "METRICS_PORT is 3000 like PORT"],
    ["METRICS_HOST", "here or there", "METRICS_HOST"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL"],
    ["TRACE_SAMPLE_RATIO", "1.5", 'TRACE_SAMPLE_RATIO is "1.5", but must be a number from 0 to 1'],
    ["TRACE_SAMPLE_RATIO", "half", "TRACE_SAMPLE_RATIO"],
    ["ADMIN_PASSWORD", "short", "ADMIN_PASSWORD must have 8 to 128 characters"],
    ["ADMIN_EMAIL", "boss", "ADMIN_EMAIL"],
    ["SECRET_KEY", "abc", "SECRET_KEY must have 32 to 512 characters"],
    ["ARCHIVE_AFTER_DAYS", "0", 'ARCHIVE_AFTER_DAYS is "0", but must be a whole number from 1 to 36500'],
    ["FAILPOINTS", "everywhere", 'FAILPOINTS has "everywhere", but must be like place.after-reserve=kill@1'],
    ["FAILPOINTS", "place.sometime=kill@1", 'FAILPOINTS names "place.sometime", but knows place.after-reserve, '],
    ["FAILPOINTS", "place.after-reserve=explode@1", 'FAILPOINTS has place.after-reserve do "explode", but knows kill'],
    ["FAILPOINTS", "place.after-reserve=delay:70000@1", 'FAILPOINTS has place.after-reserve do "delay:70000"'],
    ["FAILPOINTS", "place.after-reserve=kill", 'FAILPOINTS has "place.after-reserve=kill", but must be like'],
    [
      "FAILPOINTS",
      "place.after-reserve=kill@0",
      'FAILPOINTS has place.after-reserve at "0", but must be a whole number',
    ],
    ["FAILPOINTS", "relay.after-claim=kill@2,relay.after-claim=throw@2", "FAILPOINTS has two actions for relay.after"],
  ])("refuse %s=%s by name", (name, value, beginning) => {
    const problems = problemsOf({ [name]: value });
    expect(problems.some((problem) => problem.startsWith(beginning))).toBe(true);
  });

  it("name everything that is wrong at once", () => {
    expect(problemsOf({ PORT: "x", CURRENCY: "x", LOG_LEVEL: "x" })).toHaveLength(3);
  });

  it("never repeat a URL, which may hold a password", () => {
    expect(problemsOf({ DATABASE_URL: "pg://me:topsecret@db" }).join()).not.toContain("topsecret");
  });

  it("take {service} in the database's user and password, and nothing else in braces", () => {
    expect(problemsOf({ DATABASE_URL: "mysql://hub_{service}:{service}-pass@db" })).toEqual([]);
    expect(problemsOf({ DATABASE_URL: "mysql://hub_{name}:pass@db" })).toEqual([
      "DATABASE_URL has braces in its user, but only {service} stands for something there",
    ]);
  });

  it.each([
    ["AMQP_URL", "amqp://bus"],
    ["TRANSPORTER", "nats://bus"],
    ["REDIS_URL", "rediss://cache"],
  ])("refuse half a cluster: %s without DATABASE_URL", (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringContaining(`${name} is set but DATABASE_URL is not`)]);
  });

  it("refuse a part of the services with nothing to reach the others by", () => {
    expect(problemsOf({ SERVICES: "orders" })).toEqual([expect.stringContaining("SERVICES")]);
  });

  it("limit registrations more tightly in a cluster", () => {
    const cluster = { DATABASE_URL: "mysql://root@db", TRANSPORTER: "nats://bus" };
    expect(readConfig(cluster).registerRateLimit).toBe(20);
    expect(readConfig({ ...cluster, REGISTER_RATE_LIMIT: "7" }).registerRateLimit).toBe(7);
  });

  it("make a process fail on purpose where FAILPOINTS says, and nowhere else", () => {
    expect(readConfig({}).failpoints).toEqual([]);
    expect(
      readConfig({ FAILPOINTS: "place.after-reserve=kill@1, relay.after-confirm=delay:500@2" }).failpoints,
    ).toEqual([
      { name: "place.after-reserve", nth: 1, action: { kind: "kill" } },
      { name: "relay.after-confirm", nth: 2, action: { kind: "delay", ms: 500 } },
    ]);
  });

  it("refuse to fail on purpose in production", () => {
    expect(problemsOf({ NODE_ENV: "production", FAILPOINTS: "place.after-reserve=kill@1" })).toContain(
      "FAILPOINTS is for tests, and refused in production",
    );
  });

  it("demand secrets of their own in production", () => {
    const production = { NODE_ENV: "production", DATABASE_URL: "mysql://root@db", PAYMENT_PROVIDER: "sandbox" };
    expect(problemsOf(production)).toEqual([
      expect.stringContaining("SECRET_KEY is required"),
      expect.stringContaining("ADMIN_PASSWORD is required"),
    ]);
    const weak = { ...production, SECRET_KEY: "changeme".repeat(5), ADMIN_PASSWORD: "password1" };
    expect(problemsOf(weak)).toHaveLength(2);
  });

  it("replace SECRET_KEY while the one before still opens what it sealed", () => {
    const [now, before] = ["n".repeat(32), "b".repeat(32)];
    expect(readConfig({ SECRET_KEY: now, SECRET_KEY_PREVIOUS: before })).toMatchObject({
      ...{ secretKey: now, secretKeyPrevious: before },
    });
    expect(problemsOf({ SECRET_KEY_PREVIOUS: before })).toEqual([
      "SECRET_KEY_PREVIOUS is set but SECRET_KEY, which takes its place, is not",
    ]);
  });

  const stripe = { STRIPE_SECRET_KEY: "sk_test_0123456789abcdef", STRIPE_WEBHOOK_SECRET: "whsec_0123456789abcdef" };

  it("take payments with the sandbox, and with Stripe once its secrets are there", () => {
    expect(readConfig({})).toMatchObject({
      paymentProvider: "sandbox",
      paymentAccounts: {},
      sandboxWebhookSecrets: [],
    });
    expect(readConfig(stripe)).toMatchObject({
      paymentProvider: "stripe",
      paymentAccounts: { stripe: { url: "https://api.stripe.com", webhookSecrets: ["whsec_0123456789abcdef"] } },
      paymentReturnUrl: "http://127.0.0.1:3000",
    });
    expect(readConfig({ ...stripe, PAYMENT_PROVIDER: "sandbox" }).paymentProvider).toBe("sandbox");
    const rotating = { ...stripe, STRIPE_WEBHOOK_SECRET: "whsec_newnewnewnewnewne,whsec_oldoldoldoldoldol" };
    expect(readConfig(rotating).paymentAccounts.stripe).toMatchObject({
      webhookSecrets: ["whsec_newnewnewnewnewne", "whsec_oldoldoldoldoldol"],
    });
  });

  it.each([
    [{ STRIPE_SECRET_KEY: stripe.STRIPE_SECRET_KEY }, "STRIPE_WEBHOOK_SECRET is unset"],
    [{ STRIPE_WEBHOOK_SECRET: stripe.STRIPE_WEBHOOK_SECRET }, "STRIPE_SECRET_KEY is unset"],
    [{ ...stripe, STRIPE_SECRET_KEY: "pk_live_0123456789abcdef" }, "STRIPE_SECRET_KEY must be"],
    [{ ...stripe, STRIPE_WEBHOOK_SECRET: "a,b,c" }, "STRIPE_WEBHOOK_SECRET must be one secret"],
    [{ ...stripe, STRIPE_URL: "http://stripe.example" }, "STRIPE_URL must begin with https://"],
    [{ ...stripe, CURRENCY: "ISK" }, "CURRENCY is ISK, which stripe counts in other units"],
    [{ ...stripe, CURRENCY: "KWD" }, "CURRENCY is KWD, which stripe counts in other units"],
    [{ PAYMENT_PROVIDER: "stripe" }, "PAYMENT_PROVIDER is stripe, but STRIPE_SECRET_KEY is unset"],
    [{ PAYMENT_PROVIDER: "paypal" }, 'PAYMENT_PROVIDER is "paypal", but must be one of sandbox, stripe'],
    [{ NODE_ENV: "production" }, "PAYMENT_PROVIDER is unset in production"],
    [{ SANDBOX_WEBHOOK_SECRET: "short" }, "SANDBOX_WEBHOOK_SECRET must be one secret"],
  ])("refuse a half-configured payment provider: %j", (env: Record<string, string>, beginning) => {
    expect(problemsOf(env)).toEqual([expect.stringContaining(beginning)]);
  });

  it("want to be told who takes new payments when there are two accounts", () => {
    const reader = new SettingsReader({});
    paymentProviderIn(reader, { stripe: {}, wallet: {} }, "GBP");
    expect(() => reader.finish()).toThrow(
      "PAYMENT_PROVIDER is unset, but must say who takes new payments: stripe or wallet",
    );
  });

  it("never repeat a secret", () => {
    const wrong = { STRIPE_SECRET_KEY: "topsecret", STRIPE_WEBHOOK_SECRET: "topsecret" };
    expect(problemsOf(wrong)).toHaveLength(2);
    expect(problemsOf(wrong).join()).not.toContain("topsecret");
  });
});
