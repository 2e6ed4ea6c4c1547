import { setTimeout as delay } from "node:timers/promises";
import type { CloudEvent } from "../../../contracts/events.ts";
import { newId } from "../../../lib/ids.ts";
import orders from "../../../services/orders/orders.service.ts";
import users from "../../../services/users/users.service.ts";
import { admin, customer, neighbour, startBroker, type TestBroker } from "../../support/broker.ts";
import { testConfig } from "../../support/config.ts";
import { eventually } from "../../support/wait.ts";

const buyer = customer(newId());
const atOnce = 30;
/** More than events take to arrive where nothing is in their way. */
const whileMs = 700;

async function keepBusy(): Promise<void> {
  const until = performance.now() + 300 + whileMs;
  while (performance.now() < until) {
    const busyUntil = performance.now() + 20;
    while (performance.now() < busyUntil);
    await delay(1);
  }
}

describe("events at a peak", () => {
  const received: CloudEvent[] = [];
  let node: TestBroker;
  let held: Promise<void> | null;

  beforeEach(async () => {
    received.length = 0;
    held = null;
    node = await startBroker(
      [
        orders,
        neighbour("products", {
          quote: ({ skus }: { skus: string[] }) =>
            skus.map((sku) => ({ sku, name: "A thing", priceCents: 250, currency: "GBP" })),
        }),
        neighbour("inventory", {
          async reserve({ orderId }: { orderId: string }) {
            await held;
            return { orderId };
          },
        }),
        neighbour("notify", { receive: ({ events }: { events: CloudEvent[] }) => void received.push(...events) }),
        neighbour("payments", { history: () => [] }),
        users,
        neighbour("auth", {
          revokeUser: () => null,
          receive: ({ events }: { events: CloudEvent[] }) => void received.push(...events),
        }),
      ],
      testConfig(),
    );
  });
  afterEach(() => node.stop());

  const place = (): Promise<{ id: string }> =>
    node.broker.call("orders.place", { items: [{ sku: "A", quantity: 1 }] }, node.as(buyer));

  /** Places an order while others are being worked on; whether its event arrived meanwhile. All must arrive once, in the end. */
  const arrivesAmongOthers = async (work: () => Promise<void>): Promise<boolean> => {
    let release = (): void => {};
    held = new Promise((resolve) => (release = resolve));
    const others = Array.from({ length: atOnce }, place);
    await delay(50);
    held = null;
    // busy before and after it, as at a peak
    const working = work();
    await delay(300);
    const { id } = await place();
    await working;
    const arrivedMeanwhile = received.some(({ subject }) => subject === id);
    release();
    const ids = [id, ...(await Promise.all(others)).map((order) => order.id)];
    await eventually(() => ids.every((one) => received.some(({ subject }) => subject === one)));
    expect(received).toHaveLength(ids.length);
    return arrivedMeanwhile;
  };

  it("wait for requests that keep the process busy, and then arrive, each once", async () => {
    expect(await arrivesAmongOthers(keepBusy)).toBe(false);
  });

  it("do not wait where somebody's sessions end by them", async () => {
    let release = (): void => {};
    held = new Promise((resolve) => (release = resolve));
    const others = Array.from({ length: atOnce }, place);
    const account = { email: "ann@example.com", password: "correct horse battery", name: "Ann" };
    const { id } = await node.broker.call("users.create", account);
    const working = keepBusy();
    await delay(300);
    await node.broker.call("users.update", { id, roles: ["customer", "support"] }, node.as(admin(newId())));
    await working;
    const arrived = received.some(({ type, subject }) => type === "user.updated" && subject === id);
    release();
    await Promise.all(others);

    expect(arrived).toBe(true);
  });

  it("do not wait for requests that wait for somebody else", async () => {
    expect(await arrivesAmongOthers(() => delay(300 + whileMs))).toBe(true);
  });
});
