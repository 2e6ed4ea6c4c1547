import type { Bus, Delivery } from "../../contracts/bus.ts";
import type { CloudEvent } from "../../contracts/events.ts";
import type { InventoryRepository } from "./inventory.repository.ts";
import { giveBack } from "./stock.ts";

/**
 * Money of an order went back. Its goods are on hand again only when all of the money did and nothing had been sent:
 * what was sent stays with the customer.
 */
export async function returnGoods(
  bus: Bus,
  inventory: InventoryRepository,
  { data: { orderId }, sequence }: CloudEvent<"order.refunded">,
  delivery: Delivery,
): Promise<void> {
  const [order] = await bus.call("orders.states", { ids: [orderId] });
  const comesBack = order?.status === "REFUNDED" && !order.shipped;
  await inventory.change(
    { orderId },
    (found, stock) => (found && comesBack ? giveBack(found, sequence, stock) : null),
    delivery,
  );
}
