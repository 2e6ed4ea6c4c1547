import { randomUUID } from "node:crypto";
import type { StockLevel } from "../contracts/inventory.ts";
import type { DoctorReport } from "../contracts/ops.ts";
import type { Order } from "../contracts/orders.ts";
import type { Payment } from "../contracts/payments.ts";
import { derivedKey } from "../lib/secrets.ts";
import { delay } from "../lib/time.ts";
import type { Journal } from "../services/payments/providers/sandbox/api.ts";
import { sign, signatureHeader } from "../services/payments/providers/sandbox/signature.ts";
import { NoAnswer, Refused, restClient, signInAsAdmin, type RestClient } from "../scripts/rest-client.ts";
import { ask } from "./faults/webhooks.ts";
import type { World } from "./world.ts";

// A great many requests of which few, or one, may have an effect.

export interface StormSizes {
  rounds: number;
  buyers: number;
  units: number;
  copies: number;
}

/** What came of one storm; `problems` is empty when it had the effect it may have, and no other. */
export interface Storm {
  name: string;
  requests: number;
  seconds: number;
  effect: string;
  problems: string[];
}

const atOnce = 256;
const customers = 64;
const password = "correct horse battery staple";
/** A client without an answer, or told to come again, asks again for so long. */
const patienceMs = 60_000;
const pauseMs = 50;
const settledWithinMs = 60_000;

interface Customer {
  token: string;
}

/** Customers of a world that is whole, and its administrator. */
export class Storms {
  readonly #world: World;
  readonly #clients: readonly RestClient[];
  readonly #people: readonly Customer[];
  readonly #admin: string;

  private constructor(world: World, clients: readonly RestClient[], people: readonly Customer[], admin: string) {
    this.#world = world;
    this.#clients = clients;
    this.#people = people;
    this.#admin = admin;
  }

  static async open(world: World): Promise<Storms> {
    const clients = world.gateways.map((url) => restClient(url));
    const [client] = clients;
    if (!client) throw new Error("there is no gateway");
    const people: Customer[] = [];
    await inParallel(customers, 8, async (n) => {
      const body = { email: `storm-${n}@example.com`, password, name: `Storm ${n}` };
      const session = await client.send<{ accessToken: string }>("/auth/register", { method: "POST", body });
      people.push({ token: session.body.accessToken });
    });
    return new Storms(world, clients, people, await signInAsAdmin(client, world.config));
  }

  /** Each round a product of few units, and for each buyer an order with a key of its own, through every gateway. */
  async buyers({ rounds, buyers, units }: Pick<StormSizes, "rounds" | "buyers" | "units">): Promise<Storm> {
    const problems: string[] = [];
    let sold = 0;
    const seconds = await secondsOf(async () => {
      for (let round = 1; round <= rounds; round += 1) {
        const sku = await this.#product(units);
        const ids = new Set<string>();
        let soldOut = 0;
        await inParallel(buyers, atOnce, async (n) => {
          const outcome = await this.#place(n, sku, randomUUID());
          if (outcome === "OUT_OF_STOCK") soldOut += 1;
          else ids.add(outcome.id);
        });
        const level = await this.#level(sku);
        sold += ids.size;
        if (ids.size !== units || soldOut !== buyers - units || level.reserved !== units || level.available !== 0)
          problems.push(
            `round ${round}: ${ids.size} orders and ${soldOut} refusals for ${units} units, ${level.reserved} held, ${level.available} left`,
          );
      }
    });
    const effect = `${sold} orders for ${rounds} times ${units} units`;
    return { name: `${buyers} buyers, ${rounds} times over`, requests: rounds * buyers, seconds, effect, problems };
  }

  /** One order and its payment, each asked for again and again with the same key, through every gateway. */
  async sameKeys({ copies }: Pick<StormSizes, "copies">): Promise<Storm> {
    const sku = await this.#product(copies);
    const [orders, payments] = [new Set<string>(), new Set<string>()];
    const keys = { place: randomUUID(), pay: randomUUID() };
    let order: Order | null = null;
    const seconds = await secondsOf(async () => {
      await inParallel(copies, atOnce, async (n) => {
        const outcome = await this.#place(n, sku, keys.place, 0);
        if (outcome === "OUT_OF_STOCK") throw new Error("nobody else buys this");
        order = outcome;
        orders.add(outcome.id);
      });
      await inParallel(
        copies,
        atOnce,
        async (n) => void payments.add((await this.#pay(n, order as Order, keys.pay)).id),
      );
    });
    const [stored] = await this.#paymentsOf(order);
    const charges = await this.#charges([...payments]);
    const { reserved, onHand } = await this.#level(sku);
    const problems = [
      ...(orders.size === 1 ? [] : [`${orders.size} orders`]),
      ...(payments.size === 1 && stored?.status === "SUCCEEDED" ? [] : [`${payments.size} payments`]),
      ...(charges === 1 ? [] : [`${charges} charges in the provider's books`]),
      ...(reserved + (copies - onHand) === 1 ? [] : [`${reserved} units held and ${copies - onHand} sold`]),
    ];
    const effect = "one order, one payment, one charge";
    return { name: `${copies} copies of an order and of its payment`, requests: 2 * copies, seconds, effect, problems };
  }

  /** What the provider said of a payment, told again and again to every gateway: half of it word for word, half anew. */
  async webhooks({ copies }: Pick<StormSizes, "copies">): Promise<Storm> {
    const sku = await this.#product(1);
    const order = await this.#place(0, sku, randomUUID(), 0);
    if (order === "OUT_OF_STOCK") throw new Error("nobody else buys this");
    const payment = await this.#pay(0, order, randomUUID());
    const [charge] = (await ask<Journal>(this.#world, "/journal", { references: [payment.id] })).charges;
    if (!charge) throw new Error(`the provider does not know of payment ${payment.id}`);
    const secret = derivedKey(this.#world.config, "sandbox-webhooks").toString("hex");
    const same = `evt_${randomUUID()}`;
    const body = (n: number): Buffer => {
      const id = n % 2 === 0 ? same : `evt_${randomUUID()}`;
      return Buffer.from(JSON.stringify({ id, type: `charge.${charge.status}`, createdAt: Date.now(), data: charge }));
    };
    const first = body(0);
    const seconds = await secondsOf(() =>
      inParallel(copies, atOnce, async (n) => {
        const message = n % 2 === 0 ? first : body(n);
        await this.#insist(n, async ({ baseUrl }) => {
          const response = await fetch(`${baseUrl}/api/v1/payments/webhooks/sandbox`, {
            method: "POST",
            headers: { "content-type": "application/json", [signatureHeader]: sign(message, secret, Date.now()) },
            body: message,
            signal: AbortSignal.timeout(patienceMs),
          });
          await response.arrayBuffer();
          if (response.status >= 400) throw new Refused(response.status, {}, "a webhook", null);
        });
      }),
    );
    const [[stored, ...others], now] = [await this.#paymentsOf(order), await this.#order(order.id)];
    const problems = [
      ...(stored?.id === payment.id && stored.status === "SUCCEEDED" && others.length === 0 ? [] : ["other payments"]),
      ...(now.status === "PAID" && now.refundedCents === 0 ? [] : [`the order is ${now.status}`]),
    ];
    return { name: `${copies} webhooks of one charge`, requests: copies, seconds, effect: "one paid order", problems };
  }

  /** What the doctor finds once everything is delivered. */
  async findings(): Promise<string[]> {
    const deadline = Date.now() + settledWithinMs;
    for (;;) {
      const { body } = await this.#client(0).send<DoctorReport>("/ops/doctor", {
        token: this.#admin,
        timeoutMs: settledWithinMs,
      });
      const red = body.checks.flatMap(({ ok, id, title, examples }) =>
        ok ? [] : [`${id}: ${title} (${examples.join(", ")})`],
      );
      if (red.length === 0 || Date.now() > deadline) return red;
      await delay(500);
    }
  }

  #client(n: number): RestClient {
    const client = this.#clients[n % this.#clients.length];
    if (!client) throw new Error("there is no gateway");
    return client;
  }

  async #product(units: number): Promise<string> {
    const sku = `STORM-${randomUUID().slice(0, 8)}`;
    const token = this.#admin;
    await this.#client(0).send("/products", { method: "POST", token, body: { sku, name: sku, priceCents: 500 } });
    await this.#client(0).send(`/inventory/${sku}`, { method: "PUT", token, body: { onHand: units } });
    return sku;
  }

  #place(n: number, sku: string, key: string, person = n): Promise<Order | "OUT_OF_STOCK"> {
    const body = { items: [{ sku, quantity: 1 }] };
    const token = this.#tokenOf(person);
    return this.#insist(n, (client) =>
      client
        .send<Order>("/orders", { method: "POST", token, body, headers: { "idempotency-key": key } })
        .then(({ body: placed }) => placed, soldOut),
    );
  }

  #pay(n: number, { id }: Order, key: string): Promise<Payment> {
    const body = { method: "card", token: "tok_ok" };
    const request = { method: "POST", token: this.#tokenOf(0), body, headers: { "idempotency-key": key } } as const;
    return this.#insist(n, async (client) => (await client.send<Payment>(`/orders/${id}/pay`, request)).body);
  }

  #tokenOf(n: number): string {
    const person = this.#people[n % this.#people.length];
    if (!person) throw new Error("there is no customer");
    return person.token;
  }

  async #level(sku: string): Promise<StockLevel> {
    return (await this.#client(0).send<StockLevel>(`/inventory/${sku}`, { token: this.#admin })).body;
  }

  async #order(id: string): Promise<Order> {
    return (await this.#client(0).send<Order>(`/orders/${id}`, { token: this.#admin })).body;
  }

  async #paymentsOf(order: Order | null): Promise<Payment[]> {
    if (!order) return [];
    const path = `/orders/${order.id}/payments`;
    return (await this.#client(0).send<{ items: Payment[] }>(path, { token: this.#tokenOf(0) })).body.items;
  }

  async #charges(references: string[]): Promise<number> {
    return (await ask<Journal>(this.#world, "/journal", { references })).charges.length;
  }

  /** As a client with a key does: who is told to come again, or nothing, asks the next gateway. */
  async #insist<T>(n: number, attempt: (client: RestClient) => Promise<T>): Promise<T> {
    const deadline = Date.now() + patienceMs;
    for (let turn = n; ; turn += 1) {
      try {
        return await attempt(this.#client(turn));
      } catch (error) {
        if (!mayAskAgain(error) || Date.now() > deadline) throw error;
        await delay(pauseMs);
      }
    }
  }
}

const soldOut = (error: unknown): "OUT_OF_STOCK" => {
  if (error instanceof Refused && error.code === "OUT_OF_STOCK") return "OUT_OF_STOCK";
  throw error;
};

const mayAskAgain = (error: unknown): boolean =>
  error instanceof NoAnswer ||
  (error instanceof Refused && (error.status >= 500 || error.code === "IDEMPOTENCY_KEY_IN_FLIGHT")) ||
  // of a webhook that had no answer
  (error as { name?: string }).name === "TimeoutError";

async function inParallel(count: number, lanes: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, count) }, lane));
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const startedAtMs = performance.now();
  await work();
  return (performance.now() - startedAtMs) / 1_000;
}
