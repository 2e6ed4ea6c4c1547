import type { Service, ServiceSchema } from "moleculer";
import { configOf } from "../config.ts";
import type { Database } from "../lib/database.ts";
import { messageOf } from "../lib/errors.ts";
import { metricsOf } from "../lib/metrics.ts";
import { openMigrated, type Migration } from "../lib/migrations.ts";
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
    started() {
      return patiently(this, () => open(this, migrations));
    },
    async stopped() {
      this.givingUp.abort();
      // undefined when the database could not be opened
      await (this.db as Database | undefined)?.close();
    },
  });
}

/**
 * For what a service needs its database for while it starts: in a cluster it waits for a server that does not answer, also
 * where one stops to answer in between. `isPassing` tells errors that waiting helps against from others.
 */
export async function patiently<T>(
  service: Service,
  work: () => Promise<T>,
  isPassing: (error: unknown) => boolean = () => true,
): Promise<T> {
  const { signal } = (service as Service & Members).givingUp;
  let saidAtMs = 0;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (configOf(service.broker).transporter === null || signal.aborted || !isPassing(error)) throw error;
      if (Date.now() - saidAtMs > sayEveryMs) {
        saidAtMs = Date.now();
        service.logger.warn("waiting for the database", { service: service.name, error: messageOf(error) });
      }
      await delay(tryEveryMs, signal);
    }
  }
}

async function open(service: Service & Members, migrations: readonly Migration[]): Promise<void> {
  const { db, ran } = await openMigrated(configOf(service.broker).store, service.name, migrations);
  if (ran.length > 0) service.logger.info("schema migrated", { service: service.name, steps: ran });
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
