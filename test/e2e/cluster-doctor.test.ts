import { randomUUID } from "node:crypto";
import { createConnection } from "mysql2/promise";
import type { DoctorReport } from "../../contracts/ops.ts";
import type { Order } from "../../contracts/orders.ts";
import { isReady, startCluster, type Cluster } from "../support/cluster.ts";
import type { Person } from "../support/rest.ts";
import { runScript, type Ended } from "../support/script.ts";
import type { Shop } from "../support/shop.ts";
import { eventually } from "../support/wait.ts";

const paid = ["order.created", "payment.succeeded", "order.paid"];

/** A node with the gateway, one with orders alone, and one with everything else. */
describe("npm run doctor over several nodes", () => {
  let cluster: Cluster;
  let shop: Shop;
  let ann: Person;
  let sku: string;

  beforeAll(async () => {
    cluster = await startCluster();
    const [edge] = await Promise.all([
      cluster.add("edge", { services: ["gateway"] }),
      cluster.add("orders", { services: ["orders"], untilReady: false }),
      cluster.add("rest", {
        services: ["auth", "users", "products", "inventory", "payments", "notify", "ops"],
        untilReady: false,
      }),
    ]);
    await isReady(edge.url, 60_000);
    shop = await cluster.shopAt(edge);
    ann = await shop.rest.signUp();
    sku = await shop.product(1_000);
  }, 180_000);
  afterAll(() => cluster.dispose(), 60_000);

  /** As a client that repeats its request with the same key until it has an answer. */
  const placed = (): Promise<Order> => {
    const key = randomUUID();
    return eventually(async () => {
      const { status, body } = await shop.place(ann, sku, 1, key);
      return status === 201 && body;
    }, 20_000);
  };
  const paidFor = ({ id }: Order): Promise<unknown> => {
    const key = randomUUID();
    return eventually(async () => (await shop.pay(ann, id, "tok_ok", key)).status === 200, 20_000);
  };
  const doctor = (...args: string[]): Promise<Ended> => runScript("doctor", { env: cluster.env, args });
  const reds = ({ out }: Ended) => (JSON.parse(out) as DoctorReport).checks.filter(({ ok }) => !ok);
  const sql = async (statement: string, values: string[]): Promise<void> => {
    const connection = await createConnection(cluster.servers.mysql.url);
    await connection.execute(statement, values).finally(() => connection.end());
  };

  it("is green after RabbitMQ was stopped and started, with each notification told exactly once", async () => {
    const before = await placed();
    await cluster.servers.amqp.kill();
    const orders = [before, await placed(), await placed()];
    for (const order of orders) await paidFor(order);
    await cluster.servers.amqp.restart();
    for (const { id } of orders) await shop.told(ann, id, paid);

    const examined = await doctor("--json");

    expect(reds(examined)).toEqual([]);
    expect(examined.code).toBe(0);
    expect(examined.out).toContain("The message broker's queues are empty");
    for (const { id } of orders) await shop.told(ann, id, paid);
  }, 120_000);

  it("takes orders without Redis, and refuses a revoked token all the same", async () => {
    const bob = await shop.rest.signUp();
    await cluster.servers.redis.kill();

    expect((await shop.place(ann, sku)).status).toBe(201);
    const left = await shop.rest.post("/auth/logout", { token: bob.token, body: { refreshToken: bob.refreshToken } });
    expect(left.status).toBe(204);
    await eventually(async () => (await shop.rest.get("/users/me", { token: bob.token })).status === 401);
    await cluster.servers.redis.restart();

    expect((await shop.rest.get("/users/me", { token: bob.token })).status).toBe(401);
    expect((await shop.place(ann, sku)).status).toBe(201);
  }, 60_000);

  it("is red when a row was falsified by hand, and explains the order", async () => {
    const order = await placed();
    await paidFor(order);
    await shop.told(ann, order.id, paid);
    await sql("UPDATE hub_orders.orders SET total_cents = total_cents + 1 WHERE id = ?", [order.id]);

    const examined = await doctor("--json");
    const explained = await doctor("explain", order.id);
    await sql("UPDATE hub_orders.orders SET total_cents = total_cents - 1 WHERE id = ?", [order.id]);

    expect(examined.code).toBe(1);
    expect(reds(examined).map(({ id }) => id)).toContain("I3");
    for (const { examples } of reds(examined)) expect(examples).toEqual([order.id]);
    expect(explained.code).toBe(0);
    expect(explained.out).toContain("inventory APPLIED");
    expect(explained.out).toContain("next step: ");
  }, 120_000);

  it("mends what can be derived: an event that a consumer lost, and tells nobody twice", async () => {
    const order = await placed();
    await paidFor(order);
    await shop.told(ann, order.id, paid);
    // so long ago that no node looks for it by itself
    for (const sender of ["orders", "payments"])
      await sql(`UPDATE hub_${sender}.outbox SET published_at = 1 WHERE subject = ?`, [order.id]);
    await sql("DELETE FROM hub_notify.inbox WHERE subject = ?", [order.id]);
    await sql("DELETE FROM hub_inventory.inbox WHERE subject = ?", [order.id]);

    const before = await doctor("--json");
    const fixed = await doctor("--fix");
    const after = await doctor("--json");

    expect(reds(before).map(({ title }) => title)).toContain(
      "Every published event is in the inbox of each of its consumers",
    );
    expect(fixed.out).toMatch(/events sent once more, because a consumer lacked them: [1-9]/);
    expect(reds(after)).toEqual([]);
    await shop.told(ann, order.id, paid);
  }, 120_000);
});
