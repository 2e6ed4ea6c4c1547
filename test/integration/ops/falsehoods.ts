import type { CheckName } from "../../../contracts/audit.ts";
import { newId } from "../../../lib/ids.ts";
import type { World } from "./world.ts";

const later = Date.now() + 86_400_000;
const nobody = newId();

/** What a person with access to the databases might do, which checks find it, and whom they name. */
export interface Falsehood {
  name: string;
  service: string;
  /** The statement, and the one that makes it undone. */
  sql: (world: World) => [falsify: string, restore: string];
  red: CheckName[];
  names: (world: World) => string;
}

const paidId = ({ orders }: World): string => orders.paid.id;
const setAndBack = (table: string, column: string, by: number, where: string): [string, string] => [
  `UPDATE ${table} SET ${column} = ${column} + ${by} WHERE ${where}`,
  `UPDATE ${table} SET ${column} = ${column} - ${by} WHERE ${where}`,
];

export const falsehoods: Falsehood[] = [
  {
    name: "an answer for an order that never was",
    service: "orders",
    sql: ({ ann }) => [
      `INSERT INTO idempotency_keys (user_id, idempotency_key, fingerprint, status, body, created_at)
       VALUES ('${ann.id}', 'zz-key', 'f', 201, '{"id":"${nobody}"}', 1)`,
      "DELETE FROM idempotency_keys WHERE idempotency_key = 'zz-key'",
    ],
    red: ["orders.answers"],
    names: () => "zz-key",
  },
  {
    name: "a line that costs more",
    service: "orders",
    sql: (world) => setAndBack("order_lines", "line_total_cents", 1, `order_id = '${paidId(world)}'`),
    red: ["orders.sums"],
    names: paidId,
  },
  {
    name: "a refund that is counted and was not made",
    service: "orders",
    sql: (world) => setAndBack("orders", "refunded_cents", 5, `id = '${paidId(world)}'`),
    red: ["orders.sums", "orders.payments"],
    names: paidId,
  },
  {
    name: "a paid order that knows no payment",
    service: "orders",
    sql: (world) => [
      `UPDATE orders SET note = payment_id, payment_id = NULL WHERE id = '${paidId(world)}'`,
      `UPDATE orders SET payment_id = note, note = NULL WHERE id = '${paidId(world)}'`,
    ],
    red: ["orders.payments"],
    names: paidId,
  },
  {
    name: "an order that changed its status without a step",
    service: "orders",
    sql: (world) => [
      `UPDATE orders SET status = 'SHIPPED', shipped_at = 1 WHERE id = '${paidId(world)}'`,
      `UPDATE orders SET status = 'PAID', shipped_at = NULL WHERE id = '${paidId(world)}'`,
    ],
    red: ["orders.history"],
    names: paidId,
  },
  {
    name: "a history with a step that was not possible",
    service: "orders",
    sql: ({ orders: { cancelled } }) => [
      `UPDATE order_history SET type = 'order.completed' WHERE order_id = '${cancelled.id}' AND type = 'order.cancelled'`,
      `UPDATE order_history SET type = 'order.cancelled' WHERE order_id = '${cancelled.id}' AND type = 'order.completed'`,
    ],
    red: ["orders.history"],
    names: ({ orders }) => orders.cancelled.id,
  },
  {
    name: "an order whose last event is missing",
    service: "orders",
    sql: (world) => setAndBack("orders", "event_sequence", 1, `id = '${paidId(world)}'`),
    red: ["orders.events"],
    names: paidId,
  },
  {
    name: "a refund that nobody makes",
    service: "orders",
    sql: (world) => [
      `INSERT INTO refunds (id, order_id, payment_id, kind, amount_cents, reason, by_whom, status, created_at, due_at)
       VALUES ('${nobody}', '${paidId(world)}', '${nobody}', 'stray', 1, 'r', 'system', 'REQUESTED', 1, ${later})`,
      `DELETE FROM refunds WHERE id = '${nobody}'`,
    ],
    red: ["orders.refunds"],
    names: () => nobody,
  },
  {
    name: "a ledger that says more",
    service: "payments",
    sql: (world) => setAndBack("payment_ledger", "amount_cents", 1, `order_id = '${paidId(world)}'`),
    red: ["payments.ledger"],
    names: (world) => world.paymentOf(world.orders.paid),
  },
  {
    name: "two payments kept for one order",
    service: "payments",
    sql: (world) => [
      `UPDATE payments SET order_id = '${paidId(world)}', refunded_cents = 0 WHERE order_id = '${world.orders.refunded.id}'`,
      `UPDATE payments SET order_id = '${world.orders.refunded.id}', refunded_cents = 500
       WHERE id = '${world.paymentOf(world.orders.refunded)}'`,
    ],
    red: ["orders.payments", "payments.ledger", "payments.once"],
    names: paidId,
  },
  {
    name: "another reference of the provider",
    service: "payments",
    sql: (world) => [
      `UPDATE payments SET redirect_url = provider_ref, provider_ref = 'ch_x' WHERE order_id = '${paidId(world)}'`,
      `UPDATE payments SET provider_ref = redirect_url, redirect_url = NULL WHERE order_id = '${paidId(world)}'`,
    ],
    red: ["payments.journal"],
    names: (world) => world.paymentOf(world.orders.paid),
  },
  {
    name: "a payment whose last event is missing",
    service: "payments",
    sql: (world) => setAndBack("payments", "event_sequence", 1, `order_id = '${paidId(world)}'`),
    red: ["payments.events"],
    names: (world) => world.paymentOf(world.orders.paid),
  },
  {
    name: "a message of the provider that does not fit",
    service: "payments",
    sql: () => [
      `INSERT INTO provider_events (provider, event_id, type, status, attempts, received_at)
       VALUES ('sandbox', 'evt_odd', 'charge.succeeded', 'CONFLICT', 1, 1)`,
      "DELETE FROM provider_events WHERE event_id = 'evt_odd'",
    ],
    red: ["payments.messages"],
    names: () => "evt_odd",
  },
  {
    name: "units that came from nowhere",
    service: "inventory",
    sql: () => setAndBack("stock", "on_hand", 1, "sku = 'LAMP'"),
    red: ["stock.ledger"],
    names: ({ sku }) => sku,
  },
  {
    name: "units reserved for nobody",
    service: "inventory",
    sql: () => setAndBack("stock", "reserved", 1, "sku = 'LAMP'"),
    red: ["stock.holds"],
    names: ({ sku }) => sku,
  },
  {
    name: "sold stock of which the hold says it was given back",
    service: "inventory",
    sql: (world) => [
      `UPDATE reservations SET status = 'RELEASED' WHERE order_id = '${paidId(world)}'`,
      `UPDATE reservations SET status = 'COMMITTED' WHERE order_id = '${paidId(world)}'`,
    ],
    red: ["orders.holds"],
    names: paidId,
  },
  {
    name: "an event that did not come",
    service: "inventory",
    sql: (world) => [
      `UPDATE inbox SET last_error = event_id, event_id = '${nobody}' WHERE subject = '${paidId(world)}'`,
      `UPDATE inbox SET event_id = last_error, last_error = NULL WHERE event_id = '${nobody}'`,
    ],
    red: ["events.received"],
    names: () => "at inventory",
  },
  {
    name: "an event that nobody sent",
    service: "inventory",
    sql: () => [
      `INSERT INTO inbox (event_id, type, subject, sequence, event, status, received_at, due_at)
       VALUES ('${nobody}', 'order.expired', '${nobody}', 1, '{}', 'APPLIED', 1, 1)`,
      `DELETE FROM inbox WHERE event_id = '${nobody}'`,
    ],
    red: ["events.known"],
    names: () => "order.expired at inventory",
  },
  {
    name: "a gap in the events of a subject",
    service: "users",
    sql: ({ ann }) => setAndBack("outbox", "sequence", 1, `subject = '${ann.id}'`),
    red: ["outbox.sequences"],
    names: ({ ann }) => ann.id,
  },
  {
    name: "an event that does not leave",
    service: "orders",
    sql: (world) => [
      `UPDATE outbox SET published_at = NULL, due_at = ${later} WHERE subject = '${paidId(world)}' AND sequence = 1`,
      `UPDATE outbox SET published_at = 1 WHERE subject = '${paidId(world)}' AND sequence = 1`,
    ],
    red: ["outbox.empty"],
    names: () => "",
  },
  {
    name: "an event that is not applied",
    service: "inventory",
    sql: (world) => [
      `UPDATE inbox SET status = 'WAITING', due_at = ${later} WHERE subject = '${paidId(world)}'`,
      `UPDATE inbox SET status = 'APPLIED' WHERE subject = '${paidId(world)}'`,
    ],
    red: ["inbox.empty"],
    names: () => "at inventory",
  },
  {
    name: "a dead letter",
    service: "inventory",
    sql: (world) => [
      `UPDATE inbox SET status = 'DEAD' WHERE subject = '${paidId(world)}'`,
      `UPDATE inbox SET status = 'APPLIED' WHERE subject = '${paidId(world)}'`,
    ],
    red: ["inbox.dead"],
    names: () => "at inventory",
  },
  {
    name: "a notification about nothing that happened",
    service: "notify",
    sql: (world) => [
      `UPDATE notifications SET body = event_id, event_id = '${nobody}' WHERE order_id = '${paidId(world)}' AND type = 'order.paid'`,
      `UPDATE notifications SET event_id = body WHERE event_id = '${nobody}'`,
    ],
    red: ["notify.once"],
    names: () => nobody,
  },
  {
    name: "a gap in what a person was told",
    service: "notify",
    sql: ({ ann }) =>
      setAndBack("notifications", "sequence", 100, `user_id = '${ann.id}' AND type = 'user.registered'`),
    red: ["notify.sequences"],
    names: ({ ann }) => ann.id,
  },
  {
    name: "a message that was given up",
    service: "notify",
    sql: (world) => [
      `UPDATE deliveries SET status = 'FAILED' WHERE order_id = '${paidId(world)}' AND type = 'order.paid'`,
      `UPDATE deliveries SET status = 'SENT' WHERE order_id = '${paidId(world)}' AND type = 'order.paid'`,
    ],
    red: ["notify.deliveries"],
    names: () => "",
  },
];
