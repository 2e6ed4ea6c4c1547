import type { StoreConfig } from "../lib/database.ts";
import { openDatabase } from "../lib/database.ts";
import { delay } from "../lib/time.ts";
import type { Order, OrderStatus } from "../contracts/orders.ts";
import type { Journal, SandboxCharge } from "../services/payments/providers/sandbox/api.ts";
import type { Identity } from "./caller.ts";
import { linesOf } from "./history.ts";
import { exchange } from "./http.ts";

// What the system says of itself once all is quiet, over its public interface where it can be asked there, and what the
// parties outside of it know.

/** An order as it is stored. */
export interface StoredOrder {
  id: string;
  /** The key that it was asked for with: orders of the load carry it in their note. */
  key: string | null;
  status: OrderStatus;
  lines: string;
  units: readonly { sku: string; quantity: number }[];
  totalCents: number;
  refundedCents: number;
  paymentId: string | null;
  wasShipped: boolean;
}

/** Money that a provider took for a payment, and how much of it went back. */
export interface Charge {
  paymentId: string;
  status: SandboxCharge["status"];
  amountCents: number;
  refundedCents: number;
}

/** An e-mail as the system knows of it. */
export interface StoredMail {
  id: string;
  eventId: string;
  userId: string;
  type: string;
  orderId: string | null;
  status: string;
}

const ordersInPage = 100;
const chargesInPage = 1_000;
const mailsInPage = 5_000;
const mostTries = 10;
const pauseMs = 500;

/** Speaks as the administrator, to whichever gateway answers. */
export class Auditor {
  readonly #gateways: readonly string[];
  readonly #as: Identity;
  #turn = 0;

  constructor(gateways: readonly string[], as: Identity) {
    this.#gateways = gateways;
    this.#as = as;
  }

  async get<T>(path: string, timeoutMs = 30_000): Promise<T> {
    let last = "";
    for (let attempt = 1; attempt <= mostTries; attempt += 1) {
      const gateway = this.#gateways[this.#turn % this.#gateways.length] ?? "";
      const token = await this.#as.token();
      const result = await exchange({ gateway, method: "GET", path: `/api/v1${path}`, token, timeoutMs });
      if (result.answered && result.status === 200) return result.body as T;
      last = result.answered ? `${result.status} ${JSON.stringify(result.body)}` : result.why;
      if (result.answered && result.status === 401 && token !== null) this.#as.forget(token);
      // who answered well is asked again
      this.#turn += 1;
      await delay(pauseMs);
    }
    throw new Error(`GET ${path} was not answered in ${mostTries} tries, the last time: ${last}`);
  }
}

interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** All orders, by id. */
export async function storedOrders(auditor: Auditor): Promise<Map<string, StoredOrder>> {
  const stored = new Map<string, StoredOrder>();
  for (let cursor: string | null = ""; cursor !== null;) {
    const after: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page<Order> = await auditor.get(`/orders?limit=${ordersInPage}${after}`);
    for (const order of page.items) stored.set(order.id, toStored(order));
    cursor = page.nextCursor;
  }
  return stored;
}

const toStored = (order: Order): StoredOrder => ({
  id: order.id,
  key: order.note,
  status: order.status,
  lines: linesOf(order.lines),
  units: order.lines.map(({ sku, quantity }) => ({ sku, quantity })),
  totalCents: order.totalCents,
  refundedCents: order.refundedCents,
  paymentId: order.paymentId,
  wasShipped: order.shippedAt !== null,
});

/** The books of the sandbox, asked of itself. */
export async function chargesOf(sandboxUrl: string): Promise<Charge[]> {
  const all: Charge[] = [];
  for (let after: string | null = ""; after !== null;) {
    const url: string = `${sandboxUrl}/journal?limit=${chargesInPage}&after=${after}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
    if (response.status !== 200) throw new Error(`the sandbox's journal answered ${response.status}`);
    const { charges, refunds } = (await response.json()) as Journal;
    const byCharge = Map.groupBy(refunds, ({ chargeRef }) => chargeRef);
    for (const { ref, reference, status, amountCents } of charges) {
      const refundedCents = (byCharge.get(ref) ?? []).reduce((sum, refund) => sum + refund.amountCents, 0);
      all.push({ paymentId: reference, status, amountCents, refundedCents });
    }
    after = charges.length < chargesInPage ? null : (charges.at(-1)?.ref ?? null);
  }
  return all;
}

/** What notify's own table says of every e-mail. */
export async function storedMails(store: StoreConfig): Promise<StoredMail[]> {
  const db = await openDatabase(store, "notify");
  try {
    const all: StoredMail[] = [];
    for (let after: string | null = ""; after !== null;) {
      const rows: StoredMail[] = await db.select<StoredMail>(
        `SELECT id, event_id AS eventId, user_id AS userId, type, order_id AS orderId, status
         FROM deliveries WHERE channel = 'email' AND id > ? ORDER BY id LIMIT ${mailsInPage}`,
        [after],
      );
      for (const row of rows) all.push(row);
      after = rows.length < mailsInPage ? null : (rows.at(-1)?.id ?? null);
    }
    return all;
  } finally {
    await db.close();
  }
}

/** What the database counted since it was last started. */
export interface LockCounts {
  commits: number;
  deadlocks: number;
}

export async function lockCounts(store: StoreConfig): Promise<LockCounts> {
  const db = await openDatabase(store, "orders");
  try {
    const [commits] = await db.select<{ Value: string }>("SHOW GLOBAL STATUS LIKE 'Com_commit'");
    const [deadlocks] = await db.select<{ n: number | string }>(
      "SELECT count AS n FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'",
    );
    return { commits: Number(commits?.Value ?? 0), deadlocks: Number(deadlocks?.n ?? 0) };
  } finally {
    await db.close();
  }
}

/** Units on hand of each product. */
export async function unitsOnHand(auditor: Auditor, skus: readonly string[]): Promise<Map<string, number>> {
  const levels = new Map<string, number>();
  for (const sku of skus) {
    const { onHand } = await auditor.get<{ onHand: number }>(`/inventory/${encodeURIComponent(sku)}`);
    levels.set(sku, onHand);
  }
  return levels;
}
