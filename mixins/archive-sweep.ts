import type { Service } from "moleculer";
import { configOf } from "../config.ts";
import { archiveOld, type ArchivedTable } from "../lib/archive.ts";
import { metricsOf } from "../lib/metrics.ts";
import { delay } from "../lib/time.ts";
import type { WithDatabase } from "./db.mixin.ts";
import type { Sweep } from "./sweeper.mixin.ts";

const everyMs = 60_000;
/** SQLite's writers wait for a whole batch. */
const inBatch = { mysql: 200, sqlite: 50 };
const batchesInPass = 50;
/** A batch is followed by a rest of so many times as long, and of this at least: it takes a small part of the disk. */
const restTimes = 4;
const leastRestMs = 20;

/** Moves what is old and settled out of the tables of the day, a few rows at a time. */
export function archiveSweep(tables: readonly ArchivedTable[]): Sweep {
  return {
    name: "archive",
    everyMs,
    async pass(this: Service & WithDatabase, signal) {
      const ageMs = configOf(this.broker).archiveAfterDays * 86_400_000;
      const limit = inBatch[this.db.dialect];
      let isMore = false;
      for (const archived of tables) {
        let after = "";
        for (let batch = 1; !signal.aborted; batch += 1) {
          const beganAt = performance.now();
          const { moved, last } = await archiveOld(this.db, archived, { ageMs, limit, after });
          metricsOf(this.broker)?.archived(this.name, archived.table, moved);
          if (moved < limit) break;
          await delay(Math.max(leastRestMs, restTimes * (performance.now() - beganAt)), signal);
          isMore ||= batch === batchesInPass;
          if (batch === batchesInPass) break;
          after = last ?? "";
        }
      }
      return isMore;
    },
  };
}
