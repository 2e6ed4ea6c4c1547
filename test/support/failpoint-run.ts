import type { Order } from "../../contracts/orders.ts";
import type { Payment } from "../../contracts/payments.ts";
import type { FailpointName } from "../../lib/failpoints.ts";
import type { Answer, Person } from "./rest.ts";
import type { Shop } from "./shop.ts";
import { eventually } from "./wait.ts";

/** How long a customer asks again before giving up: longer than a lease that a killed process leaves behind. */
const patienceMs = 120_000;

/** Between two tries: dozens of customers who asked without a pause would keep a process from starting. */
const pauseMs = 100;

const mostFailedPayments = 3;

const password = "correct horse battery";

/** One order as its customer knows it, and what has to be true of it in the end. */
export interface Deal {
  who: Person;
  order: Order;
  status: Order["status"];
  returnedCents: number;
  told: readonly string[];
  /** Asks for the same again, with the same keys; each answers with what it made the first time. */
  again: (() => Promise<unknown>)[];
}

/** Customers who ask until they know, of a system that dies under their hands. */
export class FailpointRun {
  readonly deals: Deal[] = [];
  readonly people: Person[] = [];
  readonly shop: Shop;
  private readonly sku: string;
  private keys = 0;

  constructor(shop: Shop, sku: string) {
    this.shop = shop;
    this.sku = sku;
  }

  /** What leads past each failpoint. */
  readonly steps: Record<FailpointName, (who: Person) => Promise<unknown>> = {
    "place.after-reserve": (who) => this.buy(who),
    "place.before-commit": (who) => this.buy(who),
    "place.after-commit": (who) => this.buy(who),
    "payment.after-row": (who) => this.buy(who),
    "payment.after-answer": (who) => this.buy(who),
    "payment.after-settle": (who) => this.buy(who),
    "webhook.after-commit": (who) => this.buy(who, "tok_async_ok"),
    "webhook.before-commit": (who) => this.buy(who, "tok_async_ok"),
    "refund.after-row": (who) => this.refund(who),
    "refund.after-answer": (who) => this.refund(who),
    "refund.before-count": (who) => this.refund(who),
    "cancel.after-commit": (who) => this.cancel(who),
    "expire.after-commit": (who) => this.expire(who),
    "relay.after-claim": (who) => this.buy(who),
    "relay.after-confirm": (who) => this.buy(who),
    "consume.after-commit": (who) => this.buy(who),
    "notify.after-commit": (who) => this.buy(who),
    "notify.after-send": (who) => this.buy(who),
    "refresh.after-rotation": (who) => this.refresh(who),
    "register.after-user": () => this.register(),
  };

  /** An account and a session; whose registration broke off signs in to the account it made. */
  async register(): Promise<Person> {
    const name = `Buyer ${(this.keys += 1)}`;
    const email = `buyer-${this.keys}-${Date.now()}@example.com`;
    const body = { email, password, name };
    const registered = await this.insist<Session>(() => this.shop.rest.post("/auth/register", { body }));
    const session = registered.status === 201 ? registered : await this.signIn(email);
    const { user, accessToken: token, refreshToken } = session.body;
    const person = { id: user.id, email, token, refreshToken };
    this.people.push(person);
    return person;
  }

  /** A session goes on; one whose new token was lost is over, and its owner signs in again. */
  private async refresh({ email }: Person): Promise<void> {
    const { refreshToken } = (await this.signIn(email)).body;
    const refreshed = await this.insist<Session>(() =>
      this.shop.rest.post("/auth/refresh", { body: { refreshToken } }),
    );
    const session = refreshed.status === 200 ? refreshed : await this.signIn(email);
    const token = session.body.accessToken;
    expect(await this.insist(() => this.shop.rest.get("/users/me", { token }))).toMatchObject({ status: 200 });
  }

  private async signIn(email: string): Promise<Answer<Session>> {
    const session = await this.insist<Session>(() => this.shop.rest.post("/auth/login", { body: { email, password } }));
    expect(session.status).toBe(200);
    return session;
  }

  private async place(who: Person, told: readonly string[]): Promise<Deal> {
    const key = `place-${(this.keys += 1)}`;
    const ask = (): Promise<Answer<Order>> => this.shop.place(who, this.sku, 1, key);
    const { status, body: order } = await this.insist(ask);
    expect(status).toBe(201);
    const deal: Deal = { who, order, status: order.status, returnedCents: 0, told, again: [] };
    this.remember(deal, ask, ({ id }) => id, order);
    this.deals.push(deal);
    return deal;
  }

  private async buy(who: Person, token = "tok_ok"): Promise<Deal> {
    return this.pay(await this.place(who, ["order.created", "payment.succeeded", "order.paid"]), token);
  }

  private async pay(deal: Deal, token: string): Promise<Deal> {
    const { who } = deal;
    const key = `pay-${(this.keys += 1)}`;
    const ask = (): Promise<Answer<Payment>> => this.shop.pay(who, deal.order.id, token, key);
    const { status, body } = await this.insist(ask);
    // a payment that was opened and never reached the provider is ended by the reconciler: nothing was charged
    if (status === 402 && deal.told.filter((type) => type === "payment.failed").length < mostFailedPayments) {
      deal.told = [...deal.told, "payment.failed"];
      return this.pay(deal, token);
    }
    expect([200, 202]).toContain(status);
    this.remember(deal, ask, ({ id }) => id, body);
    await this.reaches(deal, "PAID");
    return deal;
  }

  private async refund(who: Person): Promise<void> {
    const deal = await this.buy(who);
    const key = `refund-${(this.keys += 1)}`;
    const options = { token: this.shop.admin, key, body: { reason: "broken" } };
    const ask = (): Promise<Answer<Order>> => this.shop.rest.post(`/orders/${deal.order.id}/refund`, options);
    const { status, body } = await this.insist(ask);
    expect(status).toBe(200);
    this.remember(deal, ask, ({ refundedCents }) => refundedCents, body);
    deal.told = [...deal.told, "payment.refunded", "order.refunded"];
    deal.returnedCents = deal.order.totalCents;
    await this.reaches(deal, "REFUNDED");
  }

  private async cancel(who: Person): Promise<void> {
    const deal = await this.place(who, ["order.created", "order.cancelled"]);
    const options = { token: who.token, key: `cancel-${(this.keys += 1)}`, body: {} };
    const ask = (): Promise<Answer<Order>> => this.shop.rest.post(`/orders/${deal.order.id}/cancel`, options);
    const { status, body } = await this.insist(ask);
    expect(status).toBe(200);
    this.remember(deal, ask, (order) => order.status, body);
    await this.reaches(deal, "CANCELLED");
  }

  private async expire(who: Person): Promise<void> {
    await this.reaches(await this.place(who, ["order.created", "order.expired"]), "EXPIRED");
  }

  private remember<T>(deal: Deal, ask: () => Promise<Answer<T>>, of: (body: T) => unknown, first: T): void {
    deal.again.push(async () => expect(of((await this.insist(ask)).body)).toEqual(of(first)));
  }

  private async reaches(deal: Deal, status: Order["status"]): Promise<void> {
    const path = `/orders/${deal.order.id}`;
    await eventually(
      async () => {
        const { body } = await this.insist<Order>(() => this.shop.rest.get(path, { token: deal.who.token }));
        return body.status === status;
      },
      patienceMs,
      pauseMs,
    );
    deal.status = status;
  }

  /** As a client with a key does: without an answer, or with one that says nothing, the same is asked again. */
  private insist<T>(ask: () => Promise<Answer<T>>): Promise<Answer<T>> {
    return eventually(
      async () => {
        const answer = await ask().catch((error: unknown) => {
          if (isConnectionLost(error)) return null;
          throw error;
        });
        if (answer === null || answer.status >= 500) return null;
        return (answer.body as { code?: string }).code !== "IDEMPOTENCY_KEY_IN_FLIGHT" && answer;
      },
      patienceMs,
      pauseMs,
    );
  }
}

interface Session {
  user: { id: string };
  accessToken: string;
  refreshToken: string;
}

/** fetch throws errors of another realm than the tests', so that instanceof says nothing. */
const isConnectionLost = (error: unknown): boolean =>
  ["TypeError", "TimeoutError"].includes((error as { name?: string } | null)?.name ?? "");
