import { ConfigError, readConfig } from "../../config.ts";

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
      registerRateLimit: 600,
      loginFailuresPerAddress: 20,
      loginFailuresPerAccount: 10,
      trustedProxies: 0,
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
    ["TRUSTED_PROXIES", "many", "TRUSTED_PROXIES"],
    ["ADMIN_PASSWORD", "short", "ADMIN_PASSWORD must have 8 to 128 characters"],
    ["ADMIN_EMAIL", "boss", "ADMIN_EMAIL"],
    ["SECRET_KEY", "abc", "SECRET_KEY must have 32 to 512 characters"],
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

  it("demand secrets of their own in production", () => {
    const production = { NODE_ENV: "production", DATABASE_URL: "mysql://root@db" };
    expect(problemsOf(production)).toEqual([
      expect.stringContaining("SECRET_KEY is required"),
      expect.stringContaining("ADMIN_PASSWORD is required"),
    ]);
    const weak = { ...production, SECRET_KEY: "changeme".repeat(5), ADMIN_PASSWORD: "password1" };
    expect(problemsOf(weak)).toHaveLength(2);
  });
});
