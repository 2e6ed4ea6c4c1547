import type { ServiceSchema } from "moleculer";
import { contracts } from "../../../contracts/bus.ts";
import { newId } from "../../../lib/ids.ts";
import type { Drains } from "../../../lib/leave.ts";
import { compileSchema } from "../../../lib/validator.ts";
import { nodeViews } from "../../../services/ops/nodes.ts";
import ops from "../../../services/ops/ops.service.ts";
import { admin, customer, neighbour, startBroker, type TestBroker } from "../../support/broker.ts";
import { eventually } from "../../support/wait.ts";

const boss = admin(newId());
const at = "2026-01-02T03:04:05.000Z";

type Answers = Record<string, (params: never) => unknown>;

const sound: Answers = {
  audit: () => ({ findings: [], nextCursor: null }),
  briefs: () => [],
  hasten: () => null,
  inboxState: () => ({ waiting: 0, dead: 0, oldestAt: null, oldestWaiting: [] }),
  inboxMissing: () => [],
  inboxCounts: () => ({ counts: {}, next: null }),
  inboxHasten: () => null,
  deadLetters: () => [],
  inboxEvent: () => null,
  redrive: () => false,
  outboxState: () => ({ rows: 0, oldestAt: null, oldest: [] }),
  outboxPublished: () => [],
  outboxPublishedIn: () => [],
  outboxCounts: () => ({ counts: {}, next: null }),
  outboxAudit: () => ({ findings: [], nextCursor: null }),
  outboxHasten: () => null,
  outboxRepublish: () => 0,
};
const names = ["auth", "users", "inventory", "orders", "payments", "notify"];

describe("the service ops", () => {
  let node: TestBroker;

  const start = async (change: Record<string, Answers> = {}, without: string[] = []): Promise<void> => {
    const neighbours: ServiceSchema[] = names
      .filter((name) => !without.includes(name))
      .map((name) => neighbour(name, { ...sound, ...change[name] }));
    node = await startBroker([ops, ...neighbours]);
  };
  /** What is red stays red: there is nothing to wait for before looking again. */
  const lookAgainAtOnce = (): void => void Object.assign(ownService(), { secondLooksAfterMs: [0] });
  const ownService = () => node.broker.getLocalService("ops");
  afterEach(() => node.stop());

  it("answers administrators only", async () => {
    await start();
    const call = (name: "ops.nodes" | "ops.doctor" | "ops.outbox" | "ops.deadLetters") =>
      node.broker.call(name, {}, node.as(customer(newId())));

    for (const name of ["ops.nodes", "ops.doctor", "ops.outbox", "ops.deadLetters"] as const) {
      await expect(call(name)).rejects.toMatchObject({ code: 403 });
    }
    await expect(node.broker.call("ops.nodes")).rejects.toMatchObject({ code: 401 });
  });

  it("finds nothing wrong where every service finds nothing wrong", async () => {
    await start();

    const report = await node.broker.call("ops.doctor", {}, node.as(boss));

    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.ok).toBe(true);
  });

  it("goes on page after page, and sums up what every page says", async () => {
    const page = (check: string, violations: number, nextCursor: string | null) => ({
      findings: [{ check, checked: 10, violations, examples: violations > 0 ? ["A"] : [] }],
      nextCursor,
    });
    const audit = ({ cursor }: { cursor?: string }) =>
      cursor === undefined ? page("stock.ledger", 0, "two") : page("stock.ledger", 1, null);
    await start({ inventory: { audit } });
    lookAgainAtOnce();

    const report = await node.broker.call("ops.doctor", {}, node.as(boss));

    expect(report.checks.filter(({ ok }) => !ok)).toMatchObject([
      { id: "I4", checked: 20, violations: 1, examples: ["A"] },
    ]);
  }, 30_000);

  it("drops what is only in motion", async () => {
    const outboxState = () => ({ rows: 1, oldestAt: at, oldest: [{ id: newId() }] });
    await start({ orders: { outboxState } });

    expect(await node.broker.call("ops.doctor", {}, node.as(boss))).toMatchObject({ ok: true });
  }, 30_000);

  it("is red where a service cannot be asked, and says so", async () => {
    await start({}, ["inventory"]);
    lookAgainAtOnce();

    const report = await node.broker.call("ops.doctor", {}, node.as(boss));

    expect(report.ok).toBe(false);
    const red = report.checks.filter(({ ok }) => !ok);
    expect(red.map(({ id }) => id)).toContain("I4");
    for (const { problem } of red) expect(problem).toContain("inventory");
    expect(report.checks.find(({ id }) => id === "I7")).toMatchObject({ ok: true });
  }, 30_000);

  it("examines once for all who ask at the same time", async () => {
    let audits = 0;
    const audit = () => {
      audits += 1;
      return { findings: [], nextCursor: null };
    };
    await start({ orders: { audit } });

    await Promise.all([1, 2, 3].map(() => node.broker.call("ops.doctor", {}, node.as(boss))));

    expect(audits).toBe(1);
  });

  it("gives an examination up when its node stops", async () => {
    const first = Promise.withResolvers<object>();
    await start({ inventory: { audit: () => first.promise } });
    const examined = node.broker.call("ops.doctor", {}, node.as(boss));

    (ownService() as unknown as Drains).interrupt?.();
    first.resolve({ findings: [], nextCursor: null });

    await expect(examined).rejects.toMatchObject({ code: 503, type: "SERVICE_UNAVAILABLE" });
  });

  it("redrives an event at every consumer that gave it up", async () => {
    const redrive = () => true;
    await start({ notify: { redrive }, orders: { redrive } });
    const id = newId();

    const redriven = await node.broker.call("ops.redrive", { id }, node.as(boss));

    expect(redriven).toEqual({ id, consumers: ["orders", "notify"], status: "WAITING" });
    expect(compileSchema(contracts["ops.redrive"].result)(redriven)).toBe(true);
  });

  it("tells who waits for what in the outboxes", async () => {
    const row = {
      id: newId(),
      type: "order.paid",
      subject: newId(),
      sequence: 2,
      createdAt: at,
      publishedAt: null,
      attempts: 3,
      lastError: "notify: timed out",
    };
    await start({ orders: { outboxState: () => ({ rows: 7, oldestAt: at, oldest: [row] }) } });

    const outbox = await node.broker.call("ops.outbox", {}, node.as(boss));

    expect(compileSchema(contracts["ops.outbox"].result)(outbox)).toBe(true);
    expect(outbox.items).toEqual([
      { service: "users", rows: 0, oldestAt: null, oldest: [] },
      { service: "orders", rows: 7, oldestAt: at, oldest: [row] },
      { service: "payments", rows: 0, oldestAt: null, oldest: [] },
    ]);
    expect(outbox.queues).toBeNull();
  });

  it("sums up what gateways saw once a second, however many consoles ask", async () => {
    let asked = 0;
    const nothing = {
      seconds: [],
      actions: [],
      overSeconds: 1,
      underWay: 0,
      most: 1,
      loopDelayMs: 0,
      openBreakers: [],
    };
    const rates = () => {
      asked += 1;
      return nothing;
    };
    node = await startBroker([ops, ...names.map((name) => neighbour(name, sound)), neighbour("gateway", { rates })]);
    const look = () => node.broker.call("ops.live", {}, node.as(boss));

    const views = await Promise.all([look(), look(), look()]);
    await eventually(() => look().then(() => asked === 2));

    expect(views.map(({ gateways }) => gateways.length)).toEqual([1, 1, 1]);
  });

  it("asks all about an order at once, and nobody about what they do not hear of", async () => {
    const order = { id: newId(), customerId: newId(), status: "CREATED", createdAt: at, expiresAt: at };
    const asked: string[] = [];
    const others = [
      "payments.dossier",
      "inventory.reservation",
      "notify.dossier",
      "orders.outboxOf",
      "inventory.inboxOf",
    ];
    const noting = (service: string, answers: Answers): Answers =>
      Object.fromEntries(
        Object.entries(answers).map(([name, answer]) => [
          name,
          (params: never) => {
            asked.push(`${service}.${name}`);
            return answer(params);
          },
        ]),
      );
    const rows = { outboxOf: () => [], inboxOf: () => [] };
    // waits for the others: one after another, they would never be asked
    const dossier = async () => {
      await eventually(() => others.every((one) => asked.includes(one)));
      return { order, history: [], refunds: [], answers: [] };
    };
    await start({
      orders: noting("orders", { ...rows, dossier }),
      payments: noting("payments", {
        ...rows,
        dossier: () => ({ payments: [], refunds: [], checks: [], history: [] }),
      }),
      inventory: noting("inventory", { ...rows, reservation: () => null }),
      notify: noting("notify", { ...rows, dossier: () => [] }),
      auth: noting("auth", rows),
    });

    const explained = await node.broker.call("ops.explain", { id: order.id }, node.as(boss));

    expect(explained.unknown).toEqual([]);
    expect(asked.sort()).toEqual([...others, "orders.dossier", "notify.inboxOf"].sort());
  });

  it("explains what it can when a service is away, and names that one", async () => {
    const order = {
      id: newId(),
      customerId: newId(),
      status: "CREATED",
      createdAt: at,
      expiresAt: "2999-01-01T00:00:00.000Z",
    };
    const dossier = () => ({ order, history: [], refunds: [], answers: [] });
    const noPayments = () => ({ payments: [], refunds: [], checks: [], history: [] });
    const rows = { outboxOf: () => [], inboxOf: () => [] };
    await start(
      {
        orders: { dossier, ...rows },
        payments: { dossier: noPayments, ...rows },
        notify: { dossier: () => [], ...rows },
        auth: rows,
      },
      ["inventory"],
    );

    const explained = await node.broker.call("ops.explain", { id: order.id }, node.as(boss));

    expect(explained).toMatchObject({ order: { id: order.id }, reservation: null, nextStep: null });
    expect(explained.unknown.join()).toMatch(/^inventory: /);
    await expect(node.broker.call("ops.explain", { id: "x" }, node.as(boss))).rejects.toMatchObject({ code: 422 });
  });

  it("has every service do what is due, and says which could not be told", async () => {
    await start({}, ["payments"]);

    const { hastened, problems } = await node.broker.call("ops.hasten");

    expect(hastened).toEqual(expect.arrayContaining(["inventory", "orders outbox", "notify inbox"]));
    expect(problems).toEqual([
      expect.stringContaining("payments") as string,
      expect.stringContaining("payments") as string,
    ]);
  });

  it("knows its own node", async () => {
    await start();

    const { items } = await node.broker.call("ops.nodes", {}, node.as(boss));

    expect(compileSchema(contracts["ops.nodes"].result)({ items })).toBe(true);
    expect(items).toMatchObject([{ available: true, services: [...names, "ops"].sort() }]);
  });
});

describe("the view of the nodes", () => {
  it("leaves out terminals that have gone, and keeps nodes that are missed", () => {
    const services = [{ name: "orders" }, { name: "$node" }];

    const views = nodeViews(
      [
        { id: "a", available: true, services, cpu: 7, metadata: { startedAt: 1_000, version: "1.2.3" } },
        { id: "b", available: false, services },
        { id: "repl", available: false, services: [] },
      ],
      61_500,
    );

    expect(views).toEqual([
      { id: "a", available: true, services: ["orders"], cpu: 7, uptimeSeconds: 60, version: "1.2.3", hostname: null },
      {
        id: "b",
        available: false,
        services: ["orders"],
        cpu: null,
        uptimeSeconds: null,
        version: null,
        hostname: null,
      },
    ]);
  });
});
