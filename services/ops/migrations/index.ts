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
];
