import { startHub, type Hub, type StoreName } from "../support/hub.ts";
import type { Person } from "../support/rest.ts";
import { Shop } from "../support/shop.ts";
import { eventually } from "../support/wait.ts";

describe.each<StoreName>(["SQLite", "MySQL"])("paying with each of the sandbox's tokens on %s", (store) => {
  let hub: Hub;
  let shop: Shop;
  let ann: Person;
  let sku: string;

  beforeAll(async () => {
    hub = await startHub(store);
    shop = await Shop.open(hub);
    ann = await hub.rest.signUp();
    sku = await shop.product(100);
  });
  afterAll(() => hub.dispose());

  const placed = () => shop.placed(ann, sku);
  const onePaidOnce = async (id: string) => {
    const payments = await shop.payments(ann, id);
    expect(payments.filter(({ status }) => status === "SUCCEEDED")).toHaveLength(1);
    expect(payments).toMatchObject([{ status: "SUCCEEDED", refundedCents: 0 }]);
  };

  it("tok_ok settles at once", async () => {
    const order = await placed();
    expect((await shop.pay(ann, order.id, "tok_ok")).status).toBe(200);
    expect((await shop.order(ann, order.id)).status).toBe("PAID");
    await onePaidOnce(order.id);
  });

  it("tok_declined is refused, and another card may be tried", async () => {
    const order = await placed();
    const declined = await shop.pay(ann, order.id, "tok_declined");
    expect(declined).toMatchObject({ status: 402, body: { code: "PAYMENT_DECLINED" } });
    expect((await shop.pay(ann, order.id, "tok_ok")).status).toBe(200);
    await shop.told(ann, order.id, ["order.created", "payment.failed", "payment.succeeded", "order.paid"]);
  });

  it("tok_async_ok is pending, then paid by the webhook", async () => {
    const order = await placed();
    const pending = await shop.pay(ann, order.id, "tok_async_ok");
    expect(pending).toMatchObject({ status: 202, body: { status: "PENDING" } });
    expect((await shop.pay(ann, order.id, "tok_ok")).body).toMatchObject({
      code: "ORDER_NOT_PAYABLE",
      orderStatus: "CREATED",
    });
    await shop.reaches(ann, order.id, "PAID");
    await onePaidOnce(order.id);
  });

  it("tok_async_declined is pending, then declined, and the order can still be paid", async () => {
    const order = await placed();
    expect((await shop.pay(ann, order.id, "tok_async_declined")).status).toBe(202);
    await eventually(async () => (await shop.payments(ann, order.id))[0]?.status === "FAILED");
    expect((await shop.pay(ann, order.id, "tok_ok")).status).toBe(200);
  });

  it.each([
    ["approve", "PAID"],
    ["decline", "CREATED"],
  ] as const)("tok_approve waits for a person; %s leaves the order %s", async (decision, status) => {
    const order = await placed();
    const pending = await shop.pay(ann, order.id, "tok_approve");
    expect(pending).toMatchObject({ status: 202, body: { status: "PENDING" } });
    expect(await shop.decide(pending.body.redirectUrl, decision)).toBe(200);
    await eventually(async () => (await shop.payments(ann, order.id))[0]?.status !== "PENDING");
    await shop.reaches(ann, order.id, status);
  });

  it("tok_timeout, tok_error_after_charge and tok_silent are charged once and found out", async () => {
    const foundOut = async (token: string): Promise<void> => {
      const order = await placed();
      const startedAt = Date.now();
      const answer = await shop.pay(ann, order.id, token);
      expect([200, 202]).toContain(answer.status);
      expect(Date.now() - startedAt).toBeLessThan(5_000);
      await shop.reaches(ann, order.id, "PAID", 40_000);
      await onePaidOnce(order.id);
    };
    // at once, as they mostly wait
    await Promise.all(["tok_timeout", "tok_error_after_charge", "tok_silent"].map(foundOut));
  });

  it("tok_duplicate sends its webhook five times and pays once", async () => {
    const order = await placed();
    await shop.pay(ann, order.id, "tok_duplicate");
    await shop.reaches(ann, order.id, "PAID");
    await onePaidOnce(order.id);
    await shop.told(ann, order.id, ["order.created", "payment.succeeded", "order.paid"]);
  });

  it("takes no webhook without the right signature", async () => {
    const body = JSON.stringify({ id: "evt_1", type: "charge.succeeded", data: {} });
    const send = (headers: Record<string, string>) =>
      hub.rest.post("/payments/webhooks/sandbox", {
        headers: { "content-type": "application/json", ...headers },
        body,
      });
    const now = Math.floor(Date.now() / 1_000);
    expect((await send({})).status).toBe(401);
    expect((await send({ "hub-signature": `t=${now},v1=${"0".repeat(64)}` })).status).toBe(401);
  });
});

describe.each<StoreName>(["SQLite", "MySQL"])("money that comes late on %s", (store) => {
  let hub: Hub;
  let shop: Shop;
  let ann: Person;

  beforeAll(async () => {
    hub = await startHub(store, { ORDER_TTL_SECONDS: "2" });
    shop = await Shop.open(hub);
    ann = await hub.rest.signUp();
  });
  afterAll(() => hub.dispose());

  const awaitingApproval = async (sku: string) => {
    const order = await shop.placed(ann, sku);
    const { body } = await shop.pay(ann, order.id, "tok_approve");
    return { order, page: body.redirectUrl };
  };

  it("pays an expired order whose stock is still there", async () => {
    const sku = await shop.product(1);
    const { order, page } = await awaitingApproval(sku);
    await shop.reaches(ann, order.id, "EXPIRED");
    await eventually(async () => (await shop.level(sku)).body.available === 1);
    expect(await shop.decide(page, "approve")).toBe(200);

    await shop.reaches(ann, order.id, "PAID");
    await eventually(async () => (await shop.level(sku)).body.onHand === 0);
    await shop.told(ann, order.id, ["order.created", "order.expired", "payment.succeeded", "order.paid"]);
  });

  it("goes back in full, once, when the expired order's stock went to somebody else", async () => {
    const sku = await shop.product(1);
    const { order, page } = await awaitingApproval(sku);
    await shop.reaches(ann, order.id, "EXPIRED");
    await eventually(async () => (await shop.level(sku)).body.available === 1);
    const bob = await hub.rest.signUp();
    const taken = await shop.placed(bob, sku);
    await shop.pay(bob, taken.id);
    await shop.decide(page, "approve");

    await eventually(async () => (await shop.payments(ann, order.id))[0]?.refundedCents === order.totalCents);
    expect(await shop.order(ann, order.id)).toMatchObject({ status: "EXPIRED" });
    await shop.told(ann, order.id, [
      "order.created",
      "order.expired",
      "payment.succeeded",
      "payment.refunded",
      "order.refunded",
    ]);
    expect((await shop.order(bob, taken.id)).status).toBe("PAID");
  });

  it("goes back in full, once, when the order was cancelled", async () => {
    const { order, page } = await awaitingApproval(await shop.product(1));
    await hub.rest.post(`/orders/${order.id}/cancel`, { token: ann.token });
    await shop.decide(page, "approve");

    await eventually(async () => (await shop.payments(ann, order.id))[0]?.refundedCents === order.totalCents);
    expect(await shop.order(ann, order.id)).toMatchObject({ status: "CANCELLED" });
  });

  it("lets an unpaid order expire, gives its stock back and says so", async () => {
    const sku = await shop.product(2);
    const order = await shop.placed(ann, sku, 2);
    await shop.reaches(ann, order.id, "EXPIRED");
    await eventually(async () => (await shop.level(sku)).body.available === 2);
    await shop.told(ann, order.id, ["order.created", "order.expired"]);
  });
});
