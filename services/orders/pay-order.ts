import type { Caller } from "../../middlewares/guard.middleware.ts";
import type { Bus } from "../../contracts/bus.ts";
import type { Payment, PaymentMethod } from "../../contracts/payments.ts";
import { codeOf, DomainError, notFound } from "../../lib/errors.ts";
import { reach } from "../../lib/failpoints.ts";
import { refusalResponse, reusedError, type KeyedRequest } from "./idempotency.ts";
import { assertPayable, isPayable, notPayable, type OrderState } from "./order.ts";
import { settlePayment, type SettleDeps } from "./settle-payment.ts";

export interface PayInput {
  id: string;
  method: PaymentMethod;
  token?: string;
}

/** What an order is before it is paid. Nobody has to look at what comes of it: where the answer is stored, nobody does. */
export function lookToPay(orders: SettleDeps["orders"], id: string): Promise<OrderState | null> {
  const found = orders.find(id);
  found.catch(() => {});
  return found;
}

/**
 * Charges an order. The answer's status is 200 when the money has come and 202 when the provider has not decided yet.
 * A retry with its key finds the payment of the first try, whatever became of the order since.
 */
export async function payOrder(
  deps: SettleDeps,
  caller: Caller,
  { id, method, token }: PayInput,
  order: OrderState | null,
  request: KeyedRequest | null,
): Promise<{ status: 200 | 202; payment: Payment }> {
  const { bus, orders, now } = deps;
  if (!order || !caller.mayUse(order.customerId)) throw notFound("order");
  if (!isPayable(order, now())) {
    const earlier = request ? await bus.call("payments.byKey", { key: request.digest }) : null;
    if (!earlier) assertPayable(order, now());
  }
  // also for an earlier one: payments goes on with it where it stopped, and refuses another request with its key
  const payment = await charge(bus, order, { method, token }, request);
  await reach("payment.after-settle");

  if (payment.status === "SUCCEEDED") {
    const money = { paymentId: payment.id, amountCents: payment.amountCents };
    const settled = await settlePayment(deps, id, money, {
      request,
      respond: (after) =>
        after.paymentId === payment.id
          ? { status: 200, body: payment }
          : refusalResponse(409, returnedRefusal(after, payment)),
    });
    if (settled.order.paymentId !== payment.id) throw returnedRefusal(settled.order, payment);
    return { status: 200, payment };
  }
  if (payment.status === "PENDING") {
    if (request)
      await orders.change(id, () => null, now(), { request, respond: () => ({ status: 202, body: payment }) });
    return { status: 202, payment };
  }
  const refusal = new DomainError("declined", "PAYMENT_DECLINED", "The payment was declined.", {
    paymentId: payment.id,
    failureCode: payment.failureCode,
  });
  if (request) await orders.change(id, () => null, now(), { request, respond: () => refusalResponse(402, refusal) });
  throw refusal;
}

async function charge(
  bus: Bus,
  order: OrderState,
  { method, token }: Omit<PayInput, "id">,
  request: KeyedRequest | null,
): Promise<Payment> {
  try {
    return await bus.call("payments.create", {
      orderId: order.id,
      customerId: order.customerId,
      amountCents: order.totalCents,
      currency: order.currency,
      method,
      ...(token === undefined ? {} : { token }),
      ...(request ? { key: request.digest } : {}),
    });
  } catch (error) {
    const code = codeOf(error);
    if (code === "IDEMPOTENCY_KEY_REUSED") throw reusedError();
    if (code !== "PAYMENT_OPEN") throw error;
    throw notPayable("A payment of this order is under way.", { orderStatus: order.status });
  }
}

const returnedRefusal = (order: OrderState, payment: Payment): DomainError =>
  notPayable(`The order is ${order.status}; the payment is being returned in full.`, {
    orderStatus: order.status,
    paymentId: payment.id,
  });
