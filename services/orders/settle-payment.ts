import type { Bus, Delivery } from "../../contracts/bus.ts";
import { codeOf } from "../../lib/errors.ts";
import type { Clock, NewId } from "../../lib/ids.ts";
import { toIso } from "../../lib/time.ts";
import type { KeyedRequest, StoredResponse } from "./idempotency.ts";
import { meaningOf, pay, returnMoney, type Change, type Money, type OrderState, type Refund } from "./order.ts";
import type { OrdersRepository } from "./orders.repository.ts";

/** How long stock that was reserved again waits for the order to be marked as paid. */
const revivalHoldMs = 60_000;

export interface SettleDeps {
  bus: Bus;
  orders: OrdersRepository;
  now: Clock;
  newId: NewId;
}

export interface SettleOptions {
  delivery?: Delivery;
  request?: KeyedRequest | null;
  respond?: (order: OrderState) => StoredResponse;
}

/** What became of a payment: it paid the order, or it goes back by this refund, or it was dealt with before. */
export interface Settled {
  order: OrderState;
  refund: Refund | null;
}

/**
 * Gives a successful payment its one defined end, whatever the order went through in the meantime. Safe to repeat and
 * to run twice at once: the order's row decides.
 */
export async function settlePayment(
  { bus, orders, now, newId }: SettleDeps,
  orderId: string,
  money: Money,
  options: SettleOptions = {},
): Promise<Settled> {
  let stock: "unknown" | "held" | "gone" = "unknown";
  const refundId = newId();
  for (;;) {
    let needsStock: OrderState | null = null;
    const decide = (order: OrderState): Change | null => {
      const meaning = meaningOf(order, money);
      if (meaning === "nothing") return null;
      if (meaning === "pay" || (meaning === "reserve-then-pay" && stock === "held")) return pay(order, money, now());
      if (meaning === "return" || stock === "gone") return returnMoney(order, money, refundId);
      needsStock = order;
      throw new StockNeeded();
    };
    try {
      const { order, change } = await orders.change(orderId, decide, now(), { ...options, returning: money.paymentId });
      return { order, refund: change?.refund ?? null };
    } catch (error) {
      if (!(error instanceof StockNeeded) || needsStock === null) throw error;
    }
    stock = await reserveAgain(bus, needsStock, now() + revivalHoldMs);
  }
}

/** Ends the transaction: stock lives in another service, which is never asked inside one. */
class StockNeeded extends Error {}

async function reserveAgain(bus: Bus, order: OrderState, expiresAt: number): Promise<"held" | "gone"> {
  try {
    await bus.call("inventory.reserve", {
      orderId: order.id,
      lines: order.lines.map(({ sku, quantity }) => ({ sku, quantity })),
      expiresAt: toIso(expiresAt),
      sequence: order.eventSequence,
    });
    return "held";
  } catch (error) {
    if (codeOf(error) === "OUT_OF_STOCK") return "gone";
    throw error;
  }
}
