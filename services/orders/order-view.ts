import type { Order } from "../../contracts/orders.ts";
import { toIso, toIsoOrNull } from "../../lib/time.ts";
import type { OrderState } from "./order.ts";

/** What a client sees of an order: these fields and no others. */
export function orderView(order: OrderState): Order {
  const { id, status, customerId, currency, lines, totalCents, refundedCents, address, note, paymentId } = order;
  return {
    id,
    status,
    customerId,
    currency,
    lines,
    totalCents,
    refundedCents,
    address,
    note,
    paymentId,
    shipment: order.shipment,
    createdAt: toIso(order.createdAt),
    expiresAt: toIso(order.expiresAt),
    paidAt: toIsoOrNull(order.paidAt),
    shippedAt: toIsoOrNull(order.shippedAt),
    completedAt: toIsoOrNull(order.completedAt),
    cancelledAt: toIsoOrNull(order.cancelledAt),
  };
}
