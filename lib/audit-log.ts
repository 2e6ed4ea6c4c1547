import type { AuditAction, AuditEntry, AuditLogActions } from "../contracts/audit-log.ts";
import type { Meta } from "../contracts/bus.ts";
import { marks, type Database, type Tx } from "./database.ts";
import { messageOf } from "./errors.ts";
import { newId } from "./ids.ts";
import type { ColumnTypes, Migration } from "./migrations.ts";
import { toIso } from "./time.ts";

/** Who did it, as a call's context tells. */
export interface Caller {
  meta: Meta;
  requestID?: string | null;
}

/** What was done, or refused. `detail` holds no secret, and nothing of a person but ids. */
export interface Deed {
  action: AuditAction;
  target: string;
  outcome?: AuditEntry["outcome"];
  detail?: Record<string, unknown>;
  /** Where it is not who is signed in. */
  actor?: string | null;
}

/** Writes the entry in the transaction that does the deed, so that there is neither without the other. */
export type Note = (tx: Tx) => Promise<void>;

/** A service's log of who did what. Rows are added and never changed: triggers refuse everything else. */
export interface AuditLog {
  note(caller: Caller, deed: Deed): Note;
  /**
   * For refusals, which change nothing: written soon, so that their answers take no longer than others. `when`: only if
   * this turns out to be so, such as that what was said not to exist does.
   */
  noteSoon(caller: Caller, deed: Deed, when?: () => Promise<boolean>): void;
  /** Whether this very request noted this: it is asked again where its first answer was lost. */
  isNoted(caller: Caller, deed: Pick<Deed, "action" | "target">): Promise<boolean>;
  /** Resolves when what was to be written soon is written. */
  settled(): Promise<void>;
  entries(filter: AuditLogActions["auditEntries"]["params"]): Promise<AuditEntry[]>;
}

const refusal = "the audit log is append-only";

/** The step that gives a service's database its audit log. */
export const auditLogMigration: Migration = {
  name: "002-audit-log",
  up: (t, dialect) => [...table(t), ...["UPDATE", "DELETE"].map((change) => trigger(change, dialect))],
};

const table = (t: ColumnTypes): string[] => [
  `CREATE TABLE audit_log (
    id ${t.id} PRIMARY KEY,
    at ${t.time} NOT NULL,
    action ${t.word} NOT NULL,
    actor ${t.id},
    target ${t.string} NOT NULL,
    outcome ${t.word} NOT NULL,
    request_id ${t.string},
    client_address ${t.id},
    detail ${t.json} NOT NULL
  ) ${t.options}`,
  "CREATE INDEX audit_log_actor ON audit_log (actor, id)",
  "CREATE INDEX audit_log_target ON audit_log (target, id)",
];

function trigger(change: string, dialect: Database["dialect"]): string {
  const head = `CREATE TRIGGER audit_log_no_${change.toLowerCase()} BEFORE ${change} ON audit_log`;
  return dialect === "sqlite"
    ? `${head} BEGIN SELECT RAISE(ABORT, '${refusal}'); END`
    : `${head} FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${refusal}'`;
}

interface Row {
  id: string;
  at: number | string;
  action: AuditAction;
  actor: string | null;
  target: string;
  outcome: AuditEntry["outcome"];
  request_id: string | null;
  client_address: string | null;
  detail: string;
}

interface Logger {
  info(event: string, fields: object): void;
  error(event: string, fields: object): void;
}

const columns = "id, at, action, actor, target, outcome, request_id, client_address, detail";

export function openAuditLog(db: Database, service: string, logger: Logger): AuditLog {
  const soon = new Set<Promise<void>>();

  const note: AuditLog["note"] = (caller, { action, target, outcome = "done", detail = {}, actor }) => {
    const { user, clientAddress = null } = caller.meta;
    const who = actor === undefined ? (user?.id ?? null) : actor;
    const requestId = caller.requestID ?? null;
    return async (tx) => {
      const values = [newId(), Date.now(), action, who, target, outcome, requestId, clientAddress];
      await db.write(
        `INSERT INTO audit_log (${columns}) VALUES (${marks(9)})`,
        [...values, JSON.stringify(detail)],
        tx,
      );
      const line = { action, actor: who, target, outcome, requestId, clientAddress, detail };
      tx.afterCommit(() => logger.info("audit", line));
    };
  };

  return {
    note,
    noteSoon(caller, deed, when = () => Promise.resolve(true)) {
      const written: Promise<void> = when()
        .then((holds) => (holds ? db.transaction(note(caller, deed)) : undefined))
        .catch((error: unknown) => logger.error("audit entry lost", { ...deed, error: messageOf(error) }))
        .finally(() => soon.delete(written));
      soon.add(written);
    },
    async isNoted({ requestID = null }, { action, target }) {
      const rows = await db.select(
        "SELECT id FROM audit_log WHERE target = ? AND action = ? AND request_id = ? LIMIT 1",
        [target, action, requestID],
      );
      return rows.length > 0;
    },
    async settled() {
      while (soon.size > 0) await Promise.all(soon);
    },
    async entries({ before, limit, ...filter }) {
      const wanted = Object.entries(filter).filter(([, value]) => value !== undefined);
      const where = [...wanted.map(([name]) => `${name} = ?`), ...(before === null ? [] : ["id < ?"])];
      const rows = await db.select<Row>(
        `SELECT ${columns} FROM audit_log ${where.length > 0 ? `WHERE ${where.join(" AND ")}` : ""}
         ORDER BY id DESC LIMIT ${limit}`,
        [...wanted.map(([, value]) => value), ...(before === null ? [] : [before])],
      );
      return rows.map((row) => toEntry(row, service));
    },
  };
}

const toEntry = (row: Row, service: string): AuditEntry => ({
  id: row.id,
  at: toIso(Number(row.at)),
  service,
  action: row.action,
  actor: row.actor,
  target: row.target,
  outcome: row.outcome,
  requestId: row.request_id,
  clientAddress: row.client_address,
  detail: JSON.parse(row.detail) as AuditEntry["detail"],
});
