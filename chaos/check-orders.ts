import type { Goods } from "./catalogue.ts";
import type { Charge, LockCounts, StoredMail, StoredOrder } from "./evidence.ts";
import type { History, Operation } from "./history.ts";
import { Check, type Verdict } from "./verdict.ts";

// What clients were told, what is stored, what the provider and the mail server know: pure, so that each falsehood can be
// shown to turn it red.

/** The numbers that the run is about. */
export interface Counts {
  /** Requests, and what they were to do. */
  attempts: number;
  operations: number;
  /** Orders a client was told of. */
  acknowledged: number;
  /** Of those, not stored, or not as they were told. */
  lost: number;
  /** Stored though nobody asked for them, or though they were refused for good. */
  unexpected: number;
  /** Keys with more than one order. */
  duplicated: number;
  /** Operations that ended well after a try of unknown outcome. */
  recovered: number;
}

type Told = Pick<History, "operations" | "orders" | "conflicts" | "tries">;
type Stored = ReadonlyMap<string, StoredOrder>;

export function checkOrders(history: Told, stored: Stored): { verdicts: Verdict[]; counts: Counts } {
  const kept = new Check("I1", "Every order a client was told of is stored, with the same lines and total");
  kept.see(history.orders.size);
  for (const { id, lines, totalCents, operation } of history.orders.values()) {
    const found = stored.get(id);
    if (!found) kept.violated(`${id} (${operation.key}) is not stored`, id);
    else if (found.lines !== lines || found.totalCents !== totalCents)
      kept.violated(`${id} (${operation.key}) is not as it was told`, id);
  }

  const placing = new Map(history.operations.filter(({ kind }) => kind === "place").map((one) => [one.key, one]));
  const expected = new Check("I1", "No order is stored that nobody asked for, or that was refused for good");
  const once = new Check("I2", "One order for each key, and one id in all answers to it");
  expected.see(stored.size);
  once.see(placing.size);
  const byKey = Map.groupBy(stored.values(), ({ key }) => key);
  for (const [key, orders] of byKey) {
    const operation = placing.get(key);
    const [first] = orders;
    if (!operation) expected.violated(`${first?.id} of the unknown key ${key}`, first?.id);
    else if (operation.outcome === "fail") expected.violated(`${first?.id} of the refused key ${key}`, first?.id);
    if (orders.length > 1) once.violated(`${key}: ${orders.map(({ id }) => id).join(", ")}`, first?.id);
  }
  for (const { operation, orders } of history.conflicts) once.violated(`${operation.key}: told ${orders.join(", ")}`);

  const known = new Check("I2", "Every request whose outcome was unknown was answered in the end");
  known.see(history.operations.length);
  for (const one of history.operations) {
    if (one.outcome === "open" && isRepeated(one))
      known.violated(`${one.kind} ${one.key ?? one.order ?? one.id}`, one.order);
  }

  const [keptAs, expectedAs, onceAs] = [kept.verdict, expected.verdict, once.verdict];
  return {
    verdicts: [keptAs, expectedAs, onceAs, known.verdict],
    counts: {
      attempts: history.tries,
      operations: history.operations.length,
      acknowledged: history.orders.size,
      lost: keptAs.violations,
      unexpected: expectedAs.violations,
      duplicated: onceAs.violations,
      recovered: history.operations.filter(hasRecovered).length,
    },
  };
}

/** The probes ask once, whatever comes of it. */
const isRepeated = ({ kind }: Operation): boolean => kind !== "revoked token" && kind !== "wrong password";

const hasRecovered = ({ outcome, tries }: Operation): boolean =>
  outcome === "ok" && tries.some(({ ending }) => ending === "info");

const paid: ReadonlySet<string> = new Set(["PAID", "SHIPPED", "COMPLETED", "REFUNDED"]);

const isTaken = ({ status }: Charge): boolean => status === "succeeded";

/** The provider's books against the orders: what each order may keep of whose money, and nothing else. */
export function checkMoney(stored: Stored, charges: readonly Charge[]): Verdict[] {
  const check = new Check(
    "I3",
    "The provider's journal and the orders tell the same: one charge for what is paid, else nothing",
  );
  const byPayment = new Map(charges.map((charge) => [charge.paymentId, charge]));
  for (const [paymentId, taken] of Map.groupBy(charges.filter(isTaken), (charge) => charge.paymentId))
    if (taken.length > 1) check.violated(`payment ${paymentId} was charged ${taken.length} times`);
  const kept = new Map<string, StoredOrder>();
  check.see(stored.size + charges.length);
  for (const order of stored.values()) {
    if (!paid.has(order.status)) continue;
    const charge = order.paymentId === null ? undefined : byPayment.get(order.paymentId);
    if (!charge || charge.status !== "succeeded") {
      check.violated(`order ${order.id} is ${order.status}, and the provider has no money for it`, order.id);
      continue;
    }
    const other = kept.get(charge.paymentId);
    if (other) check.violated(`payment ${charge.paymentId} paid ${other.id} and ${order.id}`, order.id);
    kept.set(charge.paymentId, order);
    if (charge.amountCents !== order.totalCents || charge.refundedCents !== order.refundedCents)
      check.violated(
        `order ${order.id}: ${order.totalCents} less ${order.refundedCents}, at the provider ${charge.amountCents} less ${charge.refundedCents}`,
        order.id,
      );
  }
  for (const { paymentId, status, amountCents, refundedCents } of charges) {
    if (status !== "succeeded" || kept.has(paymentId) || amountCents === refundedCents) continue;
    check.violated(`payment ${paymentId}: the provider keeps ${amountCents - refundedCents} for no order`);
  }
  return [check.verdict];
}

const sold: ReadonlySet<string> = new Set(["PAID", "SHIPPED", "COMPLETED"]);

/** What is on hand is what there was, less what was sold. */
export function checkStock(stored: Stored, goods: readonly Goods[], onHand: ReadonlyMap<string, number>): Verdict[] {
  const check = new Check("I4", "On hand is what there was at first, less what was sold: no unit twice, none vanished");
  const gone = new Map<string, number>();
  for (const { status, wasShipped, units } of stored.values()) {
    // goods that were sent stay away, also when their price was returned
    if (!sold.has(status) && !(status === "REFUNDED" && wasShipped)) continue;
    for (const { sku, quantity } of units) gone.set(sku, (gone.get(sku) ?? 0) + quantity);
  }
  check.see(goods.length);
  for (const { sku, onHand: first } of goods) {
    const left = first - (gone.get(sku) ?? 0);
    if (left < 0) check.violated(`${sku}: ${gone.get(sku)} of ${first} were sold`);
    else if (onHand.get(sku) !== left) check.violated(`${sku}: ${onHand.get(sku)} on hand, ${left} expected`);
  }
  return [check.verdict];
}

/** Of so many transactions one may deadlock: where the same rows are locked in one order, next to none does. */
const commitsForEachDeadlock = 1_000;

/** A deadlock is repeated and nobody sees it, but what locks in any order stands still once many come at once. */
export function checkLocks({ commits, deadlocks }: LockCounts): Verdict[] {
  const check = new Check("I4", "Rows are locked in one order: hardly a transaction meets a deadlock");
  check.see(commits);
  if (deadlocks * commitsForEachDeadlock > commits) check.violated(`${deadlocks} deadlocks beside ${commits} commits`);
  return [check.verdict];
}

export interface Mails {
  stored: readonly StoredMail[];
  /** How often the mail server got each Message-ID. */
  received: ReadonlyMap<string, number>;
}

/** E-mails against the mail server's count, and against the orders that clients were told of. */
export function checkMails({ orders }: Pick<Told, "orders">, { stored, received }: Mails): Verdict[] {
  const once = new Check("I5", "One e-mail for each event and person, and one about each new order");
  const arrived = new Check("I5", "Every e-mail that was sent reached the mail server, and no other did");
  const told = new Set<string>();
  const created = new Set<string>();
  const ids = new Set<string>();
  once.see(stored.length + orders.size);
  arrived.see(stored.length + received.size);
  for (const { id, eventId, userId, type, orderId, status } of stored) {
    const messageId = `<${id}@enterprise-hub>`;
    ids.add(messageId);
    const telling = `${eventId} ${userId}`;
    if (told.has(telling)) once.violated(`event ${eventId} for ${userId}`, orderId);
    told.add(telling);
    if (type === "order.created" && orderId !== null) {
      if (created.has(orderId)) once.violated(`two e-mails say that order ${orderId} was placed`, orderId);
      created.add(orderId);
    }
    if (status === "SENT" && !received.has(messageId))
      arrived.violated(`${messageId} (${type}) never arrived`, orderId);
  }
  for (const id of orders.keys()) if (!created.has(id)) once.violated(`no e-mail says that order ${id} was placed`, id);
  for (const id of received.keys()) if (!ids.has(id)) arrived.violated(`${id} arrived, and nobody knows of it`);
  return [once.verdict, arrived.verdict];
}
