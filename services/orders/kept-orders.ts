import type { Order } from "../../contracts/orders.ts";
import { writeOnce } from "../../lib/json.ts";
import { Kept } from "../../lib/kept.ts";
import type { OrderState } from "./order.ts";
import { orderView } from "./order-view.ts";
import type { OrdersRepository } from "./orders.repository.ts";

/** An order as it was less than a second ago, and what a client sees of it. */
export interface KeptOrder {
  order: OrderState;
  view: Order;
}

export interface KeptOrders extends OrdersRepository {
  /** For those who only look; who may see it is for the caller to say. Whoever changes an order locks its row. */
  read(id: string): Promise<KeptOrder | null>;
  /** The same, if it is in memory. */
  peek(id: string): KeptOrder | undefined;
  /** Orders that another process changed. */
  forget(ids: readonly string[]): void;
  forgetAll(): void;
}

const maxEntries = 5_000;

/** `onChanged` is called with each order that this process may have changed, before its caller goes on. */
export function withKeptOrders(
  orders: OrdersRepository,
  now: () => number,
  onChanged: (id: string) => void,
): KeptOrders {
  const kept = new Kept<KeptOrder>({ maxEntries });
  const load = async (id: string): Promise<KeptOrder | null> => {
    const order = await orders.find(id);
    return order && { order, view: writeOnce(orderView(order)) };
  };
  // the sweep that expires orders does not say which
  const mayHaveExpired = ({ order }: KeptOrder): boolean => order.status === "CREATED" && order.expiresAt <= now();
  return {
    ...orders,
    async read(id) {
      const known = await kept.read(id, () => load(id));
      return known && mayHaveExpired(known) ? load(id) : known;
    },
    peek(id) {
      const known = kept.peek(id);
      return known && !mayHaveExpired(known) ? known : undefined;
    },
    forget: (ids) => kept.forget(ids),
    forgetAll: () => kept.forgetAll(),
    change: (id, decide, at, along) =>
      // also after a failure, of which nobody knows whether it was committed
      orders.change(id, decide, at, along).finally(() => {
        kept.forget([id]);
        onChanged(id);
      }),
  };
}

/** Tells of many ids in one message: those that come up in the same turn of the event loop. */
export function inTurns(tell: (ids: string[]) => void): (id: string) => void {
  const ids = new Set<string>();
  return (id) => {
    if (ids.size === 0) {
      setImmediate(() => {
        const all = [...ids];
        ids.clear();
        tell(all);
      });
    }
    ids.add(id);
  };
}
