import { createServer } from "node:http";
import type { Config } from "../../../config.ts";
import type { AppBroker } from "../../../contracts/bus.ts";
import type { Payment } from "../../../contracts/payments.ts";
import { openDatabase, type Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { derivedKey } from "../../../lib/secrets.ts";
import type { Journal } from "../../../services/payments/providers/sandbox/api.ts";
import { sign } from "../../../services/payments/providers/sandbox/signature.ts";
import payments from "../../../services/payments/payments.service.ts";
import { neighbour, startBroker } from "../../support/broker.ts";
import { freePort, testConfig } from "../../support/config.ts";
import { dropDatabases, testDatabaseUrl, uniquePrefix } from "../../support/stores.ts";
import { eventually } from "../../support/wait.ts";

export type StoreName = "SQLite" | "MySQL";

/** The payments service in a real broker, with its sandbox, and a small HTTP server in the gateway's place. */
export interface Shop {
  broker: AppBroker;
  config: Config;
  db: Database;
  sandboxUrl: string;
  webhooks: Webhook[];
  pay(fields?: object): Promise<Payment>;
  stored(payment: { id: string }): Promise<Payment>;
  /** Waits until the payment has this status. */
  becomes(payment: { id: string }, status: Payment["status"], withinMs?: number): Promise<Payment>;
  journal(): Promise<Journal>;
  /** What `notify` was told, as `type` and the payment's id. */
  told(): { type: string; paymentId: string }[];
  /** Calls the webhook action with these bytes, signed as the sandbox signs them unless told otherwise. */
  deliver(body: object | string, signature?: string): Promise<{ received: true }>;
  signature(body: string, options?: { secret?: string; atMs?: number }): string;
  stop(): Promise<void>;
}

export interface Webhook {
  event: { id: string; type: string; data: { reference: string } };
  status: number;
}

const staff = { id: newId(), roles: ["admin" as const], sessionId: newId() };

export async function openShop(store: StoreName, env: Record<string, string> = {}): Promise<Shop> {
  const prefix = uniquePrefix();
  const port = await freePort();
  const config = testConfig({
    PORT: String(port),
    ...(store === "MySQL" ? { DATABASE_URL: testDatabaseUrl(), DATABASE_PREFIX: prefix } : {}),
    ...env,
  });
  const notify = neighbour("notify", { receive: () => null });
  const orders = neighbour("orders", { receive: () => null });
  const running = await startBroker([payments, notify, orders], config);
  const { broker } = running;
  const webhooks: Webhook[] = [];
  const gateway = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const provider = (request.url ?? "").replace("/api/v1/payments/webhooks/", "");
    const status = await broker
      .call("payments.webhook", { provider, body: body.toString("base64"), headers: headersOf(request.headers) })
      .then(
        () => 200,
        (error: { code: number }) => error.code,
      );
    webhooks.push({ event: JSON.parse(body.toString()) as Webhook["event"], status });
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => gateway.listen(port, "127.0.0.1", resolve));
  const db = await openDatabase(config.store, "payments");
  const service = broker.getLocalService("payments") as unknown as { hosted: { url: string } | null };
  const sandboxUrl = config.sandboxUrl ?? service.hosted?.url ?? "";
  const secret = derivedKey(config, "sandbox-webhooks").toString("hex");

  const shop: Shop = {
    broker,
    config,
    db,
    sandboxUrl,
    webhooks,
    pay: (fields = {}) =>
      broker.call("payments.create", {
        orderId: newId(),
        customerId: newId(),
        amountCents: 1_000,
        currency: "GBP",
        method: "card",
        ...fields,
      }),
    stored: ({ id }) => broker.call("payments.get", { id }, { meta: { user: staff } }),
    becomes: (payment, status, withinMs) =>
      eventually(async () => {
        const current = await shop.stored(payment);
        return current.status === status && current;
      }, withinMs),
    journal: async () => (await (await fetch(`${sandboxUrl}/journal`)).json()) as Journal,
    told: () =>
      notify.asked.flatMap(({ params }) =>
        (params as { events: { type: string; data: { paymentId: string } }[] }).events.map(({ type, data }) => ({
          type,
          paymentId: data.paymentId,
        })),
      ),
    signature: (body, options = {}) => sign(Buffer.from(body), options.secret ?? secret, options.atMs ?? Date.now()),
    deliver(body, signature) {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      return broker.call("payments.webhook", {
        provider: "sandbox",
        body: Buffer.from(text).toString("base64"),
        headers: { "hub-signature": signature ?? shop.signature(text) },
      });
    },
    async stop() {
      await running.stop();
      gateway.closeAllConnections();
      await new Promise((resolve) => gateway.close(resolve));
      await db.close();
      if (store === "MySQL") await dropDatabases(testDatabaseUrl(), prefix);
    },
  };
  return shop;
}

const headersOf = (headers: NodeJS.Dict<string | string[]>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );

interface LedgerRow {
  id: string;
  payment_id: string;
  kind: string;
  amount_cents: number | string;
  currency: string;
}

/**
 * The invariant of this service: once nothing is open, our ledger has exactly the money that the provider's journal has,
 * line by line, no order was charged twice, and each payment's row adds up.
 */
export async function expectBooksToAgree(shop: Shop): Promise<void> {
  await eventually(async () => {
    const [row] = await shop.db.select<{ n: number | string }>(
      "SELECT COUNT(*) AS n FROM payments WHERE status = 'PENDING'",
    );
    return Number(row?.n) === 0;
  }, 20_000);
  const { charges, refunds } = await shop.journal();
  const succeeded = charges.filter(({ status }) => status === "succeeded");
  const paymentOf = new Map(charges.map(({ ref, reference }) => [ref, reference]));
  const theirs = [
    ...succeeded.map(({ reference, amountCents, currency }) => `${reference} ${reference} ${amountCents} ${currency}`),
    ...refunds.map(
      ({ refundId, chargeRef, amountCents }) => `${refundId} ${paymentOf.get(chargeRef)} ${-amountCents} GBP`,
    ),
  ];
  const ledger = await shop.db.select<LedgerRow>("SELECT * FROM payment_ledger");
  const ours = ledger.map((row) => `${row.id} ${row.payment_id} ${Number(row.amount_cents)} ${row.currency}`);
  expect(ours.sort()).toEqual(theirs.sort());

  const twice = await shop.db.select(
    "SELECT order_id FROM payment_ledger WHERE kind = 'charge' GROUP BY order_id HAVING COUNT(*) > 1",
  );
  expect(twice).toEqual([]);
  const uneven = await shop.db.select(
    `SELECT p.id FROM payments p WHERE p.refunded_cents <>
       (SELECT COALESCE(SUM(-l.amount_cents), 0) FROM payment_ledger l WHERE l.payment_id = p.id AND l.kind = 'refund')`,
  );
  expect(uneven).toEqual([]);
}
