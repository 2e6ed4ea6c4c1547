import type { ClusterNode } from "../../scripts/cluster-node.ts";
import { Buyers } from "../support/buyers.ts";
import { isReady, readiness, startCluster, type Cluster } from "../support/cluster.ts";
import type { Person } from "../support/rest.ts";
import type { Shop } from "../support/shop.ts";
import { eventually } from "../support/wait.ts";
import { delay } from "../../lib/time.ts";

const paid = ["order.created", "payment.succeeded", "order.paid"];
const noticedWithinMs = 4_000;

/** Two nodes with every service, and one with a gateway alone. */
describe("a cluster", () => {
  let cluster: Cluster;
  let first: ClusterNode;
  let second: ClusterNode;
  let edge: ClusterNode;
  let atFirst: Shop;
  let atSecond: Shop;
  let atEdge: Shop;
  let people: Person[];
  let sku: string;

  beforeAll(async () => {
    cluster = await startCluster();
    // the one that can do nothing alone comes first, and waits
    edge = await cluster.add("edge", { services: ["gateway"] });
    [first, second] = await Promise.all([cluster.add("first"), cluster.add("second")]);
    [atFirst, atSecond, atEdge] = [
      await cluster.shopAt(first),
      await cluster.shopAt(second),
      await cluster.shopAt(edge),
    ];
    people = await Promise.all(Array.from({ length: 4 }, () => atFirst.rest.signUp()));
    sku = await atFirst.product(100_000);
  }, 120_000);
  afterAll(() => cluster.dispose(), 60_000);

  const buyer = (): Promise<Person> => atSecond.rest.signUp();

  async function isKept({ orders }: Buyers, shop: Shop): Promise<void> {
    const ids = new Set([...orders.values()].map(({ order }) => order.id));
    expect(ids.size).toBe(orders.size);
    for (const { who, order } of orders.values()) {
      expect(await shop.order(who, order.id)).toMatchObject({ id: order.id, totalCents: order.totalCents });
    }
  }

  it("shows through one gateway what was done through another, and tells of it exactly once", async () => {
    const ann = await buyer();
    const order = await atFirst.placed(ann, sku);
    const { status } = await atSecond.pay(ann, order.id, "tok_ok");

    expect(status).toBe(200);
    expect(await atFirst.order(ann, order.id)).toMatchObject({ id: order.id, status: "PAID" });
    await atFirst.told(ann, order.id, paid);
    await delay(500);
    await atSecond.told(ann, order.id, paid);
  });

  it("lets a gateway without other services take orders, and webhooks come in at another one", async () => {
    const ann = await buyer();
    const order = await atEdge.placed(ann, sku);
    const { body, status } = await atEdge.pay(ann, order.id, "tok_approve");
    expect(status).toBe(202);
    expect(await atEdge.decide(body.redirectUrl ?? null, "approve")).toBeLessThan(400);

    await atEdge.reaches(ann, order.id, "PAID");
    await atEdge.told(ann, order.id, paid);
  });

  it("goes on within 4 s when a node is killed, and has every order it acknowledged", async () => {
    const full = new Buyers(people.slice(0, 2), sku, [atFirst, atSecond]);
    const beside = new Buyers(people.slice(2), sku, [atEdge]);
    await eventually(() => full.orders.size > 20 && beside.orders.size > 20);

    await second.kill();
    const killedAtMs = Date.now();
    await delay(noticedWithinMs + 2_000);
    await Promise.all([full.stop(), beside.stop()]);
    await second.restart();

    const atLiving = full.tries.filter(({ startedAtMs, url }) => startedAtMs > killedAtMs && url === first.url);
    expect(atLiving.every(succeeded)).toBe(true);
    expect(beside.failures.filter(({ status }) => status !== 503)).toEqual([]);
    const late = beside.tries.filter(({ startedAtMs }) => startedAtMs > killedAtMs + noticedWithinMs);
    expect(late.length).toBeGreaterThan(10);
    expect(late.every(succeeded)).toBe(true);
    expect(Math.max(full.slowestMs(), beside.slowestMs())).toBeLessThan(4_000);
    await isKept(full, atFirst);
    await isKept(beside, atEdge);
  });

  it("fails no request while its nodes are restarted one after the other", async () => {
    await isReady(second.url);
    const buyers = new Buyers(people, sku, [atFirst, atSecond], { balanced: true });
    for (const node of [first, second]) {
      const before = buyers.orders.size;
      await eventually(() => buyers.orders.size > before + 20);
      await node.restart();
      await isReady(node.url);
    }
    await buyers.stop();

    expect(buyers.failures).toEqual([]);
    await isKept(buyers, atSecond);
  });

  it("takes orders while RabbitMQ is away, and tells of each exactly once when it is back", async () => {
    const ann = await buyer();
    await cluster.servers.amqp.kill();
    const orders = [await atFirst.placed(ann, sku), await atSecond.placed(ann, sku), await atEdge.placed(ann, sku)];
    for (const { id } of orders) expect((await atFirst.pay(ann, id, "tok_ok")).status).toBe(200);
    const early = await atFirst.notifications(ann);

    await cluster.servers.amqp.restart();

    expect(early.filter(({ orderId }) => orderId !== null)).toEqual([]);
    for (const { id } of orders) await atFirst.told(ann, id, paid);
    await delay(1_000);
    for (const { id } of orders) await atSecond.told(ann, id, paid);
  });

  it("does without NATS where all services are at hand, answers 503 where not, and is whole 5 s after its return", async () => {
    const ann = await buyer();
    await cluster.servers.nats.kill();
    const startedAtMs = Date.now();
    const beside = await atEdge.place(ann, sku);
    const tookMs = Date.now() - startedAtMs;
    const within = await atFirst.place(ann, sku);
    await eventually(async () => (await readiness(edge.url)).status === 503);
    await cluster.servers.nats.restart();
    const returnedAtMs = Date.now();
    await eventually(async () => (await atEdge.place(ann, sku)).status === 201);

    expect(within.status).toBe(201);
    expect(beside.status).toBe(503);
    expect(beside.headers.get("retry-after")).not.toBeNull();
    expect(tookMs).toBeLessThan(4_000);
    expect(Date.now() - returnedAtMs).toBeLessThan(5_000);
  });

  it("lets a node start before the servers it needs: it lives, says what it waits for, and becomes ready by itself", async () => {
    await Promise.all([cluster.servers.nats.kill(), cluster.servers.mysql.kill()]);
    const third = await cluster.add("third", { untilReady: false });
    await eventually(
      () =>
        fetch(`${third.url}/health/live`).then(
          ({ status }) => status === 200,
          () => false,
        ),
      20_000,
    );
    const waiting = await readiness(third.url);
    const [live, said] = [(await fetch(`${third.url}/health/live`)).status, cluster.output()];
    await Promise.all([cluster.servers.mysql.restart(), cluster.servers.nats.restart()]);
    await isReady(third.url);

    expect(live).toBe(200);
    expect(waiting).toMatchObject({
      status: 503,
      missing: expect.arrayContaining(["orders", "first start"]) as unknown,
    });
    expect(said).toContain("waiting for the transporter");
    const ann = await (await cluster.shopAt(third)).rest.signUp();
    await (await cluster.shopAt(third)).placed(ann, sku);
    for (const shop of [atFirst, atSecond, atEdge])
      await eventually(async () => (await shop.place(ann, sku)).status === 201);
  });

  it("lets a node start without Redis and RabbitMQ: it takes orders, and tells of them once RabbitMQ is there", async () => {
    await Promise.all([cluster.servers.redis.kill(), cluster.servers.amqp.kill()]);
    const fourth = await cluster.add("fourth");
    const atFourth = await cluster.shopAt(fourth);
    const ann = await atFourth.rest.signUp();
    const { id } = await atFourth.placed(ann, sku);
    await atFourth.pay(ann, id);
    await Promise.all([cluster.servers.redis.restart(), cluster.servers.amqp.restart()]);

    await atFourth.told(ann, id, paid);
    expect(await readiness(fourth.url)).toEqual({ status: 200, missing: [] });
  });
});

const succeeded = ({ status }: { status: number | null }): boolean => status === 201;
