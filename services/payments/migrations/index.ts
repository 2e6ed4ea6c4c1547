import { outboxArchiveTable } from "../../../lib/archive.ts";
import { auditLogMigration } from "../../../lib/audit-log.ts";
import type { Migration } from "../../../lib/migrations.ts";
import { outboxTable } from "../../../lib/outbox.ts";

export const migrations: Migration[] = [
  {
    name: "001-payments",
    up: (t) => [
      // open_order_id holds order_id while the payment is PENDING: the unique index allows one open payment an order
      `CREATE TABLE payments (
        id ${t.id} PRIMARY KEY,
        order_id ${t.id} NOT NULL,
        open_order_id ${t.id},
        customer_id ${t.id} NOT NULL,
        dedup_key ${t.id},
        provider ${t.word} NOT NULL,
        method ${t.word} NOT NULL,
        token ${t.string},
        status ${t.word} NOT NULL,
        amount_cents ${t.integer} NOT NULL,
        refunded_cents ${t.integer} NOT NULL,
        currency ${t.word} NOT NULL,
        provider_ref ${t.word},
        redirect_url ${t.text},
        failure_code ${t.word},
        conflict_note ${t.string},
        created_at ${t.time} NOT NULL,
        settled_at ${t.time},
        next_check_at ${t.time},
        checks ${t.integer} NOT NULL,
        event_sequence ${t.integer} NOT NULL
      ) ${t.options}`,
      "CREATE UNIQUE INDEX payments_open ON payments (open_order_id)",
      "CREATE UNIQUE INDEX payments_dedup ON payments (dedup_key)",
      "CREATE INDEX payments_order ON payments (order_id, id)",
      "CREATE INDEX payments_customer ON payments (customer_id, id)",
      "CREATE INDEX payments_check ON payments (next_check_at)",
      `CREATE TABLE refunds (
        id ${t.id} PRIMARY KEY,
        payment_id ${t.id} NOT NULL,
        amount_cents ${t.integer} NOT NULL,
        reason ${t.text} NOT NULL,
        status ${t.word} NOT NULL,
        provider_ref ${t.word},
        failure_code ${t.word},
        attempts ${t.integer} NOT NULL,
        next_attempt_at ${t.time},
        created_at ${t.time} NOT NULL
      ) ${t.options}`,
      "CREATE INDEX refunds_payment ON refunds (payment_id)",
      "CREATE INDEX refunds_attempt ON refunds (next_attempt_at)",
      // the key is the id of the payment or the refund: the same money cannot be booked twice
      `CREATE TABLE payment_ledger (
        id ${t.id} PRIMARY KEY,
        payment_id ${t.id} NOT NULL,
        order_id ${t.id} NOT NULL,
        kind ${t.word} NOT NULL,
        amount_cents ${t.integer} NOT NULL,
        currency ${t.word} NOT NULL,
        created_at ${t.time} NOT NULL
      ) ${t.options}`,
      "CREATE INDEX payment_ledger_order ON payment_ledger (order_id)",
      `CREATE TABLE payment_history (
        id ${t.id} PRIMARY KEY,
        payment_id ${t.id} NOT NULL,
        order_id ${t.id} NOT NULL,
        at ${t.time} NOT NULL,
        type ${t.word} NOT NULL,
        author ${t.id} NOT NULL,
        detail ${t.json} NOT NULL
      ) ${t.options}`,
      "CREATE INDEX payment_history_order ON payment_history (order_id, at)",
      `CREATE TABLE provider_events (
        provider ${t.word} NOT NULL,
        event_id ${t.id} NOT NULL,
        type ${t.word} NOT NULL,
        payment_id ${t.id},
        charge ${t.json},
        status ${t.word} NOT NULL,
        attempts ${t.integer} NOT NULL,
        received_at ${t.time} NOT NULL,
        due_at ${t.time},
        handled_at ${t.time},
        last_error ${t.text},
        PRIMARY KEY (provider, event_id)
      ) ${t.options}`,
      "CREATE INDEX provider_events_due ON provider_events (due_at)",
      ...outboxTable(t),
    ],
  },
  auditLogMigration,
  {
    name: "003-archives",
    up: (t) => [...outboxArchiveTable(t), "CREATE INDEX provider_events_handled ON provider_events (handled_at)"],
  },
  {
    name: "004-traces",
    up: (t) => [`ALTER TABLE payments ADD COLUMN traceparent ${t.word}`],
  },
];
