import type { Bus, Identity } from "../../contracts/bus.ts";
import type { Order } from "../../contracts/orders.ts";
import { DomainError, isRefusal, messageOf, notFound } from "../../lib/errors.ts";
import { reach } from "../../lib/failpoints.ts";
import type { Clock, NewId } from "../../lib/ids.ts";
import type { Caller } from "../../middlewares/guard.middleware.ts";
import { reusedError, type KeyedRequest } from "./idempotency.ts";
import {
  cancel,
  cancelledByCustomer,
  refundDone,
  refundRefused,
  requestRefund,
  type Change,
  type OrderState,
  type Refund,
} from "./order.ts";
import { orderView } from "./order-view.ts";
import type { Along } from "./change-orders.ts";
import type { OrdersRepository } from "./orders.repository.ts";
import type { RefundsRepository } from "./refunds.repository.ts";

export interface RefundDeps {
  bus: Bus;
  orders: OrdersRepository;
  refunds: RefundsRepository;
  now: Clock;
  newId: NewId;
  noteRefund: NonNullable<Along["noteRefund"]>;
}

const answer = (request: KeyedRequest | null): Pick<Along, "request" | "respond"> =>
  request ? { request, respond: (order) => ({ status: 200, body: orderView(order) }) } : {};

/** Cancels a customer's order; one that is paid is refunded first. */
export async function cancelOrder(
  deps: RefundDeps,
  caller: Caller,
  { id, reason }: { id: string; reason?: string },
  request: KeyedRequest | null,
): Promise<Order> {
  const { bus, orders, refunds, now, newId } = deps;
  const order = await orders.find(id);
  if (!order || !caller.mayUse(order.customerId)) throw notFound("order");
  const open = await refunds.openCancellation(id);
  if (open) return orderView(await finishRefund(deps, open, answer(request)));

  const decide = (current: OrderState): Change =>
    cancel(current, caller.id, reason ?? cancelledByCustomer, now(), newId());
  const after = await startRefund(deps, id, decide, request);
  // The event releases the stock as well; this is only sooner.
  if (after.status === "CANCELLED") {
    await reach("cancel.after-commit");
    await bus.call("inventory.release", { orderId: id, sequence: after.eventSequence }).catch(ignoreEventFollows);
  }
  return orderView(after);
}

const ignoreEventFollows = (): null => null;

/** Returns a part of an order's money, or all that is left of it. */
export async function refundOrder(
  deps: RefundDeps,
  user: Identity,
  { id, amountCents, reason }: { id: string; amountCents?: number; reason: string },
  request: KeyedRequest | null,
): Promise<Order> {
  const refundId = deps.newId();
  const wanted = { amountCents: amountCents ?? null, reason, by: user.id, kind: "refund" as const, refundId };
  return orderView(await startRefund(deps, id, (order) => requestRefund(order, wanted), request));
}

/**
 * Sets the money aside, then has it returned. A retry of a request whose first try ended in between finds the refund
 * that it asked for and goes on with that.
 */
async function startRefund(
  deps: RefundDeps,
  id: string,
  decide: (order: OrderState) => Change,
  request: KeyedRequest | null,
): Promise<OrderState> {
  const { orders, refunds, now, noteRefund } = deps;
  const asked = request ? await refunds.byRequest(request.digest) : null;
  // of refunds asked for before fingerprints were kept there is none
  if (asked?.fingerprint && asked.fingerprint !== request?.fingerprint) throw reusedError();
  if (asked?.status === "DONE") {
    return (await orders.change(id, () => null, now(), answer(request))).order;
  }
  if (asked?.status === "REFUSED") {
    throw new DomainError("conflict", "REFUND_REFUSED", "The payment provider refused this refund for good.", {
      refundId: asked.refund.id,
    });
  }
  if (asked?.status === "REQUESTED") return finishRefund(deps, asked.refund, answer(request));

  // An answer is stored only with an end: setting money aside is none.
  const { order, change } = await orders.change(id, decide, now(), {
    request,
    noteRefund,
    respond: (after, made) => (made?.refund ? null : { status: 200, body: orderView(after) }),
  });
  return change?.refund ? finishRefund(deps, change.refund, answer(request)) : order;
}

/** Has the payments service return the money, under the refund's own id, and then counts it. */
export async function finishRefund(
  { bus, orders, refunds, now }: RefundDeps,
  refund: Refund,
  along: Pick<Along, "request" | "respond"> = {},
): Promise<OrderState> {
  const { id: refundId, orderId, paymentId, amountCents, reason } = refund;
  try {
    await bus.call("payments.refund", { refundId, paymentId, amountCents, reason });
  } catch (error) {
    if (isRefusal(error)) {
      await orders.change(orderId, (order) => refundRefused(order, refund, messageOf(error)), now(), {
        refund: { id: refundId, status: "REFUSED", error: messageOf(error) },
      });
      throw error;
    }
    await refunds.failed(refundId, messageOf(error), now());
    throw new DomainError("unavailable", "PAYMENT_PROVIDER_UNAVAILABLE", "The refund is recorded and will be made.", {
      retryAfterSeconds: 5,
    });
  }
  await reach("refund.before-count");
  const { order } = await orders.change(orderId, (current) => refundDone(current, refund), now(), {
    ...along,
    refund: { id: refundId, status: "DONE" },
  });
  return order;
}
