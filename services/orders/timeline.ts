import type { Bus } from "../../contracts/bus.ts";
import type { TimelineEntry } from "../../contracts/payments.ts";
import type { OrdersRepository } from "./orders.repository.ts";

/** Everything that happened to an order, in the order it happened: its own changes, its payments, what was told. */
export async function timeline(bus: Bus, orders: OrdersRepository, orderId: string): Promise<TimelineEntry[]> {
  const parts = await Promise.all([
    orders.history(orderId),
    bus.call("payments.history", { orderId }),
    bus.call("notify.ofOrder", { orderId }),
  ]);
  return parts.flat().sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}
