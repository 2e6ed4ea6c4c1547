import { auditLogMigration } from "../../../lib/audit-log.ts";
import type { Migration } from "../../../lib/migrations.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-live-settings",
    up: (t) => [
      // one row, there from the start, so that two changes at once wait for each other
      `CREATE TABLE live_settings (
        id ${t.integer} PRIMARY KEY,
        set_values ${t.json} NOT NULL,
        changed_at ${t.time} NOT NULL,
        changed_by ${t.word}
      ) ${t.options}`,
      "INSERT INTO live_settings (id, set_values, changed_at) VALUES (1, '{}', 0)",
    ],
  },
  auditLogMigration,
  {
    name: "003-delivery-looks",
    up: (t) => [
      `CREATE TABLE delivery_looks (
        sender ${t.word} PRIMARY KEY,
        looked_until ${t.time} NOT NULL,
        due_at ${t.time} NOT NULL
      ) ${t.options}`,
      "INSERT INTO delivery_looks (sender, looked_until, due_at) VALUES ('users', 0, 0), ('orders', 0, 0), ('payments', 0, 0)",
    ],
  },
];
