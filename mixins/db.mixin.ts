import type { Service, ServiceSchema } from "moleculer";
import { configOf } from "../config.ts";
import { openDatabase, type Database } from "../lib/database.ts";
import { messageOf } from "../lib/errors.ts";
import { metricsOf } from "../lib/metrics.ts";
import { migrate, type Migration } from "../lib/migrations.ts";
import { delay } from "../lib/time.ts";
import { mixin } from "./mixin.ts";

export interface WithDatabase {
  db: Database;
}

interface Members extends WithDatabase {
  /** Ends the wait for a database that does not answer. */
  givingUp: AbortController;
}

const tryEveryMs = 500;
const sayEveryMs = 10_000;

/**
 * Gives a service its own database as `this.db`, its schema up to date, before its own `started`; closes it after its
 * own `stopped`. In a cluster it waits for a server that does not answer yet.
 */
export function dbMixin(migrations: readonly Migration[]): Partial<ServiceSchema> {
  return mixin<Members>({
    created() {
      this.givingUp = new AbortController();
    },
    async started() {
      let saidAtMs = 0;
      for (;;) {
        try {
          return await open(this, migrations);
        } catch (error) {
          if (configOf(this.broker).transporter === null || this.givingUp.signal.aborted) throw error;
          if (Date.now() - saidAtMs > sayEveryMs) {
            saidAtMs = Date.now();
            this.logger.warn("waiting for the database", { service: this.name, error: messageOf(error) });
          }
          await delay(tryEveryMs, this.givingUp.signal);
        }
      }
    },
    async stopped() {
      this.givingUp.abort();
      // undefined when the database could not be opened
      await (this.db as Database | undefined)?.close();
    },
  });
}

async function open(service: Service & Members, migrations: readonly Migration[]): Promise<void> {
  const db = await openDatabase(configOf(service.broker).store, service.name);
  try {
    const ran = await migrate(db, migrations);
    if (ran.length > 0) service.logger.info("schema migrated", { service: service.name, steps: ran });
  } catch (error) {
    await db.close();
    throw error;
  }
  service.db = db;
  metricsOf(service.broker)?.onScrape("pool", { service: service.name }, () => {
    const pool = db.pool();
    return [
      { gauge: "hub_database_connections_used", value: pool && pool.used },
      { gauge: "hub_database_connections_idle", value: pool && pool.idle },
      { gauge: "hub_database_connections_awaited", value: pool && pool.awaited },
    ];
  });
}
