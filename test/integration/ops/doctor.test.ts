import type { CheckName, Finding } from "../../../contracts/audit.ts";
import { checks } from "../../../contracts/audit.ts";
import { contracts } from "../../../contracts/bus.ts";
import type { DoctorReport } from "../../../contracts/ops.ts";
import { collectFindings, type Phase } from "../../../lib/audit.ts";
import { newId } from "../../../lib/ids.ts";
import { toIso } from "../../../lib/time.ts";
import { compileSchema } from "../../../lib/validator.ts";
import { inventoryAudit } from "../../../services/inventory/audit.repository.ts";
import { examine } from "../../../services/ops/doctor.ts";
import { peersOver, type Peers } from "../../../services/ops/peers.ts";
import { ordersAudit } from "../../../services/orders/audit.repository.ts";
import { paymentsAudit } from "../../../services/payments/audit.repository.ts";
import { eventually } from "../../support/wait.ts";
import { falsehoods } from "./falsehoods.ts";
import { startWorld, type World } from "./world.ts";

describe.each(["SQLite", "MySQL"])("the doctor on %s", (store) => {
  let world: World;
  let undo: () => Promise<unknown>;

  beforeAll(async () => {
    world = await startWorld(store);
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
      longestPeakMs: 0,
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
      const sandbox = {
        name: "sandbox",
        audited: { most: 500, forMs: Infinity },
        journal: async () => ({ charges: [], next: null }),
      };

      const found = await Promise.all([
        reading(ordersAudit(world.db("orders"), inAnHour).phases),
        reading(inventoryAudit(world.db("inventory"), inAnHour).phases),
        reading(paymentsAudit(world.db("payments"), [sandbox], inAnHour).phases),
      ]);

      const examples = (i: number, check: CheckName) => found[i]?.get(check)?.examples.toSorted();
      expect(examples(0, "orders.deadlines")).toEqual([open.id, pending.id].sort());
      expect(examples(1, "stock.overdue")).toEqual([open.id, pending.id].sort());
      expect(examples(2, "payments.open")).toEqual([world.paymentOf(pending)]);
    });
  });

  describe("tells events that wait for a peak to end from those that are stuck", () => {
    const nowMs = Date.now();
    const longestPeakMs = 50;

    /** A report while one event of orders waits, as often as somebody looks, `looks` times. */
    const reportWhile = async (waits: { sinceMs: number; attempts: number; looks: number }) => {
      const peers = peersOver(world.node.broker);
      const waiting = {
        ...{ id: newId(), type: "order.created", subject: newId(), sequence: 1, publishedAt: null, lastError: null },
        ...{ createdAt: toIso(waits.sinceMs), attempts: waits.attempts },
      };
      let looks = 0;
      const outbox = ((sender, name, params) => {
        if (sender !== "orders" || name !== "outboxState") return peers.outbox(sender, name, params);
        looks += 1;
        const oldest = looks <= waits.looks ? [waiting] : [];
        return Promise.resolve({ rows: oldest.length, oldest, oldestAt: null });
      }) as Peers["outbox"];
      const made = await examine({
        peers: { ...peers, outbox },
        now: () => nowMs,
        depths: null,
        stopping: new AbortController().signal,
        secondLooksAfterMs: [0],
        longestPeakMs,
      });
      return { titles: reds(made).map(({ title }) => title), looks };
    };
    const stuck = ["Every event has left its service"];

    it.each([
      ["gone after the peak", { sinceMs: nowMs, attempts: 0, looks: 2 }, { titles: [], looks: 3 }],
      ["still there after the peak", { sinceMs: nowMs, attempts: 0, looks: 9 }, { titles: stuck, looks: 3 }],
      ["older than a peak", { sinceMs: nowMs - longestPeakMs, attempts: 0, looks: 9 }, { titles: stuck, looks: 2 }],
      ["tried in vain", { sinceMs: nowMs, attempts: 1, looks: 9 }, { titles: stuck, looks: 2 }],
    ])("%s", async (_what, waits, expected) => {
      expect(await reportWhile(waits)).toEqual(expected);
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
