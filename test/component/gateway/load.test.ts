import { overloaded } from "../../../lib/errors.ts";
import { delay } from "../../../lib/time.ts";
import { basePath } from "../../../services/gateway/routes.ts";
import { eventually } from "../../support/wait.ts";
import { startGateway as start, tokenOf, type TestGateway } from "./support.ts";

const token = tokenOf();
const body = { items: [{ sku: "A-1", quantity: 1 }] };

const started: TestGateway[] = [];
afterEach(() => Promise.all(started.splice(0).map((gateway) => gateway.stop())));

async function startGateway(setup: Parameters<typeof start>[0]): Promise<TestGateway> {
  const gateway = await start(setup);
  started.push(gateway);
  return gateway;
}

/** A gateway that works on four requests at a time, and a service that answers when it is let go. */
async function busyGateway(): Promise<{ gateway: TestGateway; letGo: () => void; placed: Promise<number>[] }> {
  const held = new AbortController();
  const gateway = await startGateway({
    env: { REQUESTS_IN_FLIGHT: "4" },
    answers: {
      "orders.place": async () => {
        await delay(20_000, held.signal);
        return {};
      },
    },
  });
  const placed = [1, 2].map(async () => {
    const { status } = await gateway.request("POST", `${basePath}/orders`, { token, json: body });
    return status;
  });
  await eventually(() => gateway.calls.length === 2);
  return { gateway, letGo: () => held.abort(), placed };
}

describe("a service that hangs", () => {
  it("fills its half: more for it is refused at once, others are served, and all is well when it answers", async () => {
    const { gateway, letGo, placed } = await busyGateway();
    const startedAtMs = performance.now();

    const refused = await gateway.request("POST", `${basePath}/orders`, { token, json: body });
    const tookMs = performance.now() - startedAtMs;
    const other = await gateway.request("GET", `${basePath}/products`);
    letGo();

    expect(refused.body).toMatchObject({ status: 503, code: "OVERLOADED" });
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(tookMs).toBeLessThan(1_000);
    expect(other.status).toBe(200);
    expect(await Promise.all(placed)).toEqual([201, 201]);
    expect((await gateway.request("POST", `${basePath}/orders`, { token, json: body })).status).toBe(201);
  });
});

describe("a gateway with too much to do", () => {
  it("refuses before it reads who asks, and still serves health, its document and webhooks", async () => {
    const held = new AbortController();
    const gateway = await startGateway({
      env: { REQUESTS_IN_FLIGHT: "1" },
      answers: { "products.list": () => delay(20_000, held.signal).then(() => ({ items: [], nextCursor: null })) },
    });
    const first = gateway.request("GET", `${basePath}/products`);
    await eventually(() => gateway.calls.length === 1);

    const refused = await gateway.request("GET", `${basePath}/users/me`, { token: "not a token" });
    const health = await gateway.request("GET", "/health/ready");
    const document = await gateway.request("GET", "/openapi.json");
    const webhook = await gateway.request("POST", `${basePath}/payments/webhooks/sandbox`, { body: "{}" });
    const nothing = await gateway.request("GET", `${basePath}/nothing`);
    held.abort();

    expect(refused.body).toMatchObject({ status: 503, code: "OVERLOADED" });
    expect(refused.headers.get("x-content-type-options")).toBe("nosniff");
    expect([health, document, webhook, nothing].map(({ status }) => status)).toEqual([200, 200, 200, 404]);
    expect((await first).status).toBe(200);
  });
});

describe("a service that only fails", () => {
  it("is left alone for a while: 503 with the time to wait, without asking it", async () => {
    const gateway = await startGateway({
      answers: {
        "users.me": () => {
          throw new Error("broken");
        },
      },
    });
    const ask = () => gateway.request("GET", `${basePath}/users/me`, { token });

    const answer = await eventually(async () => {
      const { status, headers, body } = await ask();
      return status === 503 && { headers, body };
    });
    const asked = gateway.calls.length;

    expect(answer.body).toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    expect(answer.headers.get("retry-after")).toBe("1");
    expect((await ask()).status).toBe(503);
    expect(gateway.calls).toHaveLength(asked);
    expect((await gateway.request("GET", `${basePath}/products`)).status).toBe(200);
  });

  it("is not left alone for saying that it has too much to do", async () => {
    const gateway = await startGateway({
      answers: {
        "orders.place": () => {
          throw overloaded();
        },
      },
    });
    const statuses = new Set<unknown>();
    for (let i = 0; i < 40; i += 1) {
      const { body: problem } = await gateway.request("POST", `${basePath}/orders`, { token, json: body });
      statuses.add(problem.code);
    }

    expect([...statuses]).toEqual(["OVERLOADED"]);
    expect(gateway.calls).toHaveLength(40);
  });
});
