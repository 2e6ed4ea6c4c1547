import { DomainError } from "../../lib/errors.ts";
import { lineTotalCents, maxCents } from "../../lib/money.ts";
import { toIso } from "../../lib/time.ts";
import type { Change, OrderState } from "./order.ts";

export interface Priced {
  sku: string;
  name: string;
  quantity: number;
  unitPriceCents: number;
}

/** Equal stock codes become one line, where the first of them stood. */
export function mergeItems(items: readonly { sku: string; quantity: number }[]): { sku: string; quantity: number }[] {
  const merged = new Map<string, number>();
  for (const { sku, quantity } of items) merged.set(sku, (merged.get(sku) ?? 0) + quantity);
  return [...merged].map(([sku, quantity]) => ({ sku, quantity }));
}

/** An order as it begins, at the prices it was quoted. */
export function draftOrder(
  draft: Pick<OrderState, "id" | "customerId" | "currency" | "address" | "note" | "expiresAt"> & { lines: Priced[] },
  now: number,
): Change {
  const lines = draft.lines.map((line) => ({
    ...line,
    lineTotalCents: exact(() => lineTotalCents(line.quantity, line.unitPriceCents)),
  }));
  const totalCents = lines.reduce((sum, line) => sum + line.lineTotalCents, 0);
  if (totalCents > maxCents) throw tooLarge();
  const order: OrderState = {
    ...draft,
    lines,
    status: "CREATED",
    totalCents,
    refundedCents: 0,
    refundingCents: 0,
    paymentId: null,
    shipment: null,
    createdAt: now,
    paidAt: null,
    shippedAt: null,
    completedAt: null,
    cancelledAt: null,
    eventSequence: 0,
  };
  const { id, customerId, currency, expiresAt } = order;
  return {
    order,
    facts: [
      {
        type: "order.created",
        data: { orderId: id, customerId, currency, totalCents, lines, expiresAt: toIso(expiresAt) },
      },
    ],
    history: [{ type: "order.created", by: customerId, detail: { totalCents, currency, lines: lines.length } }],
  };
}

const tooLarge = (): DomainError =>
  new DomainError("invalid", "TOTAL_TOO_LARGE", "The order's total is larger than can be charged.", {
    errors: [{ field: "items", code: "TOTAL_TOO_LARGE", message: "add up to more than can be charged" }],
  });

function exact(amount: () => number): number {
  try {
    return amount();
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge();
    throw error;
  }
}
