import type { Identity } from "../../../contracts/bus.ts";
import type { Order } from "../../../contracts/orders.ts";
import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import auth from "../../../services/auth/auth.service.ts";
import inventory from "../../../services/inventory/inventory.service.ts";
import notify from "../../../services/notify/notify.service.ts";
import ops from "../../../services/ops/ops.service.ts";
import { consumers, peersOver, senders } from "../../../services/ops/peers.ts";
import orders from "../../../services/orders/orders.service.ts";
import payments from "../../../services/payments/payments.service.ts";
import products from "../../../services/products/products.service.ts";
import users from "../../../services/users/users.service.ts";
import { startBroker, type TestBroker } from "../../support/broker.ts";
import { testConfig } from "../../support/config.ts";
import { dropDatabases, testDatabaseUrl, uniquePrefix } from "../../support/stores.ts";
import { eventually } from "../../support/wait.ts";

/** All services but the gateway in one broker, over real stores, with orders in every state that people lead to. */
export interface World {
  node: TestBroker;
  boss: Identity;
  ann: Identity;
  sku: string;
  orders: { open: Order; pending: Order; paid: Order; cancelled: Order; refunded: Order };
  /** Another order of Ann's. */
  placed: () => Promise<Order>;
  pay: (id: string, token: string) => Promise<unknown>;
  /** The id of the one payment of an order. */
  paymentOf: (order: Order) => string;
  db: (service: string) => Database;
  stop: () => Promise<void>;
}

export async function startWorld(store: string, settings: Record<string, string> = {}): Promise<World> {
  const prefix = uniquePrefix();
  const env: Record<string, string> =
    store === "SQLite" ? {} : { DATABASE_URL: testDatabaseUrl(), DATABASE_PREFIX: prefix };
  const services = [auth, users, products, inventory, orders, payments, notify, ops];
  const node = await startBroker(services, testConfig({ ...env, ...settings }));
  const { broker } = node;
  await broker.call("users.ensureAdmin", { email: "boss@example.com", password: "plum tart 77" });
  const signUp = async (): Promise<Identity> => {
    const person = { email: `${newId()}@example.com`, password: "plum tart 77", name: "Ann" };
    const { user } = await broker.call("auth.register", person);
    return { id: user.id, roles: user.roles, sessionId: newId() };
  };
  const ann = await signUp();
  const boss: Identity = { id: newId(), roles: ["admin"], sessionId: newId() };

  const sku = "LAMP";
  await broker.call("products.create", { sku, name: "Lamp", priceCents: 250 }, node.as(boss));
  await broker.call("inventory.set", { sku, onHand: 100 }, node.as(boss));
  const place = (): Promise<Order> => {
    const meta = { user: ann, idempotencyKey: newId() };
    return broker.call("orders.place", { items: [{ sku, quantity: 2 }] }, { meta });
  };
  const pay = (id: string, token: string) => broker.call("orders.pay", { id, method: "card", token }, node.as(ann));
  const world = {
    open: await place(),
    pending: await place(),
    paid: await place(),
    cancelled: await place(),
    refunded: await place(),
  };
  await pay(world.pending.id, "tok_approve");
  await pay(world.paid.id, "tok_ok");
  await pay(world.refunded.id, "tok_ok");
  await broker.call("orders.cancel", { id: world.cancelled.id }, node.as(ann));
  await broker.call("orders.refund", { id: world.refunded.id, amountCents: 200, reason: "scratched" }, node.as(boss));
  await broker.call("orders.refund", { id: world.refunded.id, reason: "broken" }, node.as(boss));
  const peers = peersOver(broker);
  await eventually(async () => {
    const outboxes = await Promise.all(senders.map((sender) => peers.outbox(sender, "outboxState", {})));
    if (outboxes.some(({ rows }) => rows > 0)) return false;
    const inboxes = await Promise.all(consumers.map((consumer) => peers.inbox(consumer, "inboxState", {})));
    return inboxes.every(({ waiting }) => waiting === 0);
  });

  const paymentIds = new Map<string, string>();
  for (const { id } of Object.values(world)) {
    const { items } = await broker.call("payments.ofOrder", { orderId: id });
    for (const payment of items) paymentIds.set(id, payment.id);
  }

  return {
    node,
    boss,
    ann,
    sku,
    orders: world,
    placed: place,
    pay,
    paymentOf: ({ id }) => paymentIds.get(id) ?? "",
    db: (service) => (broker.getLocalService(service) as unknown as { db: Database }).db,
    async stop() {
      await node.stop();
      if (store === "MySQL") await dropDatabases(testDatabaseUrl(), prefix);
    },
  };
}
