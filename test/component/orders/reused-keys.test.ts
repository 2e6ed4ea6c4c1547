import type { Order } from "../../../contracts/orders.ts";
import { armFailpoints } from "../../../lib/armed-failpoints.ts";
import type { FailpointName } from "../../../lib/failpoints.ts";
import { newId } from "../../../lib/ids.ts";
import inventory from "../../../services/inventory/inventory.service.ts";
import orders from "../../../services/orders/orders.service.ts";
import payments from "../../../services/payments/payments.service.ts";
import { admin, customer, neighbour, startBroker, type TestBroker } from "../../support/broker.ts";

const ann = customer(newId());
const boss = admin(newId());
const stock = 100;

/** Requests with a key whose first try took effect and died before its answer was stored. */
describe("a key whose first try left no answer", () => {
  let node: TestBroker;
  let keys = 0;

  beforeAll(async () => {
    const products = neighbour("products", {
      quote: ({ skus }: { skus: string[] }) =>
        skus.map((sku) => ({ sku, name: sku, priceCents: 250, currency: "GBP" })),
      get: ({ sku }: { sku: string }) => ({ sku }),
    });
    node = await startBroker([orders, payments, inventory, products, neighbour("notify", { receive: () => null })]);
    await node.broker.call("inventory.set", { sku: "A", onHand: stock }, node.as(boss));
  });
  afterAll(() => node.stop());

  const keyed = (user = ann) => ({ meta: { user, idempotencyKey: `key-${(keys += 1)}` } });
  const dieAt = (name: FailpointName): void => armFailpoints([{ name, nth: 1, action: { kind: "throw" } }]);
  const place = (quantity = 1, options = node.as(ann)): Promise<Order> =>
    node.broker.call("orders.place", { items: [{ sku: "A", quantity }] }, options);
  const paid = async (): Promise<Order> => {
    const { id } = await place();
    await node.broker.call("orders.pay", { id, method: "card" }, node.as(ann));
    return node.broker.call("orders.get", { id }, node.as(ann));
  };
  const chargesOf = async ({ id }: Order) =>
    (await node.broker.call("payments.ofOrder", { orderId: id })).items.map(({ status }) => status);

  it.each(["payment.after-row", "payment.after-answer", "payment.after-settle"] as const)(
    "pays with the same body and is refused with another one, when it died at %s",
    async (point) => {
      const [order, another] = [await place(), await place()];
      const options = keyed();
      const pay = (id: string, token: string) => node.broker.call("orders.pay", { id, method: "card", token }, options);
      dieAt(point);
      await expect(pay(order.id, "tok_ok")).rejects.toThrow();

      await expect(pay(order.id, "tok_declined")).rejects.toMatchObject({ code: 422, type: "IDEMPOTENCY_KEY_REUSED" });
      await expect(pay(another.id, "tok_ok")).rejects.toMatchObject({ code: 422, type: "IDEMPOTENCY_KEY_REUSED" });
      expect(await pay(order.id, "tok_ok")).toMatchObject({ status: "SUCCEEDED", orderId: order.id });
      expect(await chargesOf(order)).toEqual(["SUCCEEDED"]);
      expect(await chargesOf(another)).toEqual([]);
    },
  );

  it.each(["refund.after-row", "refund.before-count"] as const)(
    "refunds with the same body and is refused with another one, when it died at %s",
    async (point) => {
      const [order, another] = [await paid(), await paid()];
      const options = keyed(boss);
      const refund = (id: string, amountCents: number) =>
        node.broker.call("orders.refund", { id, amountCents, reason: "broken" }, options);
      dieAt(point);
      await expect(refund(order.id, 100)).rejects.toThrow();

      await expect(refund(order.id, 120)).rejects.toMatchObject({ code: 422, type: "IDEMPOTENCY_KEY_REUSED" });
      await expect(refund(another.id, 100)).rejects.toMatchObject({ code: 422, type: "IDEMPOTENCY_KEY_REUSED" });
      expect(await refund(order.id, 100)).toMatchObject({ id: order.id, refundedCents: 100 });
    },
  );

  it("holds stock of its own for another body, so that no order goes with the hold for other lines", async () => {
    const options = keyed();
    dieAt("place.after-reserve");
    await expect(place(1, options)).rejects.toThrow();

    const order = await place(3, options);

    const held = await node.broker.call("inventory.reservation", { orderId: order.id });
    expect(held?.lines).toEqual([{ sku: "A", quantity: 3 }]);
    expect(order.lines).toMatchObject([{ quantity: 3 }]);
  });
});
