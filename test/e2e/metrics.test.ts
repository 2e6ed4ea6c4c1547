import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { load } from "js-yaml";
import { startCluster, type Cluster } from "../support/cluster.ts";
import { freePort } from "../support/config.ts";
import { missingIn, scrape, valueOf, type Scrape } from "../support/prometheus.ts";
import type { Shop } from "../support/shop.ts";
import { eventually } from "../support/wait.ts";

const root = resolve(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(resolve(root, file), "utf8");

/** Values of labels that only an accident brings about. */
const accidents = new Set(["5xx", "OVERLOADED", "RATE_LIMITED", "failed"]);

describe("the metrics of a running node", () => {
  let cluster: Cluster;
  let port: number;
  let shop: Shop;
  let text: string;
  let series: Scrape;

  beforeAll(async () => {
    cluster = await startCluster();
    port = await freePort();
    const node = await cluster.add("counted", { env: { METRICS_PORT: String(port) } });
    shop = await cluster.shopAt(node);
    const buyer = await shop.rest.signUp();
    const sku = await shop.product(3);
    const order = await shop.placed(buyer, sku, 2);
    await shop.pay(buyer, order.id);
    await shop.told(buyer, order.id, ["order.created", "payment.succeeded", "order.paid"]);
    await shop.rest.post(`/orders/${order.id}/refund`, { token: shop.admin, key: "r", body: { reason: "broken" } });
    await shop.reaches(buyer, order.id, "REFUNDED");
    await shop.place(buyer, sku, 100);
    await shop.rest.get(`/products/${sku}`);
    await shop.rest.post("/auth/login", { body: { email: buyer.email, password: "not the right one" } });
    ({ text, series } = await eventually(async () => {
      const seen = await scrape(port);
      return valueOf(seen.text, "hub_money_minor_units_total", { kind: "refunded" }) > 0 && seen;
    }));
  }, 120_000);
  afterAll(() => cluster.dispose(), 60_000);

  it("tell of requests, orders, money and refusals", () => {
    const counted = (name: string, labels: Record<string, string>): number => valueOf(text, name, labels);
    const count = "hub_http_request_duration_seconds_count";
    expect(counted(count, { method: "POST", route: "/api/v1/orders", status: "2xx" })).toBe(1);
    expect(counted(count, { method: "POST", route: "/api/v1/orders", status: "4xx" })).toBe(1);
    expect(counted("hub_facts_total", { type: "order.paid" })).toBe(1);
    expect(counted("hub_money_minor_units_total", { kind: "captured", currency: "GBP" })).toBe(500);
    expect(counted("hub_money_minor_units_total", { kind: "refunded", currency: "GBP" })).toBe(500);
    expect(counted("hub_action_refusals_total", { action: "inventory.reserve", code: "OUT_OF_STOCK" })).toBe(1);
    expect(counted("hub_action_refusals_total", { action: "auth.login", code: "INVALID_CREDENTIALS" })).toBe(1);
    expect(counted("hub_nodes", {})).toBe(1);
    expect(counted("hub_dead_letters", { service: "notify" })).toBe(0);
    expect(series.get("hub_queue_messages")?.length).toBeGreaterThanOrEqual(8);
    expect(text).not.toMatch(/hub_scrape_failures_total\{[^}]*\} [1-9]/);
  });

  it("name nobody: no label holds an id, an address or a path that a client made up", async () => {
    await fetch(`${shop.rest.url}/api/v1/surely-not-here-${process.pid}`);
    const again = await scrape(port);
    const values = [...again.series].flatMap(([name, all]) =>
      /^hub_/.test(name) ? all.flatMap((one) => Object.values(one)) : [],
    );
    expect(values.filter((value) => /[0-9a-f]{8}-|@|surely-not-here/.test(value))).toEqual([]);
  });

  it("are all that the dashboard asks for", () => {
    const { panels } = JSON.parse(read("deploy/grafana/enterprise-hub.json")) as {
      panels: { title: string; targets?: { expr: string }[] }[];
    };
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(expressions.length).toBeGreaterThan(20);
    expect(expressions.flatMap((expr) => missingIn(expr, series, accidents))).toEqual([]);
  });

  it("are all that the alert rules ask for", () => {
    const { groups } = load(read("deploy/prometheus/rules.yml")) as { groups: { rules: { expr: string }[] }[] };
    const expressions = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
    expect(expressions.flatMap((expr) => missingIn(expr, series, accidents))).toEqual([]);
    if (hasPromtool()) execFileSync("promtool", ["check", "rules", resolve(root, "deploy/prometheus/rules.yml")]);
  });

  it("would be missed: a metric, a label or a value that is not there is found", () => {
    const wrong = 'sum by (shelf) (hub_outbox_rows{service="warehouse", floor="1"}) + hub_unheard_of';
    expect(missingIn(wrong, series)).toEqual([
      "hub_outbox_rows by shelf",
      'hub_outbox_rows{service="warehouse"}',
      "hub_outbox_rows{floor}",
      "hub_unheard_of",
    ]);
  });

  it("are on a port of their own alone", async () => {
    expect((await fetch(`${shop.rest.url}/metrics`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}/api/v1/products`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}/metrics`, { method: "POST" })).status).toBe(405);
  });

  it("come from where a node also says that it lives and is ready", async () => {
    const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    for (const path of ["/health/live", "/health/ready"]) {
      const answer = await ask(path);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual({ status: "ok", missing: [] });
    }
  });

  it("leave out what cannot be asked, and still answer", async () => {
    await cluster.servers.amqp.kill();
    // what was counted last is believed for some seconds
    const { text: without, series: rest } = await eventually(async () => {
      const found = await scrape(port);
      return !found.series.has("hub_queue_messages") && found;
    });

    expect(valueOf(without, "hub_scrape_failures_total", { source: "queue" })).toBe(1);
    expect(rest.has("hub_outbox_rows")).toBe(true);
  });
});

function hasPromtool(): boolean {
  try {
    execFileSync("promtool", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
