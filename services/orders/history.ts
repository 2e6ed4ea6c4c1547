import type { OrderStatus } from "../../contracts/orders.ts";
import { transitions } from "./order.ts";

/** One entry of an order's history, as it is stored. */
export interface Step {
  type: string;
  detail: Record<string, unknown>;
}

/** Where a history leads, and what it says was returned. `problem`: the first step that could not be taken. */
export interface Walk {
  status: OrderStatus | null;
  refundedCents: number;
  problem: string | null;
}

const reached: Readonly<Record<string, OrderStatus>> = {
  "order.created": "CREATED",
  "order.paid": "PAID",
  "order.cancelled": "CANCELLED",
  "order.expired": "EXPIRED",
  "order.shipped": "SHIPPED",
  "order.completed": "COMPLETED",
};

/** Entries that change no status. */
const remarks = new Set(["order.refund_requested", "order.refund_refused", "order.payment_returned"]);

/** Follows an order's history through the state machine. */
export function walk(steps: readonly Step[], totalCents: number): Walk {
  let paymentId: unknown = null;
  const at: Walk = { status: null, refundedCents: 0, problem: null };
  const go = (to: OrderStatus): void => {
    const isLegal = at.status === null ? to === "CREATED" : transitions[at.status].includes(to);
    if (!isLegal) at.problem ??= `${at.status ?? "nothing"} cannot become ${to}`;
    at.status = to;
  };
  for (const { type, detail } of steps) {
    const to = reached[type];
    if (to) {
      go(to);
      if (to !== "PAID") continue;
      paymentId = detail.paymentId;
      // what went back before was another payment's money
      at.refundedCents = 0;
    } else if (type === "order.refunded") {
      const isOwn = detail.paymentId === paymentId;
      // the return of a second payment does not count in an order that another one paid
      if (!isOwn && paymentId !== null) continue;
      at.refundedCents += Number(detail.amountCents);
      if (isOwn && at.refundedCents === totalCents) go("REFUNDED");
    } else if (!remarks.has(type)) {
      at.problem ??= `an order has no step ${type}`;
    }
  }
  return at;
}
