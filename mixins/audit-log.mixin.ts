import type { ServiceSchema } from "moleculer";
import { auditLogActions } from "../contracts/audit-log.ts";
import { openAuditLog, type AuditLog } from "../lib/audit-log.ts";
import { answers } from "./answers.ts";
import type { WithDatabase } from "./db.mixin.ts";
import { mixin } from "./mixin.ts";

export interface WithAuditLog {
  auditLog: AuditLog;
}

type Members = WithDatabase & WithAuditLog;

/** Gives a service, after its database, its audit log as `this.auditLog`; the migrations must have made its table. */
export function auditLogMixin(): Partial<ServiceSchema> {
  return mixin<Members>({
    actions: answers<Members, typeof auditLogActions>(auditLogActions, {
      auditEntries(filter) {
        return this.auditLog.entries(filter);
      },
    }),
    started() {
      this.auditLog = openAuditLog(this.db, this.name, this.logger);
    },
    async stopped() {
      await (this.auditLog as AuditLog | undefined)?.settled();
    },
  });
}
