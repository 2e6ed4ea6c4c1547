import type { Actions, Bus } from "../../contracts/bus.ts";
import type { Clock } from "../../lib/ids.ts";
import type { InventoryRepository } from "./inventory.repository.ts";
import { expire, type Reservation } from "./stock.ts";

type OrderState = Actions["orders.states"]["result"][number];

const batch = 200;

/** A hold outlives its order's deadline by as much, so that the deadline alone decides. */
const graceMs = 30_000;

/** How long the event of a payment may take before the order is asked about again. */
const eventMs = 60_000;

/**
 * One pass over the holds whose time is over. What becomes of each is the order's to say, so nothing happens to any
 * while orders cannot be asked. True when there may be more of them.
 */
export async function sweepHolds(bus: Bus, inventory: InventoryRepository, now: Clock): Promise<boolean> {
  const holds = await inventory.overdue(batch);
  if (holds.length === 0) return false;
  const states = await bus.call("orders.states", { ids: holds.map(({ orderId }) => orderId) });
  const byId = new Map(states.map((state) => [state.id, state]));
  for (const held of holds) {
    const verdict = verdictOn(byId.get(held.orderId), now());
    if (verdict.keepUntil === null) await giveUp(inventory, held, verdict.sequence);
    else await inventory.postpone(held, verdict.keepUntil);
  }
  return holds.length === batch;
}

/** Until when to keep an overdue hold; null when it is to be given back. */
export function verdictOn(order: OrderState | undefined, now: number): { keepUntil: number | null; sequence: number } {
  // The order was never stored: its request failed after the hold was made.
  if (!order) return { keepUntil: null, sequence: 0 };
  const { status, shipped, sequence, expiresAt } = order;
  switch (status) {
    case "CREATED":
      return { keepUntil: Math.max(Date.parse(expiresAt), now) + graceMs, sequence };
    case "CANCELLED":
    case "EXPIRED":
      return { keepUntil: null, sequence };
    case "REFUNDED":
      return { keepUntil: shipped ? now + eventMs : null, sequence };
    case "PAID":
    case "SHIPPED":
    case "COMPLETED":
      return { keepUntil: now + eventMs, sequence };
  }
}

/** A hold that was asked for again since it was read is a new one, and stays. */
async function giveUp(inventory: InventoryRepository, held: Reservation, sequence: number): Promise<void> {
  await inventory.change({ orderId: held.orderId }, (found, stock) =>
    found?.sequence === held.sequence && found.expiresAt === held.expiresAt ? expire(found, sequence, stock) : null,
  );
}
