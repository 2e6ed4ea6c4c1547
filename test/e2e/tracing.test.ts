import { randomBytes } from "node:crypto";
import { startCluster, type Cluster } from "../support/cluster.ts";
import { startCollector, type CollectedSpan } from "../support/otlp.ts";
import type { Person } from "../support/rest.ts";
import type { Shop } from "../support/shop.ts";
import { eventually } from "../support/wait.ts";

/** A gateway with orders on one node, everything else on another. */
describe("the trace of an order", () => {
  let collector: Awaited<ReturnType<typeof startCollector>>;
  let cluster: Cluster;
  let shop: Shop;
  let buyer: Person;
  let sku: string;

  beforeAll(async () => {
    collector = await startCollector();
    cluster = await startCluster();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, TRACE_SAMPLE_RATIO: "1", LOG_LEVEL: "info" };
    const [edge] = await Promise.all([
      cluster.add("edge", { services: ["gateway", "orders"], env }),
      cluster.add("rest", {
        services: ["auth", "users", "products", "inventory", "payments", "notify", "ops"],
        env,
      }),
    ]);
    shop = await cluster.shopAt(edge);
    buyer = await shop.rest.signUp();
    sku = await shop.product(10);
  }, 120_000);
  afterAll(async () => {
    await cluster.dispose();
    await collector.stop();
  }, 60_000);

  const placed = async (): Promise<{ traceId: string; root: string; orderId: string; requestId: string }> => {
    const [traceId, root, requestId] = [randomBytes(16).toString("hex"), randomBytes(8).toString("hex"), "req-1"];
    const headers = { traceparent: `00-${traceId}-${root}-00`, "x-request-id": requestId };
    const { body } = await shop.place(buyer, sku, 1, undefined, headers);
    return { traceId, root, orderId: body.id, requestId };
  };

  it("is one, from the client's own to the e-mail, over both nodes", async () => {
    const { traceId, root, orderId, requestId } = await placed();

    const spans = await eventually(() => {
      const all = collector.spans.filter((span) => span.traceId === traceId);
      return all.some(({ name }) => name === "send email") && connected(all, root) && all;
    }, 20_000);

    const names = (node: string): string[] => spans.filter((span) => span.node === node).map(({ name }) => name);
    expect(names("edge")).toEqual(
      expect.arrayContaining([
        ...["POST /api/v1/orders", "orders.place", "call inventory.reserve", "INSERT orders", "publish order.created"],
      ]),
    );
    expect(names("rest")).toEqual(
      expect.arrayContaining([
        ...["inventory.reserve", "INSERT stock", "process order.created", "INSERT notifications", "send email"],
      ]),
    );
    const way = wayTo(
      spans,
      spans.find(({ name }) => name === "send email"),
    );
    expect(way).toEqual([
      ...["POST /api/v1/orders", "orders.place", "publish order.created", "process order.created", "send email"],
    ]);
    expect(spans.find(({ name }) => name === "POST /api/v1/orders")?.attributes).toMatchObject({
      "http.response.status_code": "201",
      "hub.request_id": requestId,
    });
    expect(spans.filter(({ failed }) => failed)).toEqual([]);
    const told = JSON.stringify(spans);
    for (const secret of [buyer.email, buyer.token, sku, orderId, "T-"]) expect(told).not.toContain(secret);
  });

  it("goes on, when the same client pays, to the payment provider and to the e-mail that says so", async () => {
    const { traceId, root, orderId } = await placed();
    const paid = await shop.rest.post(`/orders/${orderId}/pay`, {
      token: buyer.token,
      headers: { traceparent: `00-${traceId}-${root}-00` },
      body: { method: "card", token: "tok_ok" },
    });
    expect(paid.status).toBe(200);

    const spans = await eventually(() => {
      const all = collector.spans.filter((span) => span.traceId === traceId);
      const told = all.filter(({ name }) => name === "send email").map((span) => wayTo(all, span)[2]);
      return told.includes("publish order.paid") && connected(all, root) && all;
    }, 20_000);

    const charge = spans.find(({ name }) => name === "sandbox charge");
    expect(charge?.attributes["hub.payment_provider"]).toBe("sandbox");
    expect(wayTo(spans, charge)).toEqual([
      ...["POST /api/v1/orders/:id/pay", "orders.pay", "call payments.create", "payments.create", "sandbox charge"],
    ]);
    const ways = spans.filter(({ name }) => name === "send email").map((span) => wayTo(spans, span));
    expect(ways).toContainEqual([
      ...["POST /api/v1/orders/:id/pay", "orders.pay", "publish order.paid", "process order.paid", "send email"],
    ]);
    expect(spans.filter(({ failed }) => failed)).toEqual([]);
  });

  it("goes on where the provider says only later what became of the payment", async () => {
    const { traceId, root, orderId } = await placed();
    const asked = await shop.rest.post(`/orders/${orderId}/pay`, {
      token: buyer.token,
      headers: { traceparent: `00-${traceId}-${root}-00` },
      body: { method: "card", token: "tok_async_ok" },
    });
    expect(asked.status).toBe(202);

    const ways = await eventually(() => {
      const all = collector.spans.filter((span) => span.traceId === traceId);
      const sent = all.filter(({ name }) => name === "send email").map((span) => wayTo(all, span));
      return sent.some((way) => way.includes("publish order.paid")) && connected(all, root) && sent;
    }, 20_000);

    // whichever is first
    const begin = ["POST /api/v1/orders/:id/pay", "orders.pay", "call payments.create", "payments.create"];
    const end = ["publish payment.succeeded", "process payment.succeeded", "publish order.paid", "process order.paid"];
    const told = ways.find((way) => way.includes("publish order.paid")) ?? [];
    expect(["webhook sandbox", "reconcile payment"]).toContain(told[begin.length]);
    expect(told.toSpliced(begin.length, 1)).toEqual([...begin, ...end, "send email"]);
  });

  it("tells of a refusal by its code alone", async () => {
    const before = collector.spans.length;
    const answer = await shop.place(buyer, sku, 1_000);
    expect(answer.status).toBe(409);

    const failed = await eventually(() =>
      collector.spans.slice(before).find(({ name, failed: isFailed }) => name === "inventory.reserve" && isFailed),
    );

    expect(failed.attributes["error.type"]).toBe("OUT_OF_STOCK");
  });

  it("is named in the log, with the request and the order", async () => {
    await shop.rest.post("/auth/login", {
      body: { email: buyer.email, password: "correct horse battery" },
      headers: { "x-request-id": "log-in-1" },
    });

    const line = await eventually(() =>
      cluster
        .output()
        .split("\n")
        .find((one) => one.includes('"msg":"audit"') && one.includes("log-in-1")),
    );

    expect(JSON.parse(line)).toMatchObject({
      requestId: "log-in-1",
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    });
  });
});

/** Whether every span but the first hangs on another one that is here. */
function connected(spans: readonly CollectedSpan[], root: string): boolean {
  const here = new Set([root, ...spans.map(({ spanId }) => spanId)]);
  return spans.every(({ parentSpanId }) => here.has(parentSpanId));
}

/** From the request to this span, without what happens in databases. */
function wayTo(spans: readonly CollectedSpan[], end: CollectedSpan | undefined): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const way: string[] = [];
  for (let span = end; span; span = byId.get(span.parentSpanId)) {
    if (span.attributes["db.namespace"] === undefined) way.unshift(span.name);
  }
  return way;
}
