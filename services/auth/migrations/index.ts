import { inboxArchiveTable } from "../../../lib/archive.ts";
import { auditLogMigration } from "../../../lib/audit-log.ts";
import { inboxTable } from "../../../lib/inbox.ts";
import type { Migration } from "../../../lib/migrations.ts";

/** How many rows attempt_locks has; as fixed as the step that makes them. */
export const attemptLocks = 64;

export const migrations: readonly Migration[] = [
  {
    name: "001-auth",
    up: (t) => [
      // one row for each user who ever signed in, locked by whatever begins or ends their sessions
      `CREATE TABLE accounts (
        user_id ${t.id} PRIMARY KEY,
        revoked_at ${t.time} NOT NULL
      ) ${t.options}`,
      `CREATE TABLE families (
        id ${t.id} PRIMARY KEY,
        user_id ${t.id} NOT NULL,
        created_at ${t.time} NOT NULL,
        issued_at ${t.time} NOT NULL,
        expires_at ${t.time} NOT NULL,
        ended_at ${t.time}
      ) ${t.options}`,
      "CREATE INDEX families_user ON families (user_id, ended_at)",
      "CREATE INDEX families_expiry ON families (expires_at)",
      `CREATE TABLE refresh_tokens (
        digest ${t.id} PRIMARY KEY,
        family_id ${t.id} NOT NULL,
        expires_at ${t.time} NOT NULL,
        used_at ${t.time}
      ) ${t.options}`,
      "CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id)",
      "CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at)",
      `CREATE TABLE revocations (
        sequence ${t.integer} PRIMARY KEY,
        subject ${t.id} NOT NULL,
        issued_before ${t.time} NOT NULL,
        until_at ${t.time} NOT NULL
      ) ${t.options}`,
      "CREATE INDEX revocations_expiry ON revocations (until_at)",
      // not AUTO_INCREMENT: whoever reads up to a number must not miss a smaller one that is committed later
      `CREATE TABLE revocation_counter (id ${t.integer} PRIMARY KEY, value ${t.integer} NOT NULL) ${t.options}`,
      "INSERT INTO revocation_counter (id, value) VALUES (1, 0)",
      `CREATE TABLE signing_keys (
        generation ${t.integer} PRIMARY KEY,
        kid ${t.id} NOT NULL,
        public_key ${t.json} NOT NULL,
        sealed_private_key ${t.text} NOT NULL,
        created_at ${t.time} NOT NULL
      ) ${t.options}`,
      `CREATE TABLE attempts (
        id ${t.id} PRIMARY KEY,
        subject ${t.id} NOT NULL,
        at ${t.time} NOT NULL
      ) ${t.options}`,
      "CREATE INDEX attempts_subject ON attempts (subject, at)",
      "CREATE INDEX attempts_age ON attempts (at)",
      // locked, one for many subjects, by attempts that are counted before they are made
      `CREATE TABLE attempt_locks (id ${t.integer} PRIMARY KEY) ${t.options}`,
      `INSERT INTO attempt_locks (id) VALUES ${Array.from({ length: attemptLocks }, (_, i) => `(${i})`).join(", ")}`,
      `CREATE TABLE reset_tokens (
        digest ${t.id} PRIMARY KEY,
        user_id ${t.id} NOT NULL,
        expires_at ${t.time} NOT NULL,
        used_at ${t.time}
      ) ${t.options}`,
      "CREATE INDEX reset_tokens_user ON reset_tokens (user_id)",
      "CREATE INDEX reset_tokens_expiry ON reset_tokens (expires_at)",
      ...inboxTable(t),
    ],
  },
  auditLogMigration,
  { name: "003-archives", up: inboxArchiveTable },
];
