import type { ServiceSchema } from "moleculer";
import { configOf } from "../config.ts";
import { openDatabase, type Database } from "../lib/database.ts";
import { migrate, type Migration } from "../lib/migrations.ts";
import { mixin } from "./mixin.ts";

export interface WithDatabase {
  db: Database;
}

/**
 * Gives a service its own database as `this.db`, its schema up to date, before its own `started`; closes it after its
 * own `stopped`.
 */
export function dbMixin(migrations: readonly Migration[]): Partial<ServiceSchema> {
  return mixin<WithDatabase>({
    async started() {
      this.db = await openDatabase(configOf(this.broker).store, this.name);
      const ran = await migrate(this.db, migrations);
      if (ran.length > 0) this.logger.info("schema migrated", { service: this.name, steps: ran });
    },
    async stopped() {
      // undefined when the database could not be opened
      await (this.db as Database | undefined)?.close();
    },
  });
}
