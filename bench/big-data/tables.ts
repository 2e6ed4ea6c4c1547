import { inboxArchive, outboxArchive, type ArchivedTable } from "../../lib/archive.ts";
import { deliveriesArchive } from "../../services/notify/deliveries.repository.ts";
import { keysArchive } from "../../services/orders/answered-keys.ts";

/** A table of which an order, or a person, has rows. */
export interface Source {
  database: string;
  table: string;
  /** The column that says whose row it is. */
  by: string;
  /** What it goes to once it is old, if it is not left where it is. */
  archive?: ArchivedTable;
  /** What the database fills in. */
  without?: readonly string[];
  /** Counts what one person has, in the order of these. */
  counts?: string;
}

const inbox = (service: string): Source => ({
  database: `hub_${service}`,
  table: "inbox",
  by: "subject",
  archive: inboxArchive,
});
const outbox = (service: string): Source => ({
  database: `hub_${service}`,
  table: "outbox",
  by: "subject",
  archive: outboxArchive,
});
const of = (service: string, table: string, by = "order_id"): Source => ({ database: `hub_${service}`, table, by });

/** All that is known of an order, by its id or that of its payment. */
export const ofOrders: readonly Source[] = [
  of("orders", "orders", "id"),
  of("orders", "order_lines"),
  { ...of("orders", "order_history"), without: ["position"] },
  of("orders", "refunds"),
  { ...of("orders", "idempotency_keys", "JSON_VALUE(body, '$.id')"), archive: keysArchive },
  of("orders", "audit_log", "SUBSTRING(target, 7)"),
  outbox("orders"),
  inbox("orders"),
  of("payments", "payments"),
  of("payments", "refunds", "payment_id"),
  of("payments", "payment_ledger"),
  of("payments", "payment_history"),
  outbox("payments"),
  of("inventory", "reservations"),
  inbox("inventory"),
  { ...of("notify", "notifications"), counts: "sequence" },
  { ...of("notify", "deliveries"), archive: deliveriesArchive },
  inbox("notify"),
  of("sandbox", "charges"),
  of("sandbox", "refunds", "charge_ref"),
];

/** All that is known of a person beside orders. */
export const ofPeople: readonly Source[] = [
  of("users", "users", "id"),
  outbox("users"),
  of("auth", "accounts", "user_id"),
  inbox("auth"),
  { ...of("notify", "notifications", "CASE WHEN order_id IS NULL THEN user_id END"), counts: "sequence" },
  {
    ...of("notify", "deliveries", "CASE WHEN order_id IS NULL THEN user_id END"),
    archive: deliveriesArchive,
  },
  inbox("notify"),
];
