import fc from "fast-check";
import type { Person } from "../../support/rest.ts";
import { startHub, withDemo, type Hub } from "../../support/hub.ts";
import { Shop } from "../../support/shop.ts";
import { openApiDocument } from "../../../services/gateway/openapi.ts";
import { line, slow } from "./sockets.ts";
import { requestTo, type Operation, type Schema, type Sent } from "./generated.ts";

// Every operation of the OpenAPI document with requests that fit, nearly fit, or should never come. FUZZ_RUNS says how
// many for each, FUZZ_SEED which: the same seed sends the same requests.
const runs = Number(process.env.FUZZ_RUNS ?? 500);
const seed = Number(process.env.FUZZ_SEED ?? 1);
const atOnce = 10;
const mostMs = 1_000;

const document = openApiDocument();
const resolved = (schema: Schema): Schema => {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : (document.components.schemas[name] ?? {});
};
/** Without references, so that values can be made of it. */
const inlined = (given: Schema): Schema => {
  const schema = resolved(given);
  return {
    ...schema,
    ...(schema.items ? { items: inlined(schema.items) } : {}),
    ...(schema.anyOf ? { anyOf: schema.anyOf.map(inlined) } : {}),
    ...(schema.properties
      ? {
          properties: Object.fromEntries(
            Object.entries(schema.properties).map(([name, part]) => [name, inlined(part)]),
          ),
        }
      : {}),
  };
};

const operations: Operation[] = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, { parameters = [], requestBody }]) => {
    const { content = {} } = (requestBody ?? {}) as { content?: Record<string, { schema: Schema }> };
    const [body] = Object.entries(content).map(([type, { schema }]) => ({ type, schema: inlined(schema) }));
    const plain = (parameters as Operation["parameters"]).map((one) => ({ ...one, schema: inlined(one.schema) }));
    return { method: method.toUpperCase(), path, parameters: plain, body: body ?? null };
  }),
);

/** An answer takes seconds by its nature: the doctor looks twice, and a stream does not end. */
const isLasting = ({ path }: Operation): boolean => /doctor$|stream$/.test(path);

/** What an administrator sets there, as the limits, is in the way of all requests that follow. */
const setsLimits = ({ path }: Operation): boolean => path.endsWith("/ops/config");

let hub: Hub;
let shop: Shop;
let customer: Person;
let victim: Person;
let cutOff: Promise<Record<"headers" | "body", Awaited<ReturnType<typeof slow>>>>;
let ids: { order: string; payment: string; sku: string };

beforeAll(async () => {
  hub = await startHub("SQLite", { ...withDemo, RATE_LIMIT: "1000000000" });
  cutOff = sendSlowly(Number(new URL(hub.url).port));
  shop = await Shop.open(hub);
  [customer, victim] = [await hub.rest.signUp(), await hub.rest.signUp()];
  const sku = await shop.product(100_000);
  const order = (await shop.placed(customer, sku)).id;
  await shop.pay(customer, order, "tok_ok");
  const [payment] = await shop.payments(customer, order);
  ids = { order, payment: payment?.id ?? "", sku };
});
afterAll(() => hub.dispose());

/** Half a minute of waiting, beside all that the others send. */
async function sendSlowly(port: number): Promise<Awaited<typeof cutOff>> {
  // a webhook, whose body is read without a token
  const webhook = "POST /api/v1/payments/webhooks/sandbox HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{";
  const [headers, body] = await Promise.all([slow(port, line), slow(port, webhook)]);
  return { headers, body };
}

function knownIds({ path }: Operation, name: string): readonly string[] {
  if (name === "sku") return [ids.sku];
  if (name !== "id") return [];
  if (path.includes("/orders/")) return [ids.order];
  if (path.includes("/payments/")) return [ids.payment];
  return path.includes("/users/{id}") ? [victim.id] : [];
}

const ends = /\/auth\/(logout-all|password)$|\/users\/me$/;

/** Whose token it is; one that a request may end is nobody else's. */
async function tokensFor({ path }: Operation): Promise<Record<Sent["who"], string | undefined>> {
  const own = ends.test(path) ? (await hub.rest.signUp()).token : null;
  return { nobody: undefined, customer: own ?? customer.token, admin: own ?? shop.admin };
}

async function send(
  operation: Operation,
  token: string | undefined,
  sent: Sent,
): Promise<{ status: number; ms: number }> {
  const hasBody = operation.method !== "GET" && sent.body !== undefined;
  const startedAt = performance.now();
  const path = sent.path.replace("/api/v1", "");
  const { status } = await hub.rest.request(
    operation.method === "GET" && isLasting(operation) ? "HEAD" : operation.method,
    path,
    {
      ...(token === undefined ? {} : { token }),
      headers: sent.headers,
      ...(hasBody ? { body: sent.body } : {}),
    },
  );
  return { status, ms: performance.now() - startedAt };
}

it.each(operations.map((operation) => [`${operation.method} ${operation.path}`, operation] as const))(
  `answers whatever is sent to %s, with FUZZ_SEED=${seed}`,
  async (_name, operation) => {
    const tokens = await tokensFor(operation);
    const tokenOf = ({ who }: Sent): string | undefined =>
      (isLasting(operation) || setsLimits(operation)) && who === "admin" ? tokens.customer : tokens[who];
    const check = async (sent: Sent): Promise<void> => {
      const answer = await send(operation, tokenOf(sent), sent);
      if (answer.status >= 500) throw new Error(`answered ${answer.status}`);
      // on a busy machine the same request, alone, says whether it is the request that is slow
      const slow = answer.ms > mostMs && (await send(operation, tokenOf(sent), sent)).ms > mostMs;
      if (slow) throw new Error(`answered after ${answer.ms} ms, and slowly again`);
    };

    await fc.assert(
      fc.asyncProperty(fc.array(requestTo(operation, knownIds), { minLength: atOnce, maxLength: atOnce }), (all) =>
        Promise.all(all.map(check)).then(() => undefined),
      ),
      { numRuns: Math.ceil(runs / atOnce), seed, interruptAfterTimeLimit: 50_000, markInterruptAsFailure: true },
    );
    expect((await fetch(`${hub.url}/health/live`)).status).toBe(200);
  },
);

it("meanwhile cuts off who takes more than 10 s for the headers or 30 s for the body", async () => {
  const { headers, body } = await cutOff;

  expect(headers.answer).toMatch(/^HTTP\/1\.1 408 [^]*REQUEST_TOO_SLOW/);
  expect(headers.afterMs).toBeGreaterThan(9_000);
  expect(headers.afterMs).toBeLessThan(20_000);
  expect(body.afterMs).toBeGreaterThan(29_000);
  expect(body.afterMs).toBeLessThan(40_000);
});

it("leaves a system without an error in its log, on which an order can be placed", async () => {
  expect(
    hub
      .output()
      .split("\n")
      .filter((line) => line.includes('"level":50')),
  ).toEqual([]);
  const buyer = await hub.rest.signUp();
  expect((await shop.place(buyer, await shop.product(1))).status).toBe(201);
});
