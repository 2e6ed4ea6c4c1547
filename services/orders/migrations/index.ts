import { inboxArchiveTable, outboxArchiveTable } from "../../../lib/archive.ts";
import { auditLogMigration } from "../../../lib/audit-log.ts";
import { inboxTable } from "../../../lib/inbox.ts";
import type { Migration } from "../../../lib/migrations.ts";
import { outboxTable } from "../../../lib/outbox.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-orders",
    up: (t) => [
      `CREATE TABLE orders (
        id ${t.id} PRIMARY KEY,
        status ${t.word} NOT NULL,
        customer_id ${t.id} NOT NULL,
        currency ${t.word} NOT NULL,
        total_cents ${t.integer} NOT NULL,
        refunded_cents ${t.integer} NOT NULL DEFAULT 0,
        refunding_cents ${t.integer} NOT NULL DEFAULT 0,
        address ${t.json},
        note ${t.text},
        payment_id ${t.id},
        carrier ${t.string},
        tracking_number ${t.string},
        created_at ${t.time} NOT NULL,
        expires_at ${t.time} NOT NULL,
        paid_at ${t.time},
        shipped_at ${t.time},
        completed_at ${t.time},
        cancelled_at ${t.time},
        event_sequence ${t.integer} NOT NULL DEFAULT 0
      ) ${t.options}`,
      "CREATE INDEX orders_customer ON orders (customer_id, id)",
      "CREATE INDEX orders_status ON orders (status, id)",
      "CREATE INDEX orders_customer_status ON orders (customer_id, status, id)",
      "CREATE INDEX orders_deadline ON orders (status, expires_at)",
      `CREATE TABLE order_lines (
        order_id ${t.id} NOT NULL,
        position ${t.integer} NOT NULL,
        sku ${t.string} NOT NULL,
        name ${t.string} NOT NULL,
        quantity ${t.integer} NOT NULL,
        unit_price_cents ${t.integer} NOT NULL,
        line_total_cents ${t.integer} NOT NULL,
        PRIMARY KEY (order_id, position)
      ) ${t.options}`,
      `CREATE TABLE order_history (
        id ${t.id} PRIMARY KEY,
        order_id ${t.id} NOT NULL,
        at ${t.time} NOT NULL,
        type ${t.word} NOT NULL,
        by_whom ${t.id} NOT NULL,
        detail ${t.json} NOT NULL
      ) ${t.options}`,
      "CREATE INDEX order_history_order ON order_history (order_id, id)",
      `CREATE TABLE refunds (
        id ${t.id} PRIMARY KEY,
        order_id ${t.id} NOT NULL,
        payment_id ${t.id} NOT NULL,
        kind ${t.word} NOT NULL,
        amount_cents ${t.integer} NOT NULL,
        reason ${t.string} NOT NULL,
        by_whom ${t.id} NOT NULL,
        status ${t.word} NOT NULL,
        request_digest ${t.id},
        stray_payment_id ${t.id},
        created_at ${t.time} NOT NULL,
        done_at ${t.time},
        attempts ${t.integer} NOT NULL DEFAULT 0,
        due_at ${t.time} NOT NULL,
        last_error ${t.text}
      ) ${t.options}`,
      "CREATE INDEX refunds_order ON refunds (order_id, id)",
      "CREATE INDEX refunds_waiting ON refunds (status, due_at)",
      // a request asks for one refund, and a payment that came too late is returned once
      "CREATE UNIQUE INDEX refunds_request ON refunds (request_digest)",
      "CREATE UNIQUE INDEX refunds_stray ON refunds (stray_payment_id)",
      `CREATE TABLE idempotency_keys (
        user_id ${t.id} NOT NULL,
        idempotency_key ${t.string} NOT NULL,
        fingerprint ${t.id} NOT NULL,
        status ${t.integer} NOT NULL,
        body ${t.json} NOT NULL,
        created_at ${t.time} NOT NULL,
        PRIMARY KEY (user_id, idempotency_key)
      ) ${t.options}`,
      ...outboxTable(t),
      ...inboxTable(t),
    ],
  },
  {
    name: "002-refund-fingerprints",
    up: (t) => [`ALTER TABLE refunds ADD COLUMN request_fingerprint ${t.id}`],
  },
  auditLogMigration,
  {
    name: "003-erasures",
    up: (t) => [
      `CREATE TABLE erasures (
        customer_id ${t.id} PRIMARY KEY,
        erased_at ${t.time} NOT NULL,
        due_at ${t.time} NOT NULL
      ) ${t.options}`,
      "CREATE INDEX erasures_due ON erasures (due_at)",
    ],
  },
  {
    // SQLite numbers rows by itself
    name: "004-history-positions",
    up: (_t, dialect) =>
      dialect === "mysql"
        ? [
            `ALTER TABLE order_history ADD COLUMN position BIGINT NOT NULL AUTO_INCREMENT,
             ADD UNIQUE INDEX order_history_position (position)`,
          ]
        : [],
  },
  {
    name: "005-archives",
    up: (t, dialect) => [
      ...outboxArchiveTable(t),
      ...inboxArchiveTable(t),
      `CREATE TABLE idempotency_keys_archive (
        user_id ${t.id} NOT NULL,
        idempotency_key ${t.string} NOT NULL,
        fingerprint ${t.id} NOT NULL,
        status ${t.integer} NOT NULL,
        body ${t.json} NOT NULL,
        created_at ${t.time} NOT NULL,
        PRIMARY KEY (user_id, idempotency_key)
      ) ${t.options}`,
      // By the database's clock: no node's wrong one has a key leave the table while a request with it is under way.
      // On SQLite one process writes, one transaction after another.
      ...(dialect === "mysql"
        ? ["ALTER TABLE idempotency_keys ADD COLUMN kept_at BIGINT NOT NULL DEFAULT (UNIX_TIMESTAMP() * 1000)"]
        : []),
      `CREATE INDEX idempotency_keys_age ON idempotency_keys (${dialect === "mysql" ? "kept_at" : "created_at"})`,
    ],
  },
];
