import { reach } from "../../lib/failpoints.ts";
import { delay } from "../../lib/time.ts";
import type { OrdersRepository } from "./orders.repository.ts";

const batch = 100;
/**
 * At a peak thousands of orders are placed that nobody pays, and a quarter of an hour later they expire together. With all
 * their events at once, those of new orders would wait behind them for seconds.
 */
const restMs = 200;
/** So late, there is no rest any more: an order ends within its deadline and 60 s. */
const mostLateMs = 40_000;

/** One pass over the unpaid orders whose deadline is over; true when there may be more. */
export async function expireSome(
  orders: Pick<OrdersRepository, "expireDue">,
  now: number,
  stopping: AbortSignal,
): Promise<boolean> {
  const { expired, lateMs } = await orders.expireDue(now, batch);
  if (expired > 0) await reach("expire.after-commit");
  if (expired < batch) return false;
  await delay(restAfter(lateMs), stopping);
  return true;
}

/** How long to leave the others in peace, by how late those were that just expired: the later, the shorter. */
export const restAfter = (lateMs: number): number => restMs * Math.max(0, 1 - lateMs / mostLateMs);
