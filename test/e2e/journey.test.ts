import { startHub, withDemo, type Hub, type StoreName } from "../support/hub.ts";
import type { Person } from "../support/rest.ts";
import { Shop } from "../support/shop.ts";
import { eventually } from "../support/wait.ts";

describe.each<StoreName>(["SQLite", "MySQL"])("a shopper's way through the system on %s", (store) => {
  let hub: Hub;
  let shop: Shop;
  let ann: Person;

  beforeAll(async () => {
    hub = await startHub(store, withDemo);
    shop = await Shop.open(hub);
    ann = await hub.rest.signUp();
  });
  afterAll(() => hub.dispose());

  it("leads from the real catalogue to a paid order and the notification of it", async () => {
    const { body: found } = await hub.rest.get<{ items: { sku: string; priceCents: number; available: number }[] }>(
      "/products?search=heart%20t-light&inStock=true&sort=price",
    );
    const [product] = found.items;
    if (!product) throw new Error("the demo catalogue is empty");
    const { body: one } = await hub.rest.get(`/products/${product.sku}`);
    expect(one).toMatchObject({ sku: product.sku, available: product.available, currency: "GBP" });

    const address = await hub.rest.post<{ id: string }>("/users/me/addresses", {
      token: ann.token,
      body: { name: "Ann Lee", line1: "1 High Street", city: "York", postalCode: "YO1 7HH", country: "GB" },
    });
    const placed = await hub.rest.post<{ id: string; totalCents: number }>("/orders", {
      token: ann.token,
      key: "first",
      body: { items: [{ sku: product.sku, quantity: 2 }], addressId: address.body.id, note: "Für Zoë 🎁" },
    });
    expect(placed.status).toBe(201);
    expect(placed.headers.get("location")).toBe(`/api/v1/orders/${placed.body.id}`);
    expect(placed.body).toMatchObject({
      status: "CREATED",
      totalCents: 2 * product.priceCents,
      note: "Für Zoë 🎁",
      address: { city: "York" },
    });

    const paid = await shop.pay(ann, placed.body.id);
    expect(paid).toMatchObject({ status: 200, body: { status: "SUCCEEDED", amountCents: placed.body.totalCents } });
    expect(await shop.order(ann, placed.body.id)).toMatchObject({ status: "PAID", paymentId: paid.body.id });
    await shop.told(ann, placed.body.id, ["order.created", "order.paid", "payment.succeeded"]);
    await eventually(async () => (await shop.level(product.sku)).body.onHand === product.available - 2);

    const { body: story } = await hub.rest.get<{ items: { type: string }[] }>(`/orders/${placed.body.id}/timeline`, {
      token: ann.token,
    });
    expect(story.items.map(({ type }) => type)).toEqual(expect.arrayContaining(["order.created", "order.paid"]));
  });

  it("gives the last unit to one of two buyers", async () => {
    const bob = await hub.rest.signUp();
    for (let round = 0; round < 5; round += 1) {
      const sku = await shop.product(1);
      const answers = await Promise.all([shop.place(ann, sku), shop.place(bob, sku)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
      const refusal = answers.find(({ status }) => status === 409);
      expect(refusal?.body).toMatchObject({ code: "OUT_OF_STOCK", sku, requested: 1, available: 0 });
      expect(refusal?.headers.get("content-type")).toBe("application/problem+json");
    }
  });

  it("answers the same key with the same order and the same payment", async () => {
    const sku = await shop.product(5);
    const first = await shop.place(ann, sku, 1, "same-order");
    const again = await shop.place(ann, sku, 1, "same-order");
    const changed = await shop.place(ann, sku, 2, "same-order");
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(changed).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_KEY_REUSED" } });

    const paid = await shop.pay(ann, first.body.id, "tok_ok", "same-payment");
    const paidAgain = await shop.pay(ann, first.body.id, "tok_ok", "same-payment");
    expect(paidAgain).toMatchObject({ status: 200, body: { id: paid.body.id } });
    expect(await shop.payments(ann, first.body.id)).toHaveLength(1);
    expect((await shop.level(sku)).body.available).toBe(4);
  });

  it("cancels an unpaid order and gives its stock back", async () => {
    const sku = await shop.product(3);
    const order = await shop.placed(ann, sku, 3);
    expect((await shop.level(sku)).body).toMatchObject({ reserved: 3, available: 0 });
    const cancelled = await hub.rest.post(`/orders/${order.id}/cancel`, {
      token: ann.token,
      body: { reason: "too many" },
    });

    expect(cancelled).toMatchObject({ status: 200, body: { status: "CANCELLED" } });
    await eventually(async () => (await shop.level(sku)).body.available === 3);
    await shop.told(ann, order.id, ["order.created", "order.cancelled"]);
    expect(await shop.pay(ann, order.id)).toMatchObject({
      status: 409,
      body: { code: "ORDER_NOT_PAYABLE", orderStatus: "CANCELLED" },
    });
  });

  it("refunds a paid order that is cancelled before it is sent, and takes the goods back", async () => {
    const sku = await shop.product(3);
    const order = await shop.placed(ann, sku, 2);
    await shop.pay(ann, order.id);
    const cancelled = await hub.rest.post(`/orders/${order.id}/cancel`, { token: ann.token, key: "cancel-1" });
    const again = await hub.rest.post(`/orders/${order.id}/cancel`, { token: ann.token, key: "cancel-1" });

    expect(cancelled).toMatchObject({ status: 200, body: { status: "REFUNDED", refundedCents: order.totalCents } });
    expect(again.body).toEqual(cancelled.body);
    expect(await shop.payments(ann, order.id)).toMatchObject([
      { status: "SUCCEEDED", refundedCents: order.totalCents },
    ]);
    await eventually(async () => (await shop.level(sku)).body.onHand === 3);
    await shop.told(ann, order.id, [
      "order.created",
      "order.paid",
      "payment.succeeded",
      "payment.refunded",
      "order.refunded",
    ]);
  });

  it("ships, completes and refunds in part and in full, keeping the goods with the customer", async () => {
    const sku = await shop.product(3);
    const order = await shop.placed(ann, sku, 2);
    await shop.pay(ann, order.id);
    const staff = { token: shop.admin };
    const ship = await hub.rest.post(`/orders/${order.id}/ship`, {
      ...staff,
      body: { carrier: "Royal Mail", trackingNumber: "RM1" },
    });
    expect(ship).toMatchObject({ status: 200, body: { status: "SHIPPED", shipment: { carrier: "Royal Mail" } } });
    expect(await hub.rest.post(`/orders/${order.id}/complete`, { token: ann.token })).toMatchObject({
      status: 200,
      body: { status: "COMPLETED" },
    });

    const part = await hub.rest.post(`/orders/${order.id}/refund`, {
      ...staff,
      body: { amountCents: 100, reason: "scratched" },
    });
    expect(part).toMatchObject({ status: 200, body: { status: "COMPLETED", refundedCents: 100 } });
    const tooMuch = await hub.rest.post(`/orders/${order.id}/refund`, {
      ...staff,
      body: { amountCents: order.totalCents, reason: "all" },
    });
    expect(tooMuch).toMatchObject({ status: 409, body: { code: "REFUND_EXCEEDS_PAYMENT" } });
    const rest = await hub.rest.post(`/orders/${order.id}/refund`, { ...staff, body: { reason: "broken" } });
    expect(rest).toMatchObject({ status: 200, body: { status: "REFUNDED", refundedCents: order.totalCents } });
    await shop.told(ann, order.id, [
      ...["order.created", "order.paid", "payment.succeeded", "order.shipped", "order.completed"],
      ...["payment.refunded", "order.refunded", "payment.refunded", "order.refunded"],
    ]);
    expect((await shop.level(sku)).body.onHand).toBe(1);
  });

  it("tells a Chinese reader in Chinese, by e-mail too", async () => {
    const li = await hub.rest.signUp("zh");
    const order = await shop.placed(li, await shop.product(1));
    await shop.told(li, order.id, ["order.created"]);
    const [told] = await shop.notifications(li);
    expect(told?.title).toMatch(/\p{Script=Han}/u);
    const mails = await eventually(async () => {
      const { body } = await hub.rest.get<{ items: { to: string; subject: string }[] }>(`/mailbox?to=${li.email}`, {
        token: shop.admin,
      });
      return body.items.length >= 2 && body.items;
    });
    expect(mails.every(({ subject }) => /\p{Script=Han}/u.test(subject))).toBe(true);
  });
});
