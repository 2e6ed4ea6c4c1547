import type { HoldBrief } from "../../contracts/inventory.ts";
import type { OrderBrief } from "../../contracts/orders.ts";
import type { PaymentBrief } from "../../contracts/payments.ts";

// Whether what several services know of one order fits together.

const paidStatuses = new Set<OrderBrief["status"]>(["PAID", "SHIPPED", "COMPLETED", "REFUNDED"]);

const netOf = ({ status, amountCents, refundedCents }: PaymentBrief): number =>
  status === "SUCCEEDED" ? amountCents - refundedCents : 0;

/** A paid order keeps the money of one payment less what was refunded; of any other payment, and of an unpaid order, nothing. */
export function moneyMatches(order: OrderBrief, payments: readonly PaymentBrief[]): boolean {
  const { status, totalCents, refundedCents, paymentId } = order;
  if (!paidStatuses.has(status)) return paymentId === null && payments.every((payment) => netOf(payment) === 0);
  const own = payments.find(({ id }) => id === paymentId);
  if (own?.status !== "SUCCEEDED" || own.amountCents !== totalCents) return false;
  const others = payments.filter((payment) => payment !== own);
  if (others.some((payment) => netOf(payment) !== 0)) return false;
  return own.refundedCents === refundedCents && (status !== "REFUNDED" || refundedCents === totalCents);
}

/** Stock is held while an order can be paid, sold once it was, and free again after anything else. */
export function stockMatches({ status, shipped }: OrderBrief, hold: HoldBrief | undefined, now: number): boolean {
  switch (status) {
    case "CREATED":
      return hold?.status === "HELD";
    case "PAID":
    case "SHIPPED":
    case "COMPLETED":
      return hold?.status === "COMMITTED";
    case "REFUNDED":
      return shipped ? hold?.status === "COMMITTED" : hold?.status === "RETURNED" || hold?.status === "RELEASED";
    case "EXPIRED":
      // a late payment holds the stock again for a moment, before the order is paid by it
      return hold?.status === "RELEASED" || (hold?.status === "HELD" && Date.parse(hold.expiresAt) > now);
    case "CANCELLED":
      return hold?.status === "RELEASED";
  }
}
