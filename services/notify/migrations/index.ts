import { inboxArchiveTable } from "../../../lib/archive.ts";
import { auditLogMigration } from "../../../lib/audit-log.ts";
import { inboxTable } from "../../../lib/inbox.ts";
import type { Migration } from "../../../lib/migrations.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-notify",
    up: (t) => [
      // The two unique indexes over event_id are the promise that a person is told once, for as long as rows live.
      `CREATE TABLE notifications (
        id ${t.id} PRIMARY KEY,
        event_id ${t.id} NOT NULL,
        user_id ${t.id} NOT NULL,
        sequence ${t.integer} NOT NULL,
        type ${t.word} NOT NULL,
        order_id ${t.id},
        title ${t.string} NOT NULL,
        body ${t.text} NOT NULL,
        created_at ${t.time} NOT NULL,
        read_at ${t.time}
      ) ${t.options}`,
      "CREATE UNIQUE INDEX notifications_once ON notifications (event_id, user_id)",
      "CREATE UNIQUE INDEX notifications_sequence ON notifications (user_id, sequence)",
      "CREATE INDEX notifications_unread ON notifications (user_id, read_at, sequence)",
      "CREATE INDEX notifications_order ON notifications (order_id)",
      // due_at of a PENDING row: when it may be sent, or, while a sender holds it, when its claim ends.
      `CREATE TABLE deliveries (
        id ${t.id} PRIMARY KEY,
        event_id ${t.id} NOT NULL,
        user_id ${t.id} NOT NULL,
        channel ${t.word} NOT NULL,
        type ${t.word} NOT NULL,
        order_id ${t.id},
        recipient ${t.string},
        subject ${t.string} NOT NULL,
        body ${t.text} NOT NULL,
        html ${t.text},
        forget_body ${t.integer} NOT NULL DEFAULT 0,
        status ${t.word} NOT NULL,
        attempts ${t.integer} NOT NULL DEFAULT 0,
        due_at ${t.time} NOT NULL,
        claim ${t.id},
        last_error ${t.text},
        created_at ${t.time} NOT NULL,
        settled_at ${t.time}
      ) ${t.options}`,
      "CREATE UNIQUE INDEX deliveries_once ON deliveries (event_id, user_id, channel)",
      "CREATE INDEX deliveries_due ON deliveries (status, due_at, id)",
      "CREATE INDEX deliveries_order ON deliveries (order_id)",
      "CREATE INDEX deliveries_user ON deliveries (user_id)",
      "CREATE INDEX deliveries_recipient ON deliveries (recipient, id)",
      `CREATE TABLE user_counters (
        user_id ${t.id} PRIMARY KEY,
        last ${t.integer} NOT NULL,
        erased_at ${t.time}
      ) ${t.options}`,
      ...inboxTable(t),
    ],
  },
  {
    name: "002-traceparent",
    up: (t) => [`ALTER TABLE deliveries ADD COLUMN traceparent ${t.word}`],
  },
  auditLogMigration,
  {
    name: "003-archives",
    up: (t) => [
      ...inboxArchiveTable(t),
      // what a message said is not kept, which is most of it
      `CREATE TABLE deliveries_archive (
        id ${t.id} PRIMARY KEY,
        event_id ${t.id} NOT NULL,
        user_id ${t.id} NOT NULL,
        channel ${t.word} NOT NULL,
        type ${t.word} NOT NULL,
        order_id ${t.id},
        recipient ${t.string},
        subject ${t.string} NOT NULL,
        status ${t.word} NOT NULL,
        attempts ${t.integer} NOT NULL,
        last_error ${t.text},
        created_at ${t.time} NOT NULL,
        settled_at ${t.time}
      ) ${t.options}`,
      "CREATE UNIQUE INDEX deliveries_archive_once ON deliveries_archive (event_id, user_id, channel)",
      "CREATE INDEX deliveries_archive_order ON deliveries_archive (order_id)",
      "CREATE INDEX deliveries_archive_user ON deliveries_archive (user_id)",
    ],
  },
];
