import { randomUUID } from "node:crypto";
import type { Account, Placed, Work } from "./protocol.ts";
import type { Answer, Http } from "./http.ts";
import { notices } from "./notices.ts";

/** What one caller does once, from the first request to the last answer; false when there is nothing left to do. */
export type Step = (n: number, lane: number) => Promise<boolean>;

/** An answer that should not have come; the message is what is counted. */
export class Unexpected extends Error {}

export interface Steps {
  step: Step;
  placed: Placed[];
}

const json = ["content-type", "application/json"];

/** What has to be there before the first step is made ready first. */
export async function stepsOf(work: Work, http: Http, random: () => number): Promise<Steps> {
  const placed: Placed[] = [];
  switch (work.kind) {
    case "get":
      return { step: gets(work.requests, http, random), placed };
    case "login":
      return { step: logins(work.accounts, http), placed };
    case "pay":
      return { step: pays(work.orders, http), placed };
    case "place": {
      const place = placing(work, http, random);
      return {
        placed,
        async step(n, lane) {
          const order = await place(n, lane);
          if (order) placed.push(order);
          return order !== null;
        },
      };
    }
    case "checkout": {
      const place = placing(work, http, random);
      const told = await notices(http, work.tokens, "order.paid");
      return {
        placed,
        async step(n, lane) {
          const order = await place(n, lane);
          if (!order) return false;
          await pay(http, order, lane);
          await told(order.id);
          placed.push(order);
          return true;
        },
      };
    }
  }
}

function gets(requests: readonly { path: string; token?: string }[], http: Http, random: () => number): Step {
  const calls = requests.map(({ path, token }) => ({ method: "GET" as const, path, headers: bearer(token) }));
  return async (_n, lane) => {
    const { status, body } = await http.send(pick(calls, random), lane);
    if (status !== 200) throw unexpected(status, body);
    return true;
  };
}

function logins(accounts: readonly Account[], http: Http): Step {
  const bodies = accounts.map((account) => JSON.stringify(account));
  return async (n, lane) => {
    const body = bodies[n % bodies.length] ?? "";
    const answer = await http.send({ method: "POST", path: "/api/v1/auth/login", headers: json, body }, lane);
    if (answer.status !== 200) throw unexpected(answer.status, answer.body);
    return true;
  };
}

function pays(orders: readonly Placed[], http: Http): Step {
  let next = 0;
  return async (_n, lane) => {
    const order = orders[next];
    if (!order) return false;
    next += 1;
    await pay(http, order, lane);
    return true;
  };
}

const payment = JSON.stringify({ method: "card", token: "tok_ok" });

async function pay(http: Http, { id, token }: Placed, lane: number): Promise<void> {
  const { status, body } = await http.send(
    {
      method: "POST",
      path: `/api/v1/orders/${id}/pay`,
      headers: [...json, ...bearer(token), "idempotency-key", `pay-${id}`],
      body: payment,
    },
    lane,
  );
  if (status !== 200) throw unexpected(status, body);
}

function placing(work: Work & { kind: "place" | "checkout" }, http: Http, random: () => number) {
  const { tokens, skus, lines } = work;
  const untilSoldOut = work.kind === "place" && work.untilSoldOut === true;
  const most = (work.kind === "place" ? work.most : undefined) ?? Infinity;
  const run = randomUUID();
  return async (n: number, lane: number): Promise<Placed | null> => {
    if (n > most) return null;
    const token = tokens[n % tokens.length] ?? "";
    const body = JSON.stringify({ items: several(skus, lines, random).map((sku) => ({ sku, quantity: 1 })) });
    const headers = [...json, ...bearer(token), "idempotency-key", `${run}-${n}`];
    const answer = await http.send({ method: "POST", path: "/api/v1/orders", headers, body, wantsBody: true }, lane);
    if (answer.status === 201) return { id: idOf(answer.body), token };
    if (untilSoldOut && answer.status === 409 && codeOf(answer) === "OUT_OF_STOCK") return null;
    throw unexpected(answer.status, answer.body);
  };
}

function several(skus: readonly string[], count: number, random: () => number): string[] {
  const chosen = new Set<string>();
  while (chosen.size < Math.min(count, skus.length)) chosen.add(pick(skus, random));
  return [...chosen];
}

function pick<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)] as T;
}

const bearer = (token: string | undefined): string[] =>
  token === undefined ? [] : ["authorization", `Bearer ${token}`];

/** The id is an order's first member; parsing all of it would cost the machine more than it tells. */
function idOf(body: string): string {
  const id = /^\{"id":"([^"]+)"/.exec(body)?.[1];
  if (id === undefined) throw new Unexpected(`an order without an id: ${body.slice(0, 100)}`);
  return id;
}

const unexpected = (status: number, body: string): Unexpected =>
  new Unexpected(`${status} ${codeOf({ status, body })}`);

function codeOf({ body }: Answer): string {
  return /"code":"([A-Z0-9_]+)"/.exec(body)?.[1] ?? body.slice(0, 80);
}
