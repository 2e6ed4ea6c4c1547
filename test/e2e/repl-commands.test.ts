import { join } from "node:path";
import SQLite from "better-sqlite3";
import { createConnection } from "mysql2/promise";
import type { Explanation } from "../../contracts/ops.ts";
import type { Order } from "../../contracts/orders.ts";
import { startCluster } from "../support/cluster.ts";
import { startHub } from "../support/hub.ts";
import type { Person } from "../support/rest.ts";
import { ReplLines } from "../support/repl-lines.ts";
import { runScript, startScript, type Ended } from "../support/script.ts";
import { Shop } from "../support/shop.ts";
import { eventually } from "../support/wait.ts";

interface System {
  shop: Shop;
  /** What a terminal needs to know to find it. */
  env: Record<string, string | undefined>;
  nodes: string[];
  /** Makes a dead letter of an event that a consumer has applied. */
  bury(consumer: string, subject: string, type: string): Promise<void>;
  dispose(): Promise<void>;
}

const burial = "UPDATE inbox SET status = 'DEAD', attempts = 20, last_error = 'planted' WHERE subject = ? AND type = ?";

const embedded = async (): Promise<System> => {
  const hub = await startHub("SQLite", { NODE_ID: "only" });
  return {
    shop: await Shop.open(hub),
    env: hub.env,
    nodes: ["only"],
    async bury(consumer, subject, type) {
      await hub.kill("SIGTERM");
      const file = new SQLite(join(String(hub.env.DATA_DIR), `${consumer}.sqlite`));
      expect(file.prepare(burial).run(subject, type).changes).toBe(1);
      file.close();
      await hub.restart();
    },
    dispose: () => hub.dispose(),
  };
};

/** The terminal knows how to reach the others, and neither their databases nor their secrets. */
const cluster = async (): Promise<System> => {
  const nodes = await startCluster();
  const [edge] = await Promise.all([
    nodes.add("edge", { services: ["gateway", "auth", "users", "products"] }),
    nodes.add("work", { services: ["inventory", "orders", "payments", "notify", "ops"] }),
  ]);
  return {
    shop: await nodes.shopAt(edge),
    env: { TRANSPORTER: nodes.env.TRANSPORTER, PORT: new URL(edge.url).port },
    nodes: ["edge", "work"],
    async bury(consumer, subject, type) {
      const sql = await createConnection(`${nodes.servers.mysql.url}/hub_${consumer}`);
      const [result] = await sql.execute(burial, [subject, type]).finally(() => sql.end());
      expect(result).toMatchObject({ affectedRows: 1 });
    },
    dispose: () => nodes.dispose(),
  };
};

describe.each([
  ["an embedded system", embedded],
  ["a cluster", cluster],
] as const)("the REPL's commands, attached to %s", (_, start) => {
  let system: System;
  let lines: ReplLines;
  let shop: Shop;
  let ann: Person;
  let sku: string;

  beforeAll(async () => {
    system = await start();
    ({ shop } = system);
    lines = new ReplLines(system.env);
    ann = await shop.rest.signUp();
    sku = await shop.product(10_000);
  }, 180_000);
  afterAll(async () => {
    lines.stop();
    await system.dispose();
  }, 60_000);

  const runProcess = (...args: string[]): Promise<Ended> => runScript("repl", { env: system.env, args });
  const execute = (...commands: string[]): Promise<Ended> => lines.run({ commands, json: false });
  const asJson = async <T>(command: string, ended = lines.run({ commands: [command], json: true })): Promise<T> => {
    const { code, out, err } = await ended;
    expect({ command, code, err }).toEqual({ command, code: 0, err: "" });
    return JSON.parse(out) as T;
  };

  it("list orders, pay one as its customer, and explain it", async () => {
    const [order, other] = [await shop.placed(ann, sku, 2), await shop.placed(ann, sku)];

    const paid = await asJson<{ status: string; orderId: string }>(`pay ${order.id} --token tok_ok --key once`);
    const again = await asJson<{ status: string; orderId: string }>(`pay ${order.id} --token tok_ok --key once`);
    const { items } = await asJson<{ items: Order[] }>(`orders --status PAID --customer ${ann.email}`);
    const explain = `order ${order.id}`;
    const explanation = await asJson<Explanation>(explain, runProcess("-e", explain, "--json"));
    const { code, out } = await execute(`orders --customer ${ann.id}`, `order ${order.id}`);

    expect(paid).toMatchObject({ status: "SUCCEEDED", orderId: order.id });
    expect(again).toEqual(paid);
    expect(items.map(({ id }) => id)).toEqual([order.id]);
    expect(explanation).toMatchObject({ order: { status: "PAID" }, payments: [{ status: "SUCCEEDED" }] });
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^order +status +total +lines +created +customer$`, "m"));
    expect(out).toMatch(new RegExp(`^${order.id}  PAID +£5.00 +1 `, "m"));
    expect(out).toMatch(new RegExp(`^${other.id}  CREATED +£2.50 +1 `, "m"));
    expect(out).toContain("next step: none");
    expect(out).not.toContain("\u001b[");
  });

  it("show and change a product's stock", async () => {
    const own = await shop.product(5);

    const { code, out } = await execute(
      `stock ${own}`,
      `stock ${own} --set 7`,
      `stock ${own} --adjust -3 --reason lost`,
    );

    expect(code).toBe(0);
    expect(out.match(new RegExp(`^${own} +(\\d+) +0 +\\1$`, "gm"))?.map((line) => line.split(/ +/)[1])).toEqual([
      ...["5", "7", "4"],
    ]);
    expect((await shop.level(own)).body.onHand).toBe(4);
  });

  it("list, show and redrive dead letters", async () => {
    const order = await shop.placed(ann, sku);
    await shop.rest.post(`/orders/${order.id}/cancel`, { token: ann.token, key: "c", body: {} });
    const state = (): Promise<{ consumer: string; status: string; id: string } | undefined> =>
      asJson<Explanation>(`order ${order.id}`).then(({ events }) =>
        events
          .filter(({ type }) => type === "order.cancelled")
          .flatMap(({ id, consumers }) => consumers.map(({ consumer, status }) => ({ id, consumer, status })))
          .find(({ consumer }) => consumer === "inventory"),
      );
    const { id } = await eventually(async () => {
      const seen = await state();
      return seen?.status === "APPLIED" && seen;
    });
    // an embedded system is ended for it, and the REPL with it
    lines.stop();
    await system.bury("inventory", order.id, "order.cancelled");

    const listed = await asJson<{ items: { id: string; reason: string }[] }>("dead list");
    const shown = await execute("dead list", `dead show ${id}`);
    const redriven = await asJson<{ id: string; consumers: string[] }[]>("dead redrive --all");

    expect(listed.items).toMatchObject([{ id, reason: "planted" }]);
    expect(shown.out).toMatch(new RegExp(`^${id}  inventory +order.cancelled +${order.id} +20  planted$`, "m"));
    expect(shown.out).toMatch(/^status +DEAD$/m);
    expect(redriven).toEqual([{ id, consumers: ["inventory"], status: "WAITING" }]);
    await eventually(async () => (await state())?.status === "APPLIED");
    const refused = await execute(`dead redrive ${id}`);
    expect(refused).toMatchObject({ code: 1, err: "This event is no dead letter: it is APPLIED.\n" });
  }, 120_000);

  it("show what is on its way, the nodes, and whether all is well", async () => {
    const { items } = await asJson<{ items: { id: string; available: boolean }[] }>("nodes");
    const { code, out } = await execute("outbox", "nodes", "doctor --fix");

    expect(items.filter(({ available }) => available).map(({ id }) => id)).toEqual(
      expect.arrayContaining(system.nodes),
    );
    expect(out).toMatch(/^service +waiting +oldest\nusers +\d+ +\S+\norders +\d+ +\S+\npayments +\d+ +\S+$/m);
    expect(out).toMatch(new RegExp(`^${system.nodes[0]} +ok `, "m"));
    expect(out).toContain("every invariant holds");
    expect(code).toBe(0);
  }, 60_000);

  it("read and change the settings of all nodes", async () => {
    const { out, code } = await execute("config set orderTtlSeconds 601", "config get orderTtlSeconds", "config get");
    const back = await asJson<{ values: object; set: object }>("config set orderTtlSeconds null");

    expect(code).toBe(0);
    expect(out.match(/^orderTtlSeconds +601 +set for all nodes$/gm)).toHaveLength(3);
    expect(out).toMatch(/^rateLimit +6000 +this node$/m);
    expect(back).toMatchObject({ values: { orderTtlSeconds: 900 }, set: {} });
  });

  it("act as somebody, who sees what is theirs and may do what they may", async () => {
    const bob = await shop.rest.signUp();
    const order = await shop.placed(ann, sku);

    const commands = [
      `login ${ann.email}`,
      `order ${order.id}`,
      `stock ${sku}`,
      `login ${bob.email}`,
      `order ${order.id}`,
      "logout",
      `stock ${sku}`,
    ];
    const { code, out, err } = await runProcess(...commands.flatMap((command) => ["-e", command]));

    expect(code).toBe(1);
    expect(out).toContain(`acting as ${ann.email} (customer) until logout`);
    expect(out).toMatch(/^\S+ +order.created +\S+$/m);
    expect(err).toBe("Your role does not allow this.\nNo such order.\n");
    expect(out).toMatch(new RegExp(`acting as the operator\n.*\n${sku} `));
  });

  it("load the demo catalogue", async () => {
    const [once, again] = [await asJson<Report>("seed"), await asJson<Report>("seed")];

    expect(once.imported + once.unchanged).toBeGreaterThan(1_900);
    expect(again).toMatchObject({ imported: 0, read: once.read });
  }, 120_000);

  it("show each event as it happens, and how many calls it took", async () => {
    const tail = startScript("repl", { env: system.env, args: ["-e", "events tail --type order.created --json"] });
    const top = startScript("repl", { env: system.env, args: ["-e", "top --seconds 1 --times 1000"] });
    const order = await eventually(async () => {
      const { id } = await shop.placed(ann, sku);
      return tail.output().includes(`"subject":"`) && top.output().includes("orders.place") && id;
    }, 30_000);
    await tail.wrote(order);
    for (const { child } of [tail, top]) child.kill("SIGINT");

    const [told, counted] = await Promise.all([tail.ended, top.ended]);

    expect([told.code, counted.code]).toEqual([0, 0]);
    const events = told.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; subject: string });
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(["order.created"]));
    expect(new Set(events.map(({ subject }) => subject)).size).toBe(events.length);
    expect(counted.out).toMatch(/^orders\.place +[\d.]+ +0 +[\d.]+ +[\d.]+$/m);
    expect(counted.out).toMatch(new RegExp(`^${system.nodes.length} nodes?, 1 s$`, "m"));
  }, 60_000);
});

interface Report {
  read: number;
  imported: number;
  unchanged: number;
}
