import { join } from "node:path";
import SQLite from "better-sqlite3";
import type { DoctorReport, Explanation } from "../../contracts/ops.ts";
import { startHub, type Hub } from "../support/hub.ts";
import type { Person } from "../support/rest.ts";
import { runScript, type Ended } from "../support/script.ts";
import { Shop } from "../support/shop.ts";

describe("npm run doctor", () => {
  let hub: Hub;
  let shop: Shop;
  let ann: Person;

  beforeAll(async () => {
    hub = await startHub("SQLite");
    shop = await Shop.open(hub);
    ann = await hub.rest.signUp();
  });
  afterAll(() => hub.dispose());

  const doctor = (...args: string[]): Promise<Ended> => runScript("doctor", { env: hub.env, args });
  const examine = async (): Promise<{ code: number | null; report: DoctorReport }> => {
    const { code, out, err } = await doctor("--json");
    expect(err).toBe("");
    return { code, report: JSON.parse(out) as DoctorReport };
  };
  const reds = ({ checks }: DoctorReport) => checks.filter(({ ok }) => !ok).map(({ title }) => title);

  /** Changes the data of the system behind its back, while it is stopped. */
  const falsify = async (service: string, sql: string): Promise<void> => {
    await hub.kill("SIGTERM");
    const file = new SQLite(join(String(hub.env.DATA_DIR), `${service}.sqlite`));
    file.exec(sql);
    file.close();
    await hub.restart();
  };

  it("finds a system sound after orders that were paid, declined, cancelled, refunded and shipped", async () => {
    const sku = await shop.product(50);
    const [paid, declined, cancelled, refunded, shipped, open] = await Promise.all(
      Array.from({ length: 6 }, () => shop.placed(ann, sku, 2)),
    );
    for (const order of [paid, cancelled, refunded, shipped]) await shop.pay(ann, order?.id ?? "", "tok_ok");
    await shop.pay(ann, declined?.id ?? "", "tok_declined");
    await hub.rest.post(`/orders/${cancelled?.id}/cancel`, { token: ann.token, body: {} });
    for (const body of [{ amountCents: 100, reason: "scratched" }, { reason: "broken" }]) {
      await hub.rest.post(`/orders/${refunded?.id}/refund`, { token: shop.admin, body });
    }
    await hub.rest.post(`/orders/${shipped?.id}/ship`, {
      token: shop.admin,
      body: { carrier: "Royal Mail", trackingNumber: "1" },
    });
    await hub.rest.post(`/orders/${open?.id}/cancel`, { token: ann.token, key: "a-key", body: {} });

    const { code, out } = await doctor();
    const { report } = await examine();

    expect(reds(report)).toEqual([]);
    expect(code).toBe(0);
    expect(out).toContain("every invariant holds");
    const checked = Object.fromEntries(report.checks.map(({ title, checked: n }) => [title, n]));
    expect(checked["The provider's journal and our payments tell the same"]).toBeGreaterThan(0);
    expect(new Set(report.checks.map(({ id }) => id))).toEqual(new Set(["I2", "I3", "I4", "I5", "I6", "I7", "I8"]));
  });

  it("answers administrators over REST, and nobody else", async () => {
    const paths = ["/ops/nodes", "/ops/doctor", "/ops/dead-letters", "/ops/outbox"];
    for (const path of paths) {
      expect((await hub.rest.get(path, { token: ann.token })).status).toBe(403);
      expect((await hub.rest.get(path)).status).toBe(401);
    }
    const answers = await Promise.all(paths.map((path) => hub.rest.get(path, { token: shop.admin })));

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const [nodes, report, letters, outbox] = answers.map(({ body }) => body);
    expect(nodes).toMatchObject({ items: [{ available: true, services: expect.arrayContaining(["ops"]) as unknown }] });
    expect(report).toMatchObject({ ok: true });
    expect(letters).toEqual({ items: [], nextCursor: null });
    expect(outbox).toMatchObject({ items: [{ service: "users", rows: 0 }, {}, {}], queues: null });
  });

  it("explains an order, over REST and at the terminal", async () => {
    const order = await shop.placed(ann, await shop.product(5));
    await shop.pay(ann, order.id, "tok_approve");

    const { body } = await hub.rest.get<Explanation>(`/ops/orders/${order.id}/explain`, { token: shop.admin });
    const { code, out } = await doctor("explain", order.id);
    const nobody = await doctor("explain", "0198c0de-0000-7000-8000-000000000001");

    expect(body).toMatchObject({
      order: { id: order.id, status: "CREATED" },
      reservation: { status: "HELD" },
      payments: [{ status: "PENDING" }],
      unknown: [],
      nextStep: { action: "approve" },
    });
    expect(body.events.map(({ type }) => type)).toEqual(["order.created"]);
    expect(code).toBe(0);
    expect(out).toContain(`next step: approve ${body.payments[0]?.id}`);
    expect(nobody).toMatchObject({
      code: 1,
      err: "there is no order 0198c0de-0000-7000-8000-000000000001\n",
    });
  });

  it("names the product whose stock was falsified, and ends with 1", async () => {
    const sku = await shop.product(7);
    await falsify("inventory", `UPDATE stock SET on_hand = on_hand + 1 WHERE sku = '${sku}'`);

    const { code, report } = await examine();

    expect(code).toBe(1);
    expect(report.ok).toBe(false);
    expect(report.checks.filter(({ ok }) => !ok)).toMatchObject([
      { id: "I4", title: "What is on hand is the sum of the stock ledger", violations: 1, examples: [sku] },
    ]);
    await falsify("inventory", `UPDATE stock SET on_hand = on_hand - 1 WHERE sku = '${sku}'`);
    expect((await examine()).code).toBe(0);
  });

  it("has the services do at once what waits for its next try", async () => {
    const later = Date.now() + 3_600_000;
    await falsify(
      "notify",
      `UPDATE inbox SET status = 'WAITING', due_at = ${later}
       WHERE event_id = (SELECT event_id FROM inbox ORDER BY event_id DESC LIMIT 1)`,
    );

    const before = await doctor();
    const fixed = await doctor("--fix");
    const after = await doctor();

    expect(before.code).toBe(1);
    expect(before.out).toContain("I8 does not hold: Every event that came was applied");
    expect(fixed.out).toContain("told to do now what is due: inventory, orders");
    expect({ fixed: fixed.code, after: after.code }).toEqual({ fixed: 0, after: 0 });
  });

  it("says how it is used, and ends with 2 when nothing runs", async () => {
    expect((await doctor("nonsense")).err).toContain("use: npm run doctor");
    expect((await doctor("explain")).err).toContain("use: npm run doctor");

    await hub.kill("SIGTERM");
    const nothing = await doctor();

    expect(nothing.code).toBe(2);
    expect(nothing.err).toMatch(/^nothing runs on DATA_DIR .*; start the system with npm start\n$/);
  });
});
