import type { Migration } from "../../../../lib/migrations.ts";

export const sandboxMigrations: Migration[] = [
  {
    name: "001-sandbox",
    up: (t) => [
      // a charge that was voided before it was asked for is a row too: it keeps the key from being used
      `CREATE TABLE charges (
        ref ${t.id} PRIMARY KEY,
        idempotency_key ${t.id} NOT NULL,
        reference ${t.id} NOT NULL,
        order_id ${t.id},
        amount_cents ${t.integer} NOT NULL,
        currency ${t.word} NOT NULL,
        method ${t.word},
        status ${t.word} NOT NULL,
        failure_code ${t.word},
        needs_approval ${t.integer} NOT NULL,
        decide_as ${t.word},
        decide_at ${t.time},
        webhook_url ${t.text},
        created_at ${t.time} NOT NULL
      ) ${t.options}`,
      "CREATE UNIQUE INDEX charges_key ON charges (idempotency_key)",
      "CREATE UNIQUE INDEX charges_reference ON charges (reference)",
      "CREATE INDEX charges_decide ON charges (decide_at)",
      `CREATE TABLE refunds (
        refund_id ${t.id} PRIMARY KEY,
        ref ${t.id} NOT NULL,
        charge_ref ${t.id} NOT NULL,
        amount_cents ${t.integer} NOT NULL,
        created_at ${t.time} NOT NULL
      ) ${t.options}`,
      "CREATE INDEX refunds_charge ON refunds (charge_ref)",
      `CREATE TABLE deliveries (
        id ${t.id} PRIMARY KEY,
        url ${t.text} NOT NULL,
        body ${t.text} NOT NULL,
        attempts ${t.integer} NOT NULL,
        due_at ${t.time},
        created_at ${t.time} NOT NULL,
        delivered_at ${t.time},
        last_error ${t.text}
      ) ${t.options}`,
      "CREATE INDEX deliveries_due ON deliveries (due_at)",
    ],
  },
];
