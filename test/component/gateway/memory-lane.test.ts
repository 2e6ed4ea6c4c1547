import { signAccessToken } from "../../../lib/access-token.ts";
import type { NodeLoad } from "../../../lib/call-load.ts";
import { newId } from "../../../lib/ids.ts";
import { memoryReadsOf } from "../../../lib/memory-reads.ts";
import { basePath } from "../../../services/gateway/routes.ts";
import inventory from "../../../services/inventory/inventory.service.ts";
import orders from "../../../services/orders/orders.service.ts";
import products from "../../../services/products/products.service.ts";
import { eventually } from "../../support/wait.ts";
import { aliceId, rawRequest, startGateway, testKey, tokenOf, type TestGateway } from "./support.ts";

const real = [products, inventory, orders];
const boss = tokenOf({ userId: newId(), roles: ["admin"] });
const alice = tokenOf();
const ended = tokenOf({ userId: newId() });
const old = signAccessToken(testKey, {
  ...{ userId: aliceId, sessionId: newId(), roles: ["customer"], tokenId: newId() },
  issuedAtMs: Date.now() - 3_600_000,
});

/** A gateway with the services whose reads can be answered from memory, a product and an order of Alice's. */
async function open(env: Record<string, string> = {}) {
  const gateway = await startGateway({ env, real });
  const lane = { answers: 0 };
  const reads = memoryReadsOf(gateway.broker);
  const { answered } = reads;
  reads.answered = (action, tookMs) => {
    lane.answers += 1;
    answered(action, tookMs);
  };
  const post = async (path: string, token: string, json: object) => {
    const { status, body } = await gateway.request("POST", basePath + path, { token, json });
    expect(status).toBe(201);
    return body as { id: string; sku: string };
  };
  const { sku } = await post("/products", boss, { sku: "LAMP-1", name: "Lamp 灯", priceCents: 1_250 });
  await gateway.request("PUT", `${basePath}/inventory/${sku}`, { token: boss, json: { onHand: 7 } });
  const { id } = await post("/orders", alice, { items: [{ sku, quantity: 2 }] });
  return { gateway, lane, paths: { product: `${basePath}/products/${sku}`, order: `${basePath}/orders/${id}` } };
}

const raw = (gateway: TestGateway, line: string, headers: readonly string[]): Promise<string> =>
  rawRequest(gateway.port, [line, ...headers, "Connection: close", "", ""].join("\r\n"));

/** An answer but for what differs each time. */
const comparable = (answer: string): string =>
  answer
    .replace(/^Date: .*\r\n/im, "")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}(?=\r\n|"})/g, "ID");

describe("an answer from memory", () => {
  let world: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    world = await open();
    // each token is known, the last one until it is revoked
    for (const token of [boss, alice, ended]) await world.gateway.request("GET", world.paths.product, { token });
    await world.gateway.broker.broadcast("auth.revoked", {
      ...{ subject: idIn(ended), issuedBefore: Date.now() + 1_000, sequence: 1 },
    });
  });
  afterAll(() => world.gateway.stop());

  const host = "Host: hub";
  const by = (token: string): string[] => [host, `Authorization: Bearer ${token}`];
  const stranger = tokenOf({ userId: newId() });

  /** Asks until it was answered from memory: what is there may be a second old at any time. */
  async function fromMemory(method: string, path: string, headers: readonly string[]): Promise<string> {
    const { gateway, lane } = world;
    return eventually(async () => {
      const before = lane.answers;
      const answer = await raw(gateway, `${method} ${path} HTTP/1.1`, headers);
      return lane.answers > before && answer;
    });
  }

  it.each([
    ["a product", "GET", "product", [host], 200],
    ["the head of a product", "HEAD", "product", [host], 200],
    ["a product, for who has it already", "GET", "product", [host, 'If-None-Match: "x"', "Range: bytes=0-1"], 200],
    ["a product, with a request id", "GET", "product", [host, "X-Request-Id: mine"], 200],
    ["a product, with an id that is no good", "GET", "product", [host, "X-Request-Id: a b"], 200],
    ["a product, to somebody signed in", "GET", "product", by(alice), 200],
    ["a product, with a body nobody reads", "GET", "product", [host, "Content-Length: 0"], 200],
    ["an order, to its owner", "GET", "order", by(alice), 200],
    ["the head of an order", "HEAD", "order", by(alice), 200],
    ["an order, to staff", "GET", "order", by(boss), 200],
  ] as const)("is the same as a call's: %s", async (_what, method, name, headers, status) => {
    const path = world.paths[name];

    const called = await raw(world.gateway, `${method} ${path}? HTTP/1.1`, headers);
    const answer = await fromMemory(method, path, headers);

    expect(called).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(comparable(answer)).toBe(comparable(called));
  });

  it.each([
    ["an order, to a stranger", "GET", "order", by(stranger), 404],
    ["an order, to nobody", "GET", "order", [host], 401],
    ["an order, to who was signed in", "GET", "order", by(ended), 401],
    ["an order, with a token that has ended", "GET", "order", by(old), 401],
    ["a product, with a token that is none", "GET", "product", by("none"), 401],
    ["a product, with no token in its header", "GET", "product", [host, "Authorization: Basic YTpi"], 401],
    ["a product, from two hosts", "GET", "product", [host, "Host: other"], 400],
    ["a product, with a method of its own", "PUT", "product", [host], 405],
  ] as const)("is not given where a call refuses: %s", async (_what, method, name, headers, status) => {
    const path = world.paths[name];
    await fromMemory("GET", world.paths[name], name === "order" ? by(alice) : [host]);
    const before = world.lane.answers;

    const answer = await raw(world.gateway, `${method} ${path} HTTP/1.1`, headers);
    const called = await raw(world.gateway, `${method} ${path}? HTTP/1.1`, headers);

    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(comparable(answer)).toBe(comparable(called));
    expect(world.lane.answers).toBe(before);
  });

  it.each([
    ["a slash at the end", "/products/LAMP-1/", 200],
    ["a query", "/products/LAMP-1?a=b", 422],
    ["letters that are encoded", "/products/LAMP%2D1", 200],
    ["no text", "/products/%E0%A4%A", 400],
    ["an id that nothing can have", "/orders/LAMP-1", 404],
    ["no name", "/products/", 200],
  ])("is not given to a path with %s", async (_what, path, status) => {
    await fromMemory("GET", world.paths.product, [host]);
    const before = world.lane.answers;

    const answer = await raw(world.gateway, `GET ${basePath}${path} HTTP/1.1`, by(alice));

    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(world.lane.answers).toBe(before);
  });

  it("shows each change at once", async () => {
    const { gateway, paths } = world;
    const change = (method: string, path: string, json: object) => gateway.request(method, path, { token: boss, json });
    const shown = async (path: string) => (await gateway.request("GET", path, { token: alice })).body;

    for (let n = 1; n <= 5; n += 1) {
      await fromMemory("GET", paths.product, [host]);
      await change("PATCH", paths.product, { priceCents: n });
      expect(await shown(paths.product)).toMatchObject({ priceCents: n });
      await fromMemory("GET", paths.product, [host]);
      await change("PUT", `${basePath}/inventory/LAMP-1`, { onHand: 10 + n });
      expect(await shown(paths.product)).toMatchObject({ available: 8 + n });
    }
    await fromMemory("GET", paths.order, by(alice));
    await gateway.request("POST", `${paths.order}/cancel`, { token: alice });

    expect(await shown(paths.order)).toMatchObject({ status: "CANCELLED" });
  });

  it("counts as a request to its action, and as one of the node's", async () => {
    const { gateway, paths } = world;
    const callsOf = async (action: string) => {
      const broker = gateway.broker as unknown as { call(name: string): Promise<NodeLoad> };
      const { actions } = await broker.call("$node.load");
      return actions[action]?.calls ?? 0;
    };
    const okOf = async () =>
      (await gateway.broker.call("gateway.rates")).actions.find(({ action }) => action === "products.get")?.ok ?? 0;
    await callsOf("products.get");
    const [calls, ok] = [await callsOf("products.get"), await okOf()];

    await fromMemory("GET", paths.product, [host]);

    expect(await callsOf("products.get")).toBeGreaterThan(calls);
    await eventually(async () => (await okOf()) > ok);
  });
});

it("takes no more than the client's limit lets through", async () => {
  const { gateway, lane, paths } = await open({ RATE_LIMIT: "60" });
  const client = tokenOf({ userId: newId() });

  const statuses: number[] = [];
  for (let n = 0; n < 64; n += 1) {
    statuses.push((await gateway.request("GET", paths.product, { token: client })).status);
  }

  await gateway.stop();
  expect(statuses.filter((status) => status === 200)).toHaveLength(60);
  expect(statuses.slice(60)).toEqual([429, 429, 429, 429]);
  expect(lane.answers).toBeGreaterThan(0);
});

it("is not given where the services run on another node, or have stopped", async () => {
  const { gateway, lane, paths } = await open();
  await eventually(async () => {
    await gateway.request("GET", paths.product);
    return lane.answers > 0;
  });
  const service = gateway.broker.getLocalService("products") as never;
  const before = lane.answers;

  await gateway.broker.destroyService(service);
  const { status } = await gateway.request("GET", paths.product);

  await gateway.stop();
  expect([status, lane.answers]).toEqual([503, before]);
});

const idIn = (token: string): string =>
  (JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { sub: string }).sub;
