import type { Order } from "../../contracts/orders.ts";
import type { Payment } from "../../contracts/payments.ts";
import { delay } from "../../lib/time.ts";
import { NoAnswer, Refused, ScriptError, type RestAnswer, type RestClient, type RestRequest } from "../rest-client.ts";
import type { PlannedOrder } from "./plan.ts";

const password = "replayed from a till";
const maxTries = 8;
const maxRestocks = 2_000;

export interface Placed {
  order: Order;
  payment: Payment;
}

/** Milliseconds that requests took, by kind. */
export type Timings = Map<string, number[]>;

export interface Shopper {
  /** Registers a customer, or signs them in when they have an account; answers with the access token. */
  signIn(customer: string): Promise<string>;
  /** Places and pays one order, restocking what is missing. */
  buy(planned: PlannedOrder, token: string): Promise<Placed>;
}

/**
 * A shopper in the running system. Its idempotency keys are made of the invoice's number, so what it did in an earlier
 * run is not done again.
 */
export function shopper(
  client: RestClient,
  adminToken: string,
  { demand, timings }: { demand: ReadonlyMap<string, number>; timings: Timings },
): Shopper {
  const timed = async <T>(kind: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      const taken = timings.get(kind) ?? [];
      timings.set(kind, taken);
      taken.push(performance.now() - startedAt);
    }
  };
  const send = async <T>(kind: string, path: string, request: RestRequest): Promise<RestAnswer<T>> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await timed(kind, () => client.send<T>(path, request));
      } catch (error) {
        const waitMs = attempt < maxTries ? retryDelayMs(error, attempt) : null;
        if (waitMs === null) throw error;
        await delay(waitMs);
      }
    }
  };
  const post = async <T>(kind: string, path: string, body: object): Promise<T> =>
    (await send<T>(kind, path, { method: "POST", body })).body;

  // Registrations are few in a minute, and so are failed log-ins: what the last customer had is tried first.
  let known = false;
  const logIn = async (email: string): Promise<string | null> => {
    const session = await unless("INVALID_CREDENTIALS", post<Session>("log in", "/auth/login", { email, password }));
    return session?.accessToken ?? null;
  };
  const register = async (email: string, name: string): Promise<string | null> => {
    const body = { email, password, name };
    const session = await unless("EMAIL_TAKEN", post<Session>("register", "/auth/register", body));
    return session?.accessToken ?? null;
  };

  const restock = async ({ sku, requested, available }: Shortage, invoice: string): Promise<void> => {
    // enough for the rest of the file too, so that each product is restocked once
    const delta = requested - available + (demand.get(sku) ?? 0);
    await send("restock", `/inventory/${encodeURIComponent(sku)}/adjustments`, {
      method: "POST",
      body: { delta, reason: `replay of invoice ${invoice}` },
      token: adminToken,
    });
  };

  const place = async ({ invoice, items }: PlannedOrder, token: string): Promise<Order> => {
    for (let restocks = 0; ; restocks += 1) {
      try {
        const headers = { "idempotency-key": `replay-${invoice}-place` };
        return (await send<Order>("place", "/orders", { method: "POST", body: { items }, token, headers })).body;
      } catch (error) {
        const shortage = shortageOf(error);
        if (shortage === null || restocks >= maxRestocks) throw error;
        await restock(shortage, invoice);
      }
    }
  };

  return {
    async signIn(customer) {
      const email = `customer-${customer}@example.com`;
      const name = `Customer ${customer}`;
      const logInFirst = known;
      const token = await (logInFirst ? logIn(email) : register(email, name));
      if (token !== null) return token;
      known = !logInFirst;
      const other = await (logInFirst ? register(email, name) : logIn(email));
      if (other !== null) return other;
      throw new ScriptError(`the account ${email} is there already, with another password`);
    },
    async buy(planned, token) {
      const order = await place(planned, token);
      const { body: payment } = await send<Payment>("pay", `/orders/${order.id}/pay`, {
        method: "POST",
        body: { method: "card", token: "tok_ok" },
        token,
        headers: { "idempotency-key": `replay-${planned.invoice}-pay` },
      });
      return { order, payment };
    },
  };
}

/** What `answer` brings, or null when it is refused with this code. */
async function unless<T>(code: string, answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Refused && error.code === code) return null;
    throw error;
  }
}

interface Session {
  accessToken: string;
}

interface Shortage {
  sku: string;
  requested: number;
  available: number;
}

function shortageOf(error: unknown): Shortage | null {
  if (!(error instanceof Refused) || error.code !== "OUT_OF_STOCK") return null;
  const { sku, requested, available } = error.problem;
  if (typeof sku !== "string" || typeof requested !== "number" || typeof available !== "number") return null;
  return { sku, requested, available };
}

/** How long to wait before the same request again; null when that would not help. */
function retryDelayMs(error: unknown, attempt: number): number | null {
  // with its key a request can be repeated whatever became of it
  if (error instanceof NoAnswer) return 200 * attempt;
  if (!(error instanceof Refused)) return null;
  if (error.retryAfterSeconds !== null) return error.retryAfterSeconds * 1_000;
  return error.status >= 500 ? 200 * attempt : null;
}
