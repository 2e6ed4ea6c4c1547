import type { CheckName, Finding } from "../../../contracts/audit.ts";
import { checks } from "../../../contracts/audit.ts";
import { contracts } from "../../../contracts/bus.ts";
import type { DoctorReport } from "../../../contracts/ops.ts";
import { collectFindings, type Phase } from "../../../lib/audit.ts";
import { newId } from "../../../lib/ids.ts";
import { compileSchema } from "../../../lib/validator.ts";
import { inventoryAudit } from "../../../services/inventory/audit.repository.ts";
import { examine } from "../../../services/ops/doctor.ts";
import { peersOver } from "../../../services/ops/peers.ts";
import { ordersAudit } from "../../../services/orders/audit.repository.ts";
import { paymentsAudit } from "../../../services/payments/audit.repository.ts";
import { eventually } from "../../support/wait.ts";
import { startWorld, type World } from "./world.ts";

const later = Date.now() + 86_400_000;
const nobody = newId();

/** What a person with access to the databases might do, which checks find it, and whom they name. */
interface Falsehood {
  name: string;
  service: string;
  /** The statement, and the one that makes it undone. */
  sql: (world: World) => [falsify: string, restore: string];
  red: CheckName[];
  names: (world: World) => string;
}

const paidId = ({ orders }: World): string => orders.paid.id;
const setAndBack = (table: string, column: string, by: number, where: string): [string, string] => [
  `UPDATE ${table} SET ${column} = ${column} + ${by} WHERE ${where}`,
  `UPDATE ${table} SET ${column} = ${column} - ${by} WHERE ${where}`,
];

const falsehoods: Falsehood[] = [
  {
    name: "an answer for an order that never was",
    service: "orders",
    sql: ({ ann }) => [
      `INSERT INTO idempotency_keys (user_id, idempotency_key, fingerprint, status, body, created_at)
       VALUES ('${ann.id}', 'zz-key', 'f', 201, '{"id":"${nobody}"}', 1)`,
      "DELETE FROM idempotency_keys WHERE idempotency_key = 'zz-key'",
    ],
    red: ["orders.answers"],
    names: () => "zz-key",
  },
  {
    name: "a line that costs more",
    service: "orders",
    sql: (world) => setAndBack("order_lines", "line_total_cents", 1, `order_id = '${paidId(world)}'`),
    red: ["orders.sums"],
    names: paidId,
  },
  {
    name: "a refund that is counted and was not made",
    service: "orders",
    sql: (world) => setAndBack("orders", "refunded_cents", 5, `id = '${paidId(world)}'`),
    red: ["orders.sums", "orders.payments"],
    names: paidId,
  },
  {
    name: "a paid order that knows no payment",
    service: "orders",
    sql: (world) => [
      `UPDATE orders SET note = payment_id, payment_id = NULL WHERE id = '${paidId(world)}'`,
      `UPDATE orders SET payment_id = note, note = NULL WHERE id = '${paidId(world)}'`,
    ],
    red: ["orders.payments"],
    names: paidId,
  },
  {
    name: "an order that changed its status without a step",
    service: "orders",
    sql: (world) => [
      `UPDATE orders SET status = 'SHIPPED', shipped_at = 1 WHERE id = '${paidId(world)}'`,
      `UPDATE orders SET status = 'PAID', shipped_at = NULL WHERE id = '${paidId(world)}'`,
    ],
    red: ["orders.history"],
    names: paidId,
  },
  {
    name: "a history with a step that was not possible",
    service: "orders",
    sql: ({ orders: { cancelled } }) => [
      `UPDATE order_history SET type = 'order.completed' WHERE order_id = '${cancelled.id}' AND type = 'order.cancelled'`,
      `UPDATE order_history SET type = 'order.cancelled' WHERE order_id = '${cancelled.id}' AND type = 'order.completed'`,
    ],
    red: ["orders.history"],
    names: ({ orders }) => orders.cancelled.id,
  },
  {
    name: "an order whose last event is missing",
    service: "orders",
    sql: (world) => setAndBack("orders", "event_sequence", 1, `id = '${paidId(world)}'`),
    red: ["orders.events"],
    names: paidId,
  },
  {
    name: "a refund that nobody makes",
    service: "orders",
    sql: (world) => [
      `INSERT INTO refunds (id, order_id, payment_id, kind, amount_cents, reason, by_whom, status, created_at, due_at)
       VALUES ('${nobody}', '${paidId(world)}', '${nobody}', 'stray', 1, 'r', 'system', 'REQUESTED', 1, ${later})`,
      `DELETE FROM refunds WHERE id = '${nobody}'`,
    ],
    red: ["orders.refunds"],
    names: () => nobody,
  },
  {
    name: "a ledger that says more",
    service: "payments",
    sql: (world) => setAndBack("payment_ledger", "amount_cents", 1, `order_id = '${paidId(world)}'`),
    red: ["payments.ledger"],
    names: (world) => paymentIds.get(paidId(world)) ?? "",
  },
  {
    name: "two payments kept for one order",
    service: "payments",
    sql: (world) => [
      `UPDATE payments SET order_id = '${paidId(world)}', refunded_cents = 0 WHERE order_id = '${world.orders.refunded.id}'`,
      `UPDATE payments SET order_id = '${world.orders.refunded.id}', refunded_cents = 500
       WHERE id = '${paymentIds.get(world.orders.refunded.id) ?? ""}'`,
    ],
    red: ["orders.payments", "payments.ledger", "payments.once"],
    names: paidId,
  },
  {
    name: "another reference of the provider",
    service: "payments",
    sql: (world) => [
      `UPDATE payments SET redirect_url = provider_ref, provider_ref = 'ch_x' WHERE order_id = '${paidId(world)}'`,
      `UPDATE payments SET provider_ref = redirect_url, redirect_url = NULL WHERE order_id = '${paidId(world)}'`,
    ],
    red: ["payments.journal"],
    names: (world) => paymentIds.get(paidId(world)) ?? "",
  },
  {
    name: "a payment whose last event is missing",
    service: "payments",
    sql: (world) => setAndBack("payments", "event_sequence", 1, `order_id = '${paidId(world)}'`),
    red: ["payments.events"],
    names: (world) => paymentIds.get(paidId(world)) ?? "",
  },
  {
    name: "a message of the provider that does not fit",
    service: "payments",
    sql: () => [
      `INSERT INTO provider_events (provider, event_id, type, status, attempts, received_at)
       VALUES ('sandbox', 'evt_odd', 'charge.succeeded', 'CONFLICT', 1, 1)`,
      "DELETE FROM provider_events WHERE event_id = 'evt_odd'",
    ],
    red: ["payments.messages"],
    names: () => "evt_odd",
  },
  {
    name: "units that came from nowhere",
    service: "inventory",
    sql: () => setAndBack("stock", "on_hand", 1, "sku = 'LAMP'"),
    red: ["stock.ledger"],
    names: ({ sku }) => sku,
  },
  {
    name: "units reserved for nobody",
    service: "inventory",
    sql: () => setAndBack("stock", "reserved", 1, "sku = 'LAMP'"),
    red: ["stock.holds"],
    names: ({ sku }) => sku,
  },
  {
    name: "sold stock of which the hold says it was given back",
    service: "inventory",
    sql: (world) => [
      `UPDATE reservations SET status = 'RELEASED' WHERE order_id = '${paidId(world)}'`,
      `UPDATE reservations SET status = 'COMMITTED' WHERE order_id = '${paidId(world)}'`,
    ],
    red: ["orders.holds"],
    names: paidId,
  },
  {
    name: "an event that did not come",
    service: "inventory",
    sql: (world) => [
      `UPDATE inbox SET last_error = event_id, event_id = '${nobody}' WHERE subject = '${paidId(world)}'`,
      `UPDATE inbox SET event_id = last_error, last_error = NULL WHERE event_id = '${nobody}'`,
    ],
    red: ["events.received"],
    names: () => "at inventory",
  },
  {
    name: "an event that nobody sent",
    service: "inventory",
    sql: () => [
      `INSERT INTO inbox (event_id, type, subject, sequence, event, status, received_at, due_at)
       VALUES ('${nobody}', 'order.expired', '${nobody}', 1, '{}', 'APPLIED', 1, 1)`,
      `DELETE FROM inbox WHERE event_id = '${nobody}'`,
    ],
    red: ["events.known"],
    names: () => "order.expired at inventory",
  },
  {
    name: "a gap in the events of a subject",
    service: "users",
    sql: ({ ann }) => setAndBack("outbox", "sequence", 1, `subject = '${ann.id}'`),
    red: ["outbox.sequences"],
    names: ({ ann }) => ann.id,
  },
  {
    name: "an event that does not leave",
    service: "orders",
    sql: (world) => [
      `UPDATE outbox SET published_at = NULL, due_at = ${later} WHERE subject = '${paidId(world)}' AND sequence = 1`,
      `UPDATE outbox SET published_at = 1 WHERE subject = '${paidId(world)}' AND sequence = 1`,
    ],
    red: ["outbox.empty"],
    names: () => "",
  },
  {
    name: "an event that is not applied",
    service: "inventory",
    sql: (world) => [
      `UPDATE inbox SET status = 'WAITING', due_at = ${later} WHERE subject = '${paidId(world)}'`,
      `UPDATE inbox SET status = 'APPLIED' WHERE subject = '${paidId(world)}'`,
    ],
    red: ["inbox.empty"],
    names: () => "at inventory",
  },
  {
    name: "a dead letter",
    service: "inventory",
    sql: (world) => [
      `UPDATE inbox SET status = 'DEAD' WHERE subject = '${paidId(world)}'`,
      `UPDATE inbox SET status = 'APPLIED' WHERE subject = '${paidId(world)}'`,
    ],
    red: ["inbox.dead"],
    names: () => "at inventory",
  },
  {
    name: "a notification about nothing that happened",
    service: "notify",
    sql: (world) => [
      `UPDATE notifications SET body = event_id, event_id = '${nobody}' WHERE order_id = '${paidId(world)}' AND type = 'order.paid'`,
      `UPDATE notifications SET event_id = body WHERE event_id = '${nobody}'`,
    ],
    red: ["notify.once"],
    names: () => nobody,
  },
  {
    name: "a gap in what a person was told",
    service: "notify",
    sql: ({ ann }) =>
      setAndBack("notifications", "sequence", 100, `user_id = '${ann.id}' AND type = 'user.registered'`),
    red: ["notify.sequences"],
    names: ({ ann }) => ann.id,
  },
  {
    name: "a message that was given up",
    service: "notify",
    sql: (world) => [
      `UPDATE deliveries SET status = 'FAILED' WHERE order_id = '${paidId(world)}' AND type = 'order.paid'`,
      `UPDATE deliveries SET status = 'SENT' WHERE order_id = '${paidId(world)}' AND type = 'order.paid'`,
    ],
    red: ["notify.deliveries"],
    names: () => "",
  },
];

/** Payments by order, as the world made them. */
const paymentIds = new Map<string, string>();

describe.each(["SQLite", "MySQL"])("the doctor on %s", (store) => {
  let world: World;
  let undo: () => Promise<unknown>;

  beforeAll(async () => {
    world = await startWorld(store);
    for (const { id } of Object.values(world.orders)) {
      const { items } = await world.node.broker.call("payments.ofOrder", { orderId: id });
      for (const payment of items) paymentIds.set(id, payment.id);
    }
    await eventually(async () => (await report()).ok, 30_000);
  });
  beforeEach(() => {
    undo = () => Promise.resolve();
  });
  afterEach(async () => {
    await undo();
    expect(reds(await report())).toEqual([]);
  });
  afterAll(() => world.stop());

  const report = (): Promise<DoctorReport> =>
    examine({
      peers: peersOver(world.node.broker),
      now: Date.now,
      depths: null,
      stopping: new AbortController().signal,
      secondLooksAfterMs: [0],
    });
  const titles = (names: readonly CheckName[]): string[] => names.map((name) => checks[name][1]).sort();
  const reds = ({ checks: made }: DoctorReport) => made.filter(({ ok }) => !ok);

  it("makes every check, and finds a world in which all is well", async () => {
    const made = await report();

    expect(made.ok).toBe(true);
    const broker = new Set(["queues.empty"]);
    expect(made.checks.map(({ title }) => title).sort()).toEqual(
      titles((Object.keys(checks) as CheckName[]).filter((name) => !broker.has(name))),
    );
    const looked = made.checks.filter(({ checked }) => checked > 0).map(({ title }) => title);
    expect(looked).toEqual(expect.arrayContaining(titles(["orders.answers", "payments.journal", "notify.once"])));
    expect(compileSchema(contracts["ops.doctor"].result)(made)).toBe(true);
  });

  it.each(falsehoods)("finds $name", async ({ service, sql, red, names }) => {
    const [falsify, restore] = sql(world);
    undo = () => world.db(service).execute(restore);
    await world.db(service).execute(falsify);

    const made = await report();

    expect(
      reds(made)
        .map(({ title }) => title)
        .sort(),
    ).toEqual(titles(red));
    for (const { violations, examples } of reds(made)) {
      expect(violations).toBeGreaterThan(0);
      expect(examples.length).toBeGreaterThan(0);
    }
    expect(
      reds(made)
        .flatMap(({ examples }) => examples)
        .join("\n"),
    ).toContain(names(world));
  });

  describe("when an hour has passed and no sweep came", () => {
    const inAnHour = (): number => Date.now() + 3 * 3_600_000;
    const reading = async (phases: readonly Phase[]): Promise<Map<CheckName, Finding>> => {
      const found = collectFindings();
      for (const phase of phases) await phase(null, found);
      return new Map(found.list().map((finding) => [finding.check, finding]));
    };

    it("finds orders past their deadline, open holds and open payments", async () => {
      const { open, pending } = world.orders;
      const sandbox = { journal: async () => [] };

      const found = await Promise.all([
        reading(ordersAudit(world.db("orders"), inAnHour).phases),
        reading(inventoryAudit(world.db("inventory"), inAnHour).phases),
        reading(paymentsAudit(world.db("payments"), sandbox, inAnHour).phases),
      ]);

      const examples = (i: number, check: CheckName) => found[i]?.get(check)?.examples.toSorted();
      expect(examples(0, "orders.deadlines")).toEqual([open.id, pending.id].sort());
      expect(examples(1, "stock.overdue")).toEqual([open.id, pending.id].sort());
      expect(examples(2, "payments.open")).toEqual([paymentIds.get(pending.id)]);
    });
  });

  it("goes through more than one page of everything", async () => {
    const db = world.db("inventory");
    const skus = Array.from({ length: 1_500 }, (_, i) => `P${String(i).padStart(4, "0")}`);
    await world.node.broker.call("inventory.stockNew", { skus: skus.slice(0, 1_000), onHand: 3 });
    await world.node.broker.call("inventory.stockNew", { skus: skus.slice(1_000), onHand: 3 });
    undo = () => db.execute("UPDATE stock SET on_hand = 3 WHERE sku IN ('P0003', 'P1499')");
    await db.execute("UPDATE stock SET on_hand = 4 WHERE sku IN ('P0003', 'P1499')");

    const made = await report();

    expect(reds(made)).toMatchObject([{ id: "I4", checked: 1_501, violations: 2, examples: ["P0003", "P1499"] }]);
  });
});
