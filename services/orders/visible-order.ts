import type { Ctx } from "../../contracts/bus.ts";
import type { Deed } from "../../lib/audit-log.ts";
import { codeOf, notFound } from "../../lib/errors.ts";
import { mayUse, signedIn } from "../../middlewares/guard.middleware.ts";
import type { WithAuditLog } from "../../mixins/audit-log.mixin.ts";
import type { KeptOrder, KeptOrders } from "./kept-orders.ts";

interface Guarded extends WithAuditLog {
  orders: KeptOrders;
}

/** The order, if it is there and this person may see it. */
export async function visible(service: Guarded, ctx: Ctx<{ id: string }>): Promise<KeptOrder> {
  const kept = await service.orders.read(ctx.params.id);
  if (kept && mayUse(ctx, kept.order.customerId)) return kept;
  if (kept) service.auditLog.noteSoon(ctx, refusedAt(ctx.params.id));
  throw notFound("order");
}

const refusedAt = (orderId: string): Deed => ({
  action: "access.refused",
  target: `order ${orderId}`,
  outcome: "refused",
});

/** Has the audit log tell of a change that was refused because the order is somebody else's. */
export async function notingForeign<T>(service: Guarded, ctx: Ctx<{ id: string }>, change: Promise<T>): Promise<T> {
  const { id } = ctx.params;
  const isForeign = async (): Promise<boolean> => {
    const order = await service.orders.find(id);
    return order !== null && order.customerId !== signedIn(ctx).id;
  };
  return change.catch((error: unknown) => {
    if (codeOf(error) === "NOT_FOUND") service.auditLog.noteSoon(ctx, refusedAt(id), isForeign);
    throw error;
  });
}
