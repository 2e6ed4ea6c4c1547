import type { LoadControl } from "../../chaos/fault.ts";
import { faults } from "../../chaos/faults/index.ts";
import { runNemesis } from "../../chaos/nemesis.ts";
import { startWorld, type World } from "../../chaos/world.ts";
import type { DoctorReport } from "../../contracts/ops.ts";
import { Buyers } from "../support/buyers.ts";
import { RestClient, type Person } from "../support/rest.ts";
import { Shop } from "../support/shop.ts";
import { eventually } from "../support/wait.ts";

const stock = 100_000;

/** One of each kind; `npm run chaos` has them all. */
const some = [
  "node killed",
  "database reply of COMMIT lost",
  "redis poisoned",
  "rabbitmq channels closed",
  "events five times",
  "events redriven twice",
  "webhooks twenty times",
];
const planned = faults.filter(({ name }) => some.includes(name)).map((fault) => ({ ...fault, weight: 1 }));

/** What faults ask of clients, of these buyers: none of the faults here asks for more than that they go on. */
const loadOf = (buyers: Buyers): LoadControl => {
  const notAsked = (): Promise<never> => Promise.reject(new Error("these buyers only buy"));
  return {
    ...{ burst: notAsked, copies: notAsked, abandon: notAsked, payWith: notAsked },
    async recovery(_afterMs, signal) {
      const before = buyers.orders.size;
      await eventually(() => buyers.orders.size >= before + 20 || signal.aborted, 60_000);
      return signal.aborted ? null : Date.now();
    },
  };
};

describe("a world under a nemesis", () => {
  let world: World;
  let shops: Shop[];
  let people: Person[];

  beforeAll(async () => {
    world = await startWorld({ nodes: 2, spares: 0 });
    await eventually(() => world.isWhole(), 60_000);
    shops = await Promise.all(
      world.gateways.map(async (url) => Shop.open({ rest: await RestClient.to(url) }, world.admin)),
    );
    people = await Promise.all(shops.map(({ rest }) => rest.signUp()));
  }, 120_000);
  afterAll(() => world.stop(), 60_000);

  it("recovers from every fault, keeps every order it acknowledged once, and is sound at the end", async () => {
    const [shop] = shops;
    if (!shop) throw new Error("there is no gateway");
    const sku = await shop.product(stock);
    const [ann] = people;
    if (!ann) throw new Error("there is nobody to buy");
    for (let i = 0; i < 3; i += 1) {
      const { id } = await shop.placed(ann, sku);
      await shop.pay(ann, id, "tok_ok");
    }
    const buyers = new Buyers(people, sku, shops);
    const events = await runNemesis({
      ...{ world, load: loadOf(buyers), faults: planned, seed: 1, count: planned.length, holdFactor: 0.2 },
    });
    await buyers.stop();

    expect(events.map(({ error }) => error)).toEqual(planned.map(() => null));
    expect(events.filter(({ recoveredAtMs, wholeAtMs }) => recoveredAtMs === null || wholeAtMs === null)).toEqual([]);
    expect(new Set(events.map(({ fault }) => fault))).toEqual(new Set(some));
    expect(world.crashes).toEqual([]);

    const orders = [...buyers.orders.values()];
    expect(new Set(orders.map(({ order }) => order.id)).size).toBe(orders.length);
    for (const { who, order } of orders.slice(-50)) {
      expect(await shop.order(who, order.id)).toMatchObject({ id: order.id, totalCents: order.totalCents });
    }
    // the doctor is the judge of the rest, once what the faults delayed has been caught up with
    await eventually(async () => {
      const { body } = await shop.rest.get<DoctorReport>("/ops/doctor", { token: shop.admin });
      return body.checks.every(({ ok }) => ok);
    }, 60_000);
  }, 180_000);
});
