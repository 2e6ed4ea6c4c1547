import type { Delivery } from "../../contracts/bus.ts";
import type { Tx } from "../../lib/database.ts";
import { newId } from "../../lib/ids.ts";

/** A delivery for repositories that are tested without an inbox. `isNew` says whether its event was applied before. */
export const delivery = (isNew: (tx: Tx) => boolean | Promise<boolean>, eventId = newId()): Delivery => ({
  eventId,
  record: async (tx) => isNew(tx),
  async recordAll(tx, deliveries) {
    const fresh = new Set<Delivery>();
    for (const one of deliveries) if (await one.record(tx)) fresh.add(one);
    return fresh;
  },
  settled: () => Promise.resolve(),
});
