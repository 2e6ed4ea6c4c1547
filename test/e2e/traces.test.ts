import { createConnection } from "mysql2/promise";
import type { AuditEntry } from "../../contracts/audit-log.ts";
import { startPrivateBacking } from "../../scripts/backing/index.ts";
import { startNode } from "../../scripts/cluster-node.ts";
import { freePort } from "../support/config.ts";
import { adminCredentials, startHub } from "../support/hub.ts";
import { RestClient } from "../support/rest.ts";
import { runScript } from "../support/script.ts";
import { Shop } from "../support/shop.ts";
import { startStripe, stripeSecretKey } from "../support/stripe.ts";
import { eventually } from "../support/wait.ts";

// What a run leaves behind: in the audit log everything that matters, in the log no secret.

interface System {
  rest: RestClient;
  env: Record<string, string | undefined>;
  output(): string;
  stop(): Promise<void>;
}

const planted = {
  SECRET_KEY: "planted-key-0123456789-0123456789-0123456789",
  ADMIN_PASSWORD: adminCredentials.password,
  STRIPE_SECRET_KEY: stripeSecretKey,
  STRIPE_WEBHOOK_SECRET: "whsec_plantedplantedplanted",
  SANDBOX_WEBHOOK_SECRET: "planted-sandbox-secret-0123456789-01",
};

const embedded = async (env: Record<string, string>): Promise<System> => {
  const hub = await startHub("SQLite", { ...env, LOG_LEVEL: "trace" });
  return { rest: hub.rest, env: hub.env, output: () => hub.output(), stop: () => hub.dispose() };
};

/** A node on servers, with a password in each of their URLs. */
const onServers = async (env: Record<string, string>): Promise<System> => {
  const servers = await startPrivateBacking(["mysql", "nats", "amqp", "redis"]);
  const sql = await createConnection(servers.mysql.url);
  await sql.query("CREATE USER 'hub'@'%' IDENTIFIED BY 'planted-mysql-password'");
  await sql.query("GRANT ALL PRIVILEGES ON *.* TO 'hub'@'%'");
  await sql.end();
  const withPassword = (url: string, password: string) => {
    const { protocol, host } = new URL(url);
    return `${protocol}//hub:${password}@${host}`;
  };
  let output = "";
  const settings = {
    ...env,
    ADMIN_EMAIL: adminCredentials.email,
    DATABASE_URL: withPassword(servers.mysql.url, "planted-mysql-password"),
    TRANSPORTER: withPassword(servers.nats.url, "planted-nats-password"),
    AMQP_URL: withPassword(servers.amqp.url, "planted-amqp-password"),
    // this Redis wants no password and refuses one: the log tells of it
    REDIS_URL: withPassword(servers.redis.url, "planted-redis-password"),
    LOG_LEVEL: "trace",
  };
  const port = await freePort();
  const onOutput = (text: string): void => void (output += text);
  /** RabbitMQ gets its user only when the node has been refused: the log tells of that, too. */
  const letIn = async (): Promise<void> => {
    await eventually(() => output.includes("RabbitMQ cannot be reached"), 60_000);
    await servers.amqp.control("add_user", "hub", "planted-amqp-password");
    await servers.amqp.control("set_permissions", "hub", ".*", ".*", ".*");
  };
  const starting = startNode({ id: "traced", services: [], port, env: settings, onOutput });
  const [node] = await Promise.all([starting, letIn()]);
  await eventually(() => output.includes("connected to RabbitMQ"), 20_000);
  return {
    rest: await RestClient.to(node.url),
    env: { ...process.env, ...settings, NODE_ID: "asking" },
    output: () => output,
    async stop() {
      await node.stop();
      await servers.stop();
    },
  };
};

describe.each([
  ["embedded", embedded],
  ["on servers", onServers],
] as const)("what a system leaves behind, %s", (_name, start) => {
  let system: System;
  let shop: Shop;
  let stripe: Awaited<ReturnType<typeof startStripe>>;
  const secrets = new Set<string>(Object.values(planted));
  /** Everything that was answered to somebody who should see no secret. */
  const answers: string[] = [];

  beforeAll(async () => {
    stripe = await startStripe();
    system = await start({ ...planted, STRIPE_URL: stripe.url });
    for (const name of ["mysql", "nats", "amqp", "redis"]) secrets.add(`planted-${name}-password`);
    shop = await Shop.open(system);
    secrets.add(shop.admin);
  });
  afterAll(async () => {
    await system.stop();
    await stripe.stop();
  });

  const entries = async (filter: string): Promise<AuditEntry[]> => {
    const answer = await system.rest.get<{ items: AuditEntry[] }>(`/ops/audit?limit=100&${filter}`, {
      token: shop.admin,
    });
    expect(answer.status).toBe(200);
    return answer.body.items;
  };
  const noted = (filter: string, like: object): Promise<AuditEntry> =>
    eventually(async () =>
      (await entries(filter)).find((entry) =>
        Object.entries(like).every(([name, value]) => entry[name as keyof AuditEntry] === value),
      ),
    );

  it("has an entry for everything that matters, and each names who asked", async () => {
    const { rest } = system;
    const [ann, bob] = [await rest.signUp(), await rest.signUp()];
    for (const person of [ann, bob]) for (const token of [person.token, person.refreshToken]) secrets.add(token);
    const password = "planted-password-of-ann";
    for (const text of [password, "planted-wrong-guess"]) secrets.add(text);

    // stock, an order, a refund
    const sku = await shop.product(5);
    const line1 = "42 Planted Lane, Backdoor 7";
    secrets.add(line1);
    const address = await rest.post<{ id: string }>("/users/me/addresses", {
      token: ann.token,
      body: { name: "Ann", line1, city: "York", postalCode: "YO1 7HH", country: "GB" },
    });
    const card = "pm_ok";
    const order = await rest.post<{ id: string }>("/orders", {
      token: ann.token,
      body: { items: [{ sku, quantity: 1 }], addressId: address.body.id },
    });
    expect(order.status).toBe(201);
    expect((await shop.pay(ann, order.body.id, card)).body).toMatchObject({ provider: "stripe", status: "SUCCEEDED" });
    secrets.add("pm_planted_card");
    const other = await shop.placed(ann, sku);
    await shop.pay(ann, other.id, "pm_planted_card");
    const refund = { token: shop.admin, key: "planted-refund", body: { amountCents: 100, reason: "late" } };
    expect((await rest.post(`/orders/${order.body.id}/refund`, refund)).status).toBe(200);
    await noted("action=refund", { target: `order ${order.body.id}`, outcome: "done" });
    await noted("action=stock.change", { target: `product ${sku}` });

    // what is refused
    const refused = [
      await rest.get("/users", { token: bob.token }),
      await rest.get(`/orders/${order.body.id}`, { token: bob.token }),
      await rest.post("/auth/login", { body: { email: ann.email, password: "planted-wrong-guess" } }),
      await rest.post("/auth/refresh", { body: { refreshToken: `${ann.refreshToken}x` } }),
      await rest.post("/auth/password/reset", { body: { token: "planted-reset-guess", newPassword: password } }),
      await rest.post("/auth/register", { body: { email: ann.email, password, name: "Ann" } }),
      await rest.post("/payments/webhooks/stripe", { headers: { "stripe-signature": "t=1,v1=0" }, body: "{}" }),
    ];
    secrets.add("planted-reset-guess");
    expect(refused.map(({ status }) => status)).toEqual([403, 404, 401, 401, 422, 409, 401]);
    answers.push(...refused.map(({ body }) => JSON.stringify(body)));
    await noted(`actor=${bob.id}`, { action: "access.refused", target: "route", outcome: "refused" });
    await noted(`actor=${bob.id}`, { action: "access.refused", target: `order ${order.body.id}` });
    await noted("action=login", { outcome: "refused", actor: null });
    const me = await rest.get<{ id: string }>("/users/me", { token: shop.admin });
    await noted("action=login", { outcome: "done", actor: me.body.id });

    // accounts
    await rest.post("/auth/password", {
      token: ann.token,
      body: { currentPassword: "correct horse battery", newPassword: password },
    });
    await noted(`actor=${ann.id}`, { action: "password.change", target: `user ${ann.id}` });
    expect((await rest.post("/auth/password/forgot", { body: { email: ann.email } })).status).toBe(202);
    const token = await eventually(async () => {
      const box = await rest.get(`/mailbox?to=${encodeURIComponent(ann.email)}`, { token: shop.admin });
      return /(?:\\n|[^\w-])([\w-]{43})(?:\\n|[^\w-])/.exec(JSON.stringify(box.body))?.[1];
    });
    secrets.add(token);
    const again = { token, newPassword: "planted-password-again" };
    secrets.add(again.newPassword);
    expect((await rest.post("/auth/password/reset", { body: again })).status).toBe(204);
    await noted(`actor=${ann.id}`, { action: "password.reset" });
    const access = { token: shop.admin, body: { roles: ["customer", "support"] } };
    expect((await rest.patch(`/users/${bob.id}`, access)).status).toBe(200);
    await noted(`target=user ${bob.id}`, { action: "access.change" });
    expect((await rest.patch(`/users/${bob.id}`, { token: shop.admin, body: { status: "disabled" } })).status).toBe(
      200,
    );

    const back = await rest.post<{ accessToken: string }>("/auth/login", {
      body: { email: ann.email, password: again.newPassword },
    });
    secrets.add(back.body.accessToken);
    expect((await rest.get("/users/me/export", { token: back.body.accessToken })).status).toBe(200);
    expect((await rest.delete("/users/me", { token: back.body.accessToken })).status).toBe(204);
    await noted(`actor=${ann.id}`, { action: "data.export" });
    await noted(`actor=${ann.id}`, { action: "data.erase" });
    expect(JSON.stringify(await entries(""))).not.toContain("@example.com");
  }, 120_000);

  it("rotates its signing keys on command, and nobody is logged out", async () => {
    const person = await system.rest.signUp();
    for (const token of [person.token, person.refreshToken]) secrets.add(token);
    const before = await system.rest.get<{ keys: unknown[] }>("/.well-known/jwks.json");

    const rotated = await system.rest.post<{ kid: string; signsAt: string }>("/ops/keys/rotate", { token: shop.admin });
    expect(rotated.status).toBe(200);
    expect(Date.parse(rotated.body.signsAt)).toBeGreaterThan(Date.now());

    const after = await system.rest.get<{ keys: { kid: string }[] }>("/.well-known/jwks.json");
    expect(after.body.keys).toHaveLength(before.body.keys.length + 1);
    expect(after.body.keys.map(({ kid }) => kid)).toContain(rotated.body.kid);
    expect((await system.rest.get("/users/me", { token: person.token })).status).toBe(200);
    const session = await system.rest.post<{ accessToken: string; refreshToken: string }>("/auth/refresh", {
      body: { refreshToken: person.refreshToken },
    });
    expect(session.status).toBe(200);
    for (const token of [session.body.accessToken, session.body.refreshToken]) secrets.add(token);
    expect((await system.rest.get("/users/me", { token: session.body.accessToken })).status).toBe(200);
    // a second command does not pile up keys
    expect((await system.rest.post<{ kid: string }>("/ops/keys/rotate", { token: shop.admin })).body.kid).toBe(
      rotated.body.kid,
    );
    expect(await entries("action=key.rotation")).toHaveLength(1);
  });

  it("says no secret in its log, nor to those who ask how it runs", async () => {
    answers.push(JSON.stringify((await system.rest.get("/ops/nodes", { token: shop.admin })).body));
    answers.push(JSON.stringify((await system.rest.get("/ops/outbox", { token: shop.admin })).body));
    answers.push(JSON.stringify((await system.rest.get("/ops/audit?limit=100", { token: shop.admin })).body));
    const asked = await runScript("repl", {
      env: system.env,
      args: ["-e", "call $node.options", "-e", "nodes --details", "-e", "info", "-e", "call $node.list"],
    });
    answers.push(asked.out, asked.err);
    expect(asked.out.length).toBeGreaterThan(500);

    const log = system.output();
    expect(log).toContain('"audit"');
    expect(log.length).toBeGreaterThan(20_000);
    /** Each secret that is there, with what stands around it. */
    const leaked = (text: string): string[] =>
      [...secrets].flatMap((secret) => {
        const at = text.indexOf(secret);
        return at < 0 ? [] : [text.slice(Math.max(0, at - 300), at + secret.length + 20)];
      });
    expect(leaked(log)).toEqual([]);
    expect(answers.flatMap(leaked)).toEqual([]);
  });
});
