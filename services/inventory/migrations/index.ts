import { inboxArchiveTable } from "../../../lib/archive.ts";
import { auditLogMigration } from "../../../lib/audit-log.ts";
import { inboxTable } from "../../../lib/inbox.ts";
import type { Migration } from "../../../lib/migrations.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-inventory",
    up: (t) => [
      `CREATE TABLE stock (
        sku ${t.string} PRIMARY KEY,
        on_hand ${t.integer} NOT NULL,
        reserved ${t.integer} NOT NULL,
        CONSTRAINT stock_sound CHECK (on_hand >= 0 AND reserved >= 0 AND reserved <= on_hand)
      ) ${t.options}`,
      `CREATE TABLE reservations (
        order_id ${t.id} PRIMARY KEY,
        dedup_key ${t.id},
        status ${t.word} NOT NULL,
        sequence ${t.integer} NOT NULL,
        expires_at ${t.time} NOT NULL,
        reserved_lines ${t.json} NOT NULL,
        created_at ${t.time} NOT NULL,
        updated_at ${t.time} NOT NULL
      ) ${t.options}`,
      "CREATE UNIQUE INDEX reservations_key ON reservations (dedup_key)",
      "CREATE INDEX reservations_overdue ON reservations (status, expires_at)",
      `CREATE TABLE stock_ledger (
        id ${t.id} PRIMARY KEY,
        sku ${t.string} NOT NULL,
        delta ${t.integer} NOT NULL,
        kind ${t.word} NOT NULL,
        order_id ${t.id},
        by_whom ${t.id},
        reason ${t.string},
        created_at ${t.time} NOT NULL
      ) ${t.options}`,
      "CREATE INDEX stock_ledger_sku ON stock_ledger (sku, id)",
      ...inboxTable(t),
    ],
  },
  auditLogMigration,
  { name: "003-archives", up: inboxArchiveTable },
  {
    // the doctor sums up every product's rows: with the amount in the index it need not look up each of them
    name: "004-ledger-sums",
    up: (_t, dialect) => [
      "CREATE INDEX stock_ledger_sums ON stock_ledger (sku, delta)",
      `DROP INDEX stock_ledger_sku${dialect === "mysql" ? " ON stock_ledger" : ""}`,
    ],
  },
];
