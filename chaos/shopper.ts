import type { Order } from "../contracts/orders.ts";
import { delay } from "../lib/time.ts";
import type { Account } from "./accounts.ts";
import type { Ask, Caller, Done } from "./caller.ts";
import { basketOf, type BasketLine, type Catalogue } from "./catalogue.ts";
import { linesOf, type Operation } from "./history.ts";
import type { Random } from "./random.ts";

/** How often each token of the sandbox is paid with, of a hundred payments. */
const tokenShares: readonly (readonly [token: string, percent: number])[] = [
  ["tok_ok", 70],
  ["tok_declined", 5],
  ["tok_async_ok", 7],
  ["tok_async_declined", 3],
  ["tok_timeout", 3],
  ["tok_error_after_charge", 4],
  ["tok_duplicate", 4],
  ["tok_silent", 4],
];

/** What people do next, of a hundred orders that were placed, and of a hundred that were paid at once. */
const fates = { pay: 80, cancel: 10 } as const;
const afterPaying = { ship: 20, cancel: 4, refund: 4, partRefund: 4 } as const;
const readsPercent = 10;
const meanPauseMs = 400;
const longestPauseMs = 3_000;

export interface Shop {
  caller: Caller;
  admin: Account;
  people: readonly Account[];
  catalogue: Catalogue;
  /** Aborted when the run is over: nobody pauses any more. */
  ending: AbortSignal;
}

export interface Journey {
  number: number;
  random: Random;
  /** Pays with this token, whatever chance would have. */
  token?: string;
  /** So many requests for the order at the same moment. */
  copies?: number;
  /** Hangs up after sending the request, and asks again. */
  abandons?: boolean;
}

/** Everything one person does about one order. */
export async function goShopping(shop: Shop, journey: Journey): Promise<void> {
  const { random } = journey;
  const who = random.pick(shop.people);
  const order = await place(shop, journey, who);
  if (order === null) return;
  const step = new Steps(shop, journey, who, order);
  if (random.int(1, 100) <= readsPercent) await step.read();
  const fate = journey.token === undefined ? random.int(1, 100) : 1;
  if (fate <= fates.pay) await pay(step, journey);
  else if (fate <= fates.pay + fates.cancel) await step.cancel();
  // the others forget their order, until its time is over
}

async function place(shop: Shop, journey: Journey, who: Account): Promise<Order | null> {
  const { caller, catalogue } = shop;
  const { number, random, copies = 1, abandons = false } = journey;
  const key = `order-${number}`;
  const items = basketOf(random, catalogue);
  // the order carries its key, so that it can be told whose request it came of
  const ask: Ask = { kind: "place", method: "POST", path: "/orders", body: { items, note: key }, key, as: who };
  const operation = caller.begin(ask);
  if (abandons) await hangUp(caller, operation, ask);
  const answers = await Promise.all(Array.from({ length: copies }, () => caller.repeat(operation, ask)));
  const orders = answers.flatMap((done) => told(caller, operation, items, done));
  return orders[0] ?? null;
}

function told(caller: Caller, operation: Operation, items: readonly BasketLine[], done: Done): Order[] {
  if (done.outcome !== "ok") return [];
  const order = done.body as Order;
  const asked = items
    .map(({ sku, quantity }) => `${sku}*${quantity}`)
    .sort()
    .join(" ");
  const got = order.lines
    .map(({ sku, quantity }) => `${sku}*${quantity}`)
    .sort()
    .join(" ");
  // what was not asked for cannot be what was promised: the checker compares with what is stored
  const lines = asked === got ? linesOf(order.lines) : `asked for ${asked}, told ${got}`;
  caller.history.told(operation, { id: order.id, totalCents: order.totalCents, lines });
  return [order];
}

async function hangUp(caller: Caller, operation: Operation, ask: Ask): Promise<void> {
  const token = await ask.as?.token();
  const { one, result } = await caller.send(operation, { ...ask, token, abandon: true });
  caller.history.info(operation, one, null, result.answered ? "HUNG_UP" : result.why);
}

async function pay(step: Steps, { random, token = tokenOf(random) }: Journey): Promise<void> {
  const first = await step.pay(token, 1);
  if (first.outcome === "fail" && first.status === 402 && random.chance(0.6)) await step.pay("tok_ok", 2);
  // a payment that hangs in the air is left alone
  if (first.outcome !== "ok" || first.status !== 200) return;
  const fate = random.int(1, 100);
  const { ship, cancel, refund, partRefund } = afterPaying;
  if (fate <= ship) return sendGoods(step, random);
  if (fate <= ship + cancel) return step.cancel();
  if (fate <= ship + cancel + refund) return step.refund();
  if (fate <= ship + cancel + refund + partRefund) return step.refundTwoParts();
}

async function sendGoods(step: Steps, random: Random): Promise<void> {
  await step.ship();
  if (random.chance(0.5)) await step.complete();
  if (random.chance(0.1)) await step.refund();
  if (random.chance(0.1)) await step.lookAtNotifications();
}

function tokenOf(random: Random): string {
  let left = random.int(1, 100);
  for (const [token, percent] of tokenShares) {
    left -= percent;
    if (left <= 0) return token;
  }
  return "tok_ok";
}

/** What can be done about an order that was placed, each after a pause. */
class Steps {
  readonly #shop: Shop;
  readonly #journey: Journey;
  readonly #who: Account;
  readonly #order: Order;

  constructor(shop: Shop, journey: Journey, who: Account, order: Order) {
    this.#shop = shop;
    this.#journey = journey;
    this.#who = who;
    this.#order = order;
  }

  pay(token: string, time: number): Promise<Done> {
    const body = { method: "card", token };
    return this.#do({ kind: "pay", method: "POST", path: this.#path("/pay"), body, key: this.#key(`pay-${time}`) });
  }

  async cancel(): Promise<void> {
    const body = { reason: "changed my mind" };
    await this.#do({ kind: "cancel", method: "POST", path: this.#path("/cancel"), body, key: this.#key("cancel") });
  }

  async ship(): Promise<void> {
    const body = { carrier: "Swift", trackingNumber: `T-${this.#journey.number}` };
    await this.#do({ kind: "ship", method: "POST", path: this.#path("/ship"), body, as: this.#shop.admin });
  }

  async complete(): Promise<void> {
    await this.#do({ kind: "complete", method: "POST", path: this.#path("/complete") });
  }

  async refund(amountCents?: number, time = 1): Promise<void> {
    const body = { reason: "goodwill", ...(amountCents === undefined ? {} : { amountCents }) };
    const key = this.#key(`refund-${time}`);
    await this.#do({ kind: "refund", method: "POST", path: this.#path("/refund"), body, key, as: this.#shop.admin });
  }

  /** Two requests that may meet: both parts have to be returned. */
  async refundTwoParts(): Promise<void> {
    const part = Math.max(1, Math.floor(this.#order.totalCents / 3));
    await Promise.all([this.refund(part, 1), this.refund(part, 2)]);
  }

  async read(): Promise<void> {
    await this.#do({ kind: "read", method: "GET", path: this.#path("") });
  }

  async lookAtNotifications(): Promise<void> {
    await this.#do({ kind: "notifications", method: "GET", path: "/notifications?limit=20" });
  }

  async #do(ask: Omit<Ask, "as"> & Partial<Pick<Ask, "as">>): Promise<Done> {
    const { caller, ending } = this.#shop;
    const { random } = this.#journey;
    const pauseMs = -Math.log(1 - random.int(0, 999) / 1_000) * meanPauseMs;
    await delay(Math.min(longestPauseMs, pauseMs), ending);
    return caller.do({ as: this.#who, order: this.#order.id, ...ask });
  }

  #path(rest: string): string {
    return `/orders/${this.#order.id}${rest}`;
  }

  #key(what: string): string {
    return `${what}-${this.#journey.number}`;
  }
}
