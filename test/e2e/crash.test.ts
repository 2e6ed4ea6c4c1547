import type { Order } from "../../contracts/orders.ts";
import { startHub, type Hub, type StoreName } from "../support/hub.ts";
import type { Person } from "../support/rest.ts";
import { Shop } from "../support/shop.ts";
import { delay } from "../../lib/time.ts";
import { eventually } from "../support/wait.ts";

/** One order as its customer knows it: what they asked with which keys, and what they were answered. */
interface Attempt {
  who: Person;
  key: string;
  placed: Order | null;
  paid: boolean;
}

const shoppers = 4;
const rounds = 3;
const stock = 1_000;

describe.each<StoreName>(["SQLite", "MySQL"])("a system killed at any moment on %s", (store) => {
  let hub: Hub;
  let shop: Shop;

  beforeAll(async () => {
    hub = await startHub(store);
    shop = await Shop.open(hub);
  });
  afterAll(() => hub.dispose());

  /** Places and pays one order; whatever was answered is kept, and a connection that broke leaves the rest unknown. */
  async function buy(attempt: Attempt, sku: string): Promise<void> {
    const { who, key } = attempt;
    const placed = await shop.place(who, sku, 1, `${key}-place`);
    if (placed.status !== 201) throw new Error(`placing answered ${placed.status}`);
    attempt.placed = placed.body;
    const paid = await shop.pay(who, placed.body.id, "tok_ok", `${key}-pay`);
    if (paid.status === 200) attempt.paid = true;
  }

  it("has lost nothing it acknowledged, and ends what was half done", async () => {
    const people = await Promise.all(Array.from({ length: shoppers }, () => hub.rest.signUp()));
    const sku = await shop.product(stock);
    const attempts: Attempt[] = [];

    for (let round = 0; round < rounds; round += 1) {
      let stopped = false;
      const loads = people.map(async (who, i) => {
        for (let n = 0; !stopped; n += 1) {
          const attempt: Attempt = { who, key: `r${round}-${i}-${n}`, placed: null, paid: false };
          attempts.push(attempt);
          const broke = await buy(attempt, sku).then(
            () => false,
            () => true,
          );
          if (broke) return;
        }
      });
      await delay(300 + Math.random() * 500);
      await hub.kill("SIGKILL");
      stopped = true;
      await Promise.all(loads);
      await hub.restart();
    }

    const acknowledged = attempts.filter(({ placed }) => placed !== null);
    expect(acknowledged.length).toBeGreaterThan(rounds);
    for (const { who, placed, paid } of acknowledged) {
      const order = await shop.order(who, placed?.id ?? "");
      expect(order).toMatchObject({ id: placed?.id, totalCents: placed?.totalCents, lines: placed?.lines });
      if (paid) expect(order.status).toBe("PAID");
    }

    // what nobody knows the outcome of is asked again with its key
    for (const attempt of attempts) await buy(attempt, sku);
    const orders = new Set(attempts.map(({ placed }) => placed?.id));
    expect(orders.size).toBe(attempts.length);
    for (const { who, placed } of attempts) {
      await shop.reaches(who, placed?.id ?? "", "PAID");
      const payments = await shop.payments(who, placed?.id ?? "");
      expect(payments.filter(({ status }) => status === "SUCCEEDED")).toHaveLength(1);
    }
    await eventually(async () => (await shop.level(sku)).body.onHand === stock - attempts.length, 20_000);
    expect((await shop.level(sku)).body.reserved).toBe(0);
    for (const { who, placed } of attempts.slice(-20)) {
      await shop.told(who, placed?.id ?? "", ["order.created", "payment.succeeded", "order.paid"]);
    }
  });

  it("answers the requests under way when it is told to stop, and ends with 0 within 10 s", async () => {
    const ann = await hub.rest.signUp();
    const sku = await shop.product(10);
    const orders = await Promise.all(Array.from({ length: 5 }, () => shop.placed(ann, sku)));
    // these take as long as the provider's deadline
    const slow = orders.map(({ id }) => shop.pay(ann, id, "tok_timeout"));
    await delay(300);

    const startedAt = Date.now();
    const code = await hub.kill("SIGTERM");
    const answers = await Promise.all(slow);

    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    expect(code).toBe(0);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    await hub.restart();
    for (const { id } of orders) await shop.reaches(ann, id, "PAID", 40_000);
  });
});
