import { randomUUID } from "node:crypto";
import type { Order } from "../../contracts/orders.ts";
import type { Payment } from "../../contracts/payments.ts";
import { adminCredentials, type Hub } from "./hub.ts";
import type { Answer, Person, RestClient } from "./rest.ts";
import { eventually } from "./wait.ts";

/** What shoppers and staff do in a running system, a step a function. */
export class Shop {
  readonly rest: RestClient;
  readonly admin: string;

  private constructor(rest: RestClient, admin: string) {
    this.rest = rest;
    this.admin = admin;
  }

  static async open({ rest }: Pick<Hub, "rest">, credentials = adminCredentials): Promise<Shop> {
    return new Shop(rest, await rest.signIn(credentials));
  }

  /** A product of its own with this many units. */
  async product(onHand: number, priceCents = 250): Promise<string> {
    const sku = `T-${randomUUID().slice(0, 13)}`;
    const created = await this.rest.post("/products", {
      token: this.admin,
      body: { sku, name: `Test ${sku}`, priceCents },
    });
    if (created.status !== 201) throw new Error(`creating a product answered ${created.status}`);
    await this.stock(sku, onHand);
    return sku;
  }

  async stock(sku: string, onHand: number): Promise<void> {
    // a gateway that has just been started may not have heard of inventory's node yet; it says when to come again
    await eventually(async () => {
      const set = await this.rest.put(`/inventory/${sku}`, { token: this.admin, body: { onHand } });
      if (set.status === 503) return false;
      if (set.status !== 200) throw new Error(`setting stock answered ${set.status}: ${JSON.stringify(set.body)}`);
      return true;
    });
  }

  level(sku: string): Promise<Answer<{ onHand: number; reserved: number; available: number }>> {
    return this.rest.get(`/inventory/${sku}`, { token: this.admin });
  }

  place(who: Person, sku: string, quantity = 1, key?: string, headers = {}): Promise<Answer<Order>> {
    return this.rest.post<Order>("/orders", { token: who.token, key, headers, body: { items: [{ sku, quantity }] } });
  }

  async placed(who: Person, sku: string, quantity = 1): Promise<Order> {
    const answer = await this.place(who, sku, quantity);
    if (answer.status !== 201) throw new Error(`placing answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  pay(who: Person, id: string, token?: string, key?: string): Promise<Answer<Payment>> {
    return this.rest.post<Payment>(`/orders/${id}/pay`, {
      token: who.token,
      key,
      body: { method: "card", ...(token ? { token } : {}) },
    });
  }

  async order(who: Person, id: string): Promise<Order> {
    return (await this.rest.get<Order>(`/orders/${id}`, { token: who.token })).body;
  }

  reaches(who: Person, id: string, status: Order["status"], withinMs = 20_000): Promise<Order> {
    return eventually(async () => {
      const order = await this.order(who, id);
      return order.status === status && order;
    }, withinMs);
  }

  async payments(who: Person, id: string): Promise<Payment[]> {
    return (await this.rest.get<{ items: Payment[] }>(`/orders/${id}/payments`, { token: who.token })).body.items;
  }

  /** All of them, the newest first. */
  async notifications(who: Person): Promise<Told[]> {
    const told: Told[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const after: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const { body } = await this.rest.get<{ items: Told[]; nextCursor: string | null }>(
        `/notifications?limit=100${after}`,
        { token: who.token },
      );
      told.push(...body.items);
      cursor = body.nextCursor;
    }
    return told;
  }

  /** Resolves once this person was told of exactly these events about this order, in any order. */
  async told(who: Person, orderId: string, types: readonly string[], withinMs?: number): Promise<void> {
    const wanted = [...types].sort();
    let told: string[] = [];
    await eventually(async () => {
      told = (await this.notifications(who)).filter((one) => one.orderId === orderId).map(({ type }) => type);
      return told.sort().join() === wanted.join();
    }, withinMs).catch(() => undefined);
    expect({ orderId, told }).toEqual({ orderId, told: wanted });
  }

  /** Decides on the sandbox's approval page, as a person would in a browser. */
  async decide(redirectUrl: string | null, decision: "approve" | "decline"): Promise<number> {
    if (redirectUrl === null) throw new Error("there is no page to go to");
    const page = await fetch(redirectUrl);
    if (page.status !== 200) return page.status;
    const response = await fetch(redirectUrl, { method: "POST", body: new URLSearchParams({ decision }) });
    return response.status;
  }
}

interface Told {
  type: string;
  orderId: string | null;
  title: string;
  body: string;
}
