import { outboxArchiveTable } from "../../../lib/archive.ts";
import { auditLogMigration } from "../../../lib/audit-log.ts";
import type { Migration } from "../../../lib/migrations.ts";
import { outboxTable } from "../../../lib/outbox.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-users",
    up: (t) => [
      `CREATE TABLE users (
        id ${t.id} PRIMARY KEY,
        email ${t.string} NOT NULL,
        name ${t.string} NOT NULL,
        locale ${t.word} NOT NULL,
        roles ${t.json} NOT NULL,
        status ${t.word} NOT NULL,
        active_admin ${t.integer} NOT NULL,
        password_hash ${t.text} NOT NULL,
        created_at ${t.time} NOT NULL,
        event_sequence ${t.integer} NOT NULL DEFAULT 0
      ) ${t.options}`,
      "CREATE UNIQUE INDEX users_email ON users (email)",
      "CREATE INDEX users_admins ON users (active_admin)",
      // one row, locked by whoever might change which administrators there are
      `CREATE TABLE admin_guard (id ${t.integer} PRIMARY KEY) ${t.options}`,
      "INSERT INTO admin_guard (id) VALUES (1)",
      `CREATE TABLE addresses (
        id ${t.id} PRIMARY KEY,
        user_id ${t.id} NOT NULL,
        name ${t.string} NOT NULL,
        line1 ${t.string} NOT NULL,
        line2 ${t.string},
        city ${t.string} NOT NULL,
        region ${t.string},
        postal_code ${t.string} NOT NULL,
        country ${t.word} NOT NULL,
        phone ${t.string}
      ) ${t.options}`,
      "CREATE INDEX addresses_user ON addresses (user_id, id)",
      `CREATE TABLE preferences (
        user_id ${t.id} PRIMARY KEY,
        events ${t.json} NOT NULL
      ) ${t.options}`,
      ...outboxTable(t),
    ],
  },
  auditLogMigration,
  { name: "003-archives", up: outboxArchiveTable },
];
