import { archiveOld, inboxArchive, outboxArchive } from "../../../lib/archive.ts";
import type { AuditPage } from "../../../contracts/audit.ts";
import type { Identity } from "../../../contracts/bus.ts";
import { encodeCursor } from "../../../lib/page.ts";
import { newId } from "../../../lib/ids.ts";
import { expiredRepository } from "../../../services/auth/expired.repository.ts";
import { deliveriesArchive } from "../../../services/notify/deliveries.repository.ts";
import { examine } from "../../../services/ops/doctor.ts";
import { notReceived } from "../../../services/ops/not-received.ts";
import { auditors, peersOver, senders, type Peers } from "../../../services/ops/peers.ts";
import { keysArchive } from "../../../services/orders/answered-keys.ts";
import { handledEvents } from "../../../services/payments/provider-events.repository.ts";
import { eventually } from "../../support/wait.ts";
import { startWorld, type World } from "../ops/world.ts";
import { fill } from "./fill.ts";
import { faultOf, record, type Statement } from "./recorder.ts";

const services = ["auth", "users", "products", "inventory", "orders", "payments", "notify", "ops"];

describe.each(["SQLite", "MySQL"])("every statement over large tables on %s", (store) => {
  let world: World;
  const seen = new Map<string, Statement>();

  beforeAll(async () => {
    world = await startWorld(store);
    await Promise.all(services.map((service) => fill(service, world.db(service))));
    for (const service of services) record(service, world.db(service), seen);
    await useEverything(world, seen);
  }, 120_000);
  afterAll(() => world.stop());

  it("finds its rows by an index", async () => {
    const faults: string[] = [];
    const statements = [...seen.values()];
    for (const statement of statements) {
      const fault = await faultOf(world.db(statement.service), statement);
      if (fault !== null)
        faults.push(`${statement.service}: ${statement.sql.replace(/\s+/g, " ").slice(0, 400)}\n  ${fault}`);
    }

    expect(faults.join("\n")).toBe("");
    expect(statements.length).toBeGreaterThan(250);
  });
});

/** Every list, sweep, relay, poller and check, and what people do. */
async function useEverything(world: World, seen: ReadonlyMap<string, Statement>): Promise<void> {
  const { node, boss, ann, sku, orders, db } = world;
  const { broker } = node;
  const call = broker.call.bind(broker) as (name: string, params?: object, options?: object) => Promise<unknown>;
  const as = (user: Identity, name: string, params: object = {}) =>
    call(name, params, { meta: { user, idempotencyKey: newId() } }).catch((error: unknown) => {
      // some are refused, once they have looked
      if ((error as { code?: number }).code === 500 || !(error as { type?: string }).type) throw error;
    });

  for (const sort of ["name", "price", "-price", "newest"]) {
    const first = (await as(ann, "products.list", { sort, limit: 5 })) as { nextCursor: string };
    await as(ann, "products.list", { sort, limit: 5, cursor: first.nextCursor });
  }
  for (const search of ["lamp", "lantern"]) await as(ann, "products.list", { search, limit: 5 });
  await as(ann, "products.list", { inStock: true, limit: 5 });
  await as(ann, "products.get", { sku });
  await as(boss, "products.update", { sku, priceCents: 260 });
  await as(boss, "products.import", { csv: "sku,name,priceCents\nNEW-1,New,100\nLAMP,Lamp,250\n" });
  await as(boss, "inventory.get", { sku });
  await as(boss, "inventory.adjust", { sku, delta: 5, reason: "found" });

  const placed = (await as(ann, "orders.place", { items: [{ sku, quantity: 1 }] })) as { id: string };
  const paid = (await as(ann, "orders.place", { items: [{ sku, quantity: 1 }] })) as { id: string };
  await as(ann, "orders.pay", { id: paid.id, method: "card", token: "tok_ok" });
  await as(ann, "orders.cancel", { id: placed.id });
  await as(boss, "orders.refund", { id: paid.id, amountCents: 1, reason: "scratched" });
  await as(boss, "orders.ship", { id: paid.id, carrier: "Post", trackingNumber: "1" });
  await as(boss, "orders.complete", { id: paid.id });
  for (const who of [ann, boss]) {
    for (const filter of [{}, { status: "PAID" }]) {
      const page = (await as(who, "orders.list", { ...filter, limit: 1 })) as { nextCursor: string };
      await as(who, "orders.list", { ...filter, limit: 1, cursor: page.nextCursor });
    }
  }
  await as(ann, "orders.get", { id: paid.id });
  await as(ann, "orders.timeline", { id: paid.id });
  await as(ann, "payments.get", { id: world.paymentOf(orders.paid) });
  for (const unread of [true, false]) {
    const page = (await as(ann, "notify.list", { unread, limit: 1 })) as {
      nextCursor: string;
      items: { id: string }[];
    };
    await as(ann, "notify.list", { unread, limit: 1, cursor: page.nextCursor });
    if (page.items[0]) await as(ann, "notify.read", { id: page.items[0].id });
  }
  await call("notify.since", { userId: ann.id, after: 0, limit: 10 });
  const mails = (await as(boss, "notify.mailbox", { limit: 1 })) as { nextCursor: string };
  await as(boss, "notify.mailbox", { limit: 1, cursor: mails.nextCursor });
  await as(boss, "notify.mailbox", { to: "ann@example.com", limit: 1 });
  await as(boss, "users.list", { limit: 5 });
  await as(boss, "users.list", { limit: 5, search: "ann" });
  await as(ann, "users.me");
  await as(ann, "users.addresses", { limit: 5 });
  await as(ann, "users.exportMe");
  await as(ann, "ops.explain", { id: paid.id });
  await as(boss, "ops.explain", { id: paid.id });
  for (const filter of [{}, { actor: ann.id }, { target: `order ${paid.id}` }]) {
    await as(boss, "ops.auditLog", { limit: 5, ...filter });
  }
  for (const name of ["ops.outbox", "ops.deadLetters", "ops.live", "ops.nodes"]) await as(boss, name, {});
  for (const service of ["orders", "payments", "inventory", "notify", "auth", "users"]) {
    const hasten = ["orders", "payments", "notify"].includes(service) ? ["hasten"] : [];
    const queues = ["orders", "payments", "users"].includes(service) ? ["outboxHasten"] : [];
    for (const action of [...hasten, ...queues]) await call(`${service}.${action}`);
  }

  const stopping = new AbortController().signal;
  const peers = peersOver(broker);
  for (const action of [...auditors.map((one) => `${one}.audit`), ...senders.map((one) => `${one}.outboxAudit`)]) {
    for (let phase = 0; phase < mostPhases; phase += 1) {
      const { nextCursor } = (await call(action, { cursor: encodeCursor([phase, ""]) })) as AuditPage;
      if (nextCursor !== null) await call(action, { cursor: nextCursor });
    }
  }
  await examine({
    peers: briefly(peers),
    now: Date.now,
    depths: null,
    stopping,
    secondLooksAfterMs: [],
    longestPeakMs: 0,
  });
  const [event] = await db("orders").select<{ id: string }>("SELECT id FROM outbox ORDER BY id DESC LIMIT 1");
  await peers.outbox("orders", "outboxRepublish", { ids: [String(event?.id)] });
  await peers.outbox("orders", "outboxSince", { after: String(event?.id), limit: 10 });
  for await (const page of notReceived({ peers, stopping }, "users")) if (page.asked > 0) break;
  await call("auth.revocations", { after: 0 }).catch(() => {});

  for (const [service, tables] of Object.entries({
    users: [outboxArchive],
    orders: [outboxArchive, inboxArchive, keysArchive],
    payments: [outboxArchive, handledEvents],
    notify: [inboxArchive, deliveriesArchive],
  })) {
    // copies would meet those that the archive was filled with
    for (const table of tables) {
      await archiveOld(db(service), table, { ageMs: 86_400_000, limit: 20 }).catch(() => {});
    }
  }
  await as(ann, "users.eraseMe");
  await expiredRepository(db("auth")).sweep(Date.now(), 10);
  const waited = new Set(loops);
  await eventually(() => {
    for (const loop of waited) if ([...seen.keys()].some((sql) => loop.test(sql))) waited.delete(loop);
    return Promise.resolve(waited.size === 0);
  }).catch(() => {
    throw new Error(`never asked: ${[...waited].join(", ")}`);
  });
}

/** What relays, sweeps and consumers look for again and again. */
const loops = [
  /orders: SELECT .* FROM orders WHERE status = 'CREATED' AND expires_at/,
  /orders: SELECT .* FROM refunds WHERE status = 'REQUESTED' AND due_at/,
  /orders: SELECT .* FROM erasures WHERE due_at/,
  /orders: SELECT .* FROM outbox WHERE published_at IS NULL/,
  /inventory: SELECT .* FROM reservations WHERE status = 'HELD'/,
  /notify: SELECT .* FROM inbox AS i WHERE status = 'WAITING'/,
  /notify: SELECT .* FROM deliveries WHERE status = 'PENDING'/,
  /payments: SELECT .* FROM payments WHERE next_check_at/,
  /payments: SELECT .* FROM refunds WHERE next_attempt_at/,
  /payments: SELECT .* FROM provider_events WHERE due_at/,
];

const mostPhases = 8;
const mostPages = 2;

/** The other services, but of what goes on page after page the first pages only. */
function briefly(peers: Peers): Peers {
  const asked = new Map<string, number>();
  const isEnough = (name: string, params: object): boolean => {
    if (!("after" in params) || params.after === undefined) return false;
    asked.set(name, (asked.get(name) ?? 0) + 1);
    return Number(asked.get(name)) > mostPages;
  };
  const ended = (name: string): unknown => {
    if (name.endsWith("udit")) return { findings: [], nextCursor: null };
    return name.endsWith("Counts") ? { counts: {}, next: null } : [];
  };
  const capped = (name: string, params: object, ask: () => Promise<unknown>): Promise<unknown> =>
    name.endsWith("udit") || isEnough(name, params) ? Promise.resolve(ended(name)) : ask();
  return {
    ...peers,
    call: (name: never, params: never) => capped(name, params, () => peers.call(name, params)),
    outbox: (sender: never, name: never, params: never) =>
      capped(`${String(sender)}.${String(name)}`, params, () => peers.outbox(sender, name, params)),
    inbox: (consumer: never, name: never, params: never) =>
      capped(`${String(consumer)}.${String(name)}`, params, () => peers.inbox(consumer, name, params)),
  };
}
