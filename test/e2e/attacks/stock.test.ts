import { createHmac, generateKeyPairSync } from "node:crypto";
import jwt from "jsonwebtoken";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import ApiGateway from "moleculer-web";
import { publicKeyOf, verifyAccessToken } from "../../../lib/access-token.ts";
import { newId } from "../../../lib/ids.ts";
import { jwk, startGateway, testKey, tokenOf, type TestGateway } from "../../component/gateway/support.ts";
import { nested, pollutingBodies } from "./hostile.ts";

// The same attacks on moleculer-web and jsonwebtoken as they come, where they succeed, and on ours, where they must not.

interface Stock {
  url: string;
  /** What the action got. */
  seen: Record<string, unknown>[];
  stop(): Promise<void>;
}

async function startStock(): Promise<Stock> {
  const seen: Record<string, unknown>[] = [];
  const broker = new ServiceBroker({ logger: false, nodeID: "stock" });
  broker.createService({
    name: "orders",
    actions: {
      place: {
        params: { $$strict: true, note: "string|optional", items: "array|optional" },
        handler(ctx: { params: Record<string, unknown> }) {
          seen.push(ctx.params);
          return { role: ctx.params.role ?? null };
        },
      },
      internal: { handler: () => ({ secret: true }) },
      broken: {
        handler() {
          throw new Error("ER_BAD_FIELD_ERROR: Unknown column 'x' in SELECT * FROM users");
        },
      },
    },
  } as ServiceSchema);
  const service = broker.createService({
    mixins: [ApiGateway as unknown as ServiceSchema],
    settings: {
      port: 0,
      ip: "127.0.0.1",
      cors: { origin: "https://shop.example" },
      rateLimit: { limit: 2, window: 60_000 },
      routes: [
        // a route as it is when no more is said of it
        { path: "/open" },
        { path: "/", aliases: { "POST /orders": "orders.place" }, bodyParsers: { json: true } },
      ],
    },
  } as unknown as ServiceSchema);
  await broker.start();
  const { server } = service as unknown as { server: { address(): { port: number } } };
  return { url: `http://127.0.0.1:${server.address().port}`, seen, stop: () => broker.stop() };
}

let stock: Stock;
let ours: TestGateway;
beforeAll(async () => {
  [stock, ours] = await Promise.all([startStock(), startGateway({ env: { RATE_LIMIT: "1000" } })]);
});
afterAll(() => Promise.all([stock.stop(), ours.stop()]));

let clients = 0;
/** Each request to the stock gateway as another client, which it believes. */
const toStock = (path: string, init: RequestInit = {}) =>
  fetch(stock.url + path, {
    ...init,
    headers: { "content-type": "application/json", "x-forwarded-for": `10.0.0.${(clients += 1)}`, ...init.headers },
  });
const token = tokenOf({ roles: ["customer", "admin"] });
const order = (body: string) =>
  ours.request("POST", "/api/v1/orders", { token, body, headers: { "content-type": "application/json" } });

it("a prototype in a body reaches parameters there although they are strict; here it is refused", async () => {
  const there = await toStock("/orders", { method: "POST", body: '{"__proto__":{"role":"admin"}}' });
  expect(there.status).toBe(200);
  expect(await there.json()).toEqual({ role: "admin" });

  const asked = ours.calls.length;
  for (const body of pollutingBodies) expect((await order(body)).status).toBe(422);
  expect(ours.calls).toHaveLength(asked);
});

it("a query is merged into a body there, and not here", async () => {
  await toStock("/orders?note=query", { method: "POST", body: "{}" });
  expect(stock.seen.at(-1)).toMatchObject({ note: "query" });

  await ours.request("POST", "/api/v1/orders?note=query", { token, json: { items: [{ sku: "A", quantity: 1 }] } });
  expect(ours.calls.at(-1)?.params).toEqual({ items: [{ sku: "A", quantity: 1 }] });
});

it("any action answers by its name there, and none here", async () => {
  expect(await (await toStock("/open/orders/internal")).json()).toEqual({ secret: true });
  expect((await toStock("/open/~node/list")).status).toBe(200);

  for (const path of ["/api/v1/orders/internal", "/orders/place", "/~node/list", "/api/v1/~node/list"]) {
    expect((await ours.request("GET", path, { token })).status).toBe(404);
  }
});

it("a driver's words are in the answer there, and not here", async () => {
  expect(await (await toStock("/open/orders/broken")).text()).toContain("SELECT * FROM users");

  const broken = await startGateway({
    answers: {
      "users.me": () => {
        throw new Error("ER_BAD_FIELD_ERROR: Unknown column 'x' in SELECT * FROM users");
      },
    },
  });
  const answer = await broken.request("GET", "/api/v1/users/me", { token }).finally(() => broken.stop());
  expect(answer.status).toBe(500);
  expect(answer.text).not.toContain("SELECT");
});

it("a parser's words are in the answer there, and not here", async () => {
  expect(await (await toStock("/orders", { method: "POST", body: "{'secret" })).text()).toMatch(/JSON|token/);

  expect((await order("{'secret")).text).not.toMatch(/position|token|secret/i);
});

it("deep nesting is passed on there, and not here", async () => {
  await toStock("/orders", { method: "POST", body: `{"items":${nested(5_000)}}` });
  expect(() => JSON.stringify(stock.seen.at(-1))).toThrow(RangeError);

  expect((await order(`{"items":${nested(5_000)}}`)).status).toBe(400);
});

it("an invented address is another client there, and not here", async () => {
  const one = await startGateway({ env: { RATE_LIMIT: "2" } });
  const there = [];
  const here = [];
  for (let i = 0; i < 4; i += 1) {
    const headers = { "x-forwarded-for": `10.1.0.${i}` };
    there.push((await toStock("/orders", { method: "POST", body: "{}", headers })).status);
    here.push((await one.request("GET", "/api/v1/products", { headers })).status);
  }
  await one.stop();

  expect(there).toEqual([200, 200, 200, 200]);
  expect(here).toEqual([200, 200, 429, 429]);
});

it("an origin that is a part of an allowed one is allowed there; here no other origin is", async () => {
  const origin = "https://shop.exam";
  const there = await toStock("/orders", { method: "POST", body: "{}", headers: { origin } });
  expect(there.headers.get("access-control-allow-origin")).not.toBeNull();

  const here = await ours.request("GET", "/api/v1/products", { headers: { origin } });
  expect(here.headers.get("access-control-allow-origin")).toBeNull();
  expect(here.headers.get("access-control-allow-credentials")).toBeNull();
});

describe("tokens that the library takes when it is asked no more than to verify", () => {
  const now = Date.now();
  const iat = Math.floor(now / 1000);
  const publicKey = publicKeyOf(jwk);
  const claims = {
    ...{ iss: "enterprise-hub", aud: "enterprise-hub-api", sub: newId(), sid: newId() },
    ...{ roles: ["admin"], iat, ims: now },
  };
  const header = { alg: "ES256" as const, typ: "at+jwt", kid: testKey.kid };
  const sign = (content: object, head: object = header) =>
    jwt.sign(content, testKey.privateKey, { algorithm: "ES256", header: head as jwt.JwtHeader });
  const good = { ...claims, exp: iat + 900 };
  const verified = (forged: string) => verifyAccessToken(forged, () => publicKey, now);

  it("(a good one is taken by both)", () => {
    expect(jwt.verify(sign(good), publicKey)).toMatchObject({ sub: claims.sub });
    expect(verified(sign(good))).toMatchObject({ userId: claims.sub });
  });

  it.each([
    ["never ends", sign(claims)],
    ["is of another type, such as a refresh token", sign(good, { ...header, typ: "rt+jwt" })],
    ["names no type", sign(good, { alg: "ES256", kid: testKey.kid, typ: undefined })],
    ["names no key", sign(good, { alg: "ES256", typ: "at+jwt" })],
    ["is of another issuer", sign({ ...good, iss: "somebody" })],
    ["is for another audience", sign({ ...good, aud: "elsewhere" })],
    ["has roles that nobody has", sign({ ...good, roles: ["root"] })],
    ["belongs to no session", sign({ ...good, sid: undefined })],
  ])("one that %s", (_what, forged) => {
    expect(jwt.verify(forged, publicKey)).toBeDefined();

    expect(verified(forged)).toBeNull();
  });

  it("one that is signed with the public key as a secret, or not at all, or by another key", () => {
    const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const head = encode({ ...header, alg: "HS256" });
    const symmetric = `${head}.${encode(good)}.${createHmac("sha256", pem)
      .update(`${head}.${encode(good)}`)
      .digest("base64url")}`;
    const unsigned = `${encode({ ...header, alg: "none" })}.${encode(good)}.`;
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const foreign = jwt.sign(good, other, { algorithm: "ES256", header });

    // what a verifier believes that takes the algorithm from the token itself
    const [h = "", c = "", s = ""] = symmetric.split(".");
    expect(createHmac("sha256", pem).update(`${h}.${c}`).digest("base64url")).toBe(s);

    for (const forged of [symmetric, unsigned, foreign]) expect(verified(forged)).toBeNull();
  });
});
