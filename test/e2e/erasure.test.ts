import type { AuditEntry } from "../../contracts/audit-log.ts";
import type { Message } from "../../contracts/notify.ts";
import type { DoctorReport } from "../../contracts/ops.ts";
import type { Order } from "../../contracts/orders.ts";
import { everyValue } from "../support/every-value.ts";
import { startHub, type Hub, type StoreName } from "../support/hub.ts";
import type { Person } from "../support/rest.ts";
import { Shop } from "../support/shop.ts";
import { eventually } from "../support/wait.ts";

// What a person left in the system: all of it in the export, none of it in any table after the erasure.

const own = {
  name: "Zebulon Quillfeather",
  line1: "17 Marmalade Crescent",
  line2: "Behind the Hazelnut Tree",
  city: "Ottershaw-on-Wick",
  postalCode: "QZ9 4XW",
  phone: "+441632960123",
  note: "Ring thrice for Zebulon",
  reason: "My cat Persimmon ate the lantern",
} as const;

describe.each<StoreName>(["SQLite", "MySQL"])("a person's data on %s", (store) => {
  let hub: Hub;
  let shop: Shop;
  let sku: string;
  let person: Person;
  let addressId: string;
  const orders: Record<string, string> = {};

  beforeAll(async () => {
    hub = await startHub(store);
    shop = await Shop.open(hub);
    sku = await shop.product(100);
    person = await leaveTraces();
  });
  afterAll(() => hub.dispose());

  const placed = async (): Promise<string> => {
    const body = { items: [{ sku, quantity: 1 }], addressId, note: own.note };
    const answer = await hub.rest.post<Order>("/orders", {
      token: person.token,
      key: `Zebulon-${Math.random()}`,
      body,
    });
    expect(answer.status).toBe(201);
    return answer.body.id;
  };
  const paid = async (): Promise<string> => {
    const id = await placed();
    expect((await shop.pay(person, id)).status).toBe(200);
    return id;
  };
  const ship = (id: string) =>
    hub.rest.post<Order>(`/orders/${id}/ship`, { token: shop.admin, body: { carrier: "DHL", trackingNumber: "1Z" } });
  const cancel = (id: string) =>
    hub.rest.post(`/orders/${id}/cancel`, { token: person.token, body: { reason: own.reason } });

  /** Registers, and does everything of which something is kept. */
  async function leaveTraces(): Promise<Person> {
    const email = `zebulon-${Date.now()}@quillfeather.example`;
    const registered = await hub.rest.post<{ user: { id: string }; accessToken: string; refreshToken: string }>(
      "/auth/register",
      { body: { email, password: "correct horse battery", name: own.name } },
    );
    expect(registered.status).toBe(201);
    const { user, accessToken, refreshToken } = registered.body;
    person = { id: user.id, email, token: accessToken, refreshToken };
    const { line1, line2, city, postalCode, phone, name } = own;
    const address = await hub.rest.post<{ id: string }>("/users/me/addresses", {
      token: person.token,
      body: { name, line1, line2, city, postalCode, country: "GB", phone },
    });
    expect(address.status).toBe(201);
    addressId = address.body.id;
    const events = { "order.paid": ["in_app", "email", "sms"] };
    expect(
      (await hub.rest.put("/users/me/notification-preferences", { token: person.token, body: { events } })).status,
    ).toBe(200);
    await hub.rest.post("/auth/login", { body: { email, password: "not this one" } });
    await hub.rest.post("/auth/password/forgot", { body: { email } });

    Object.assign(orders, {
      unpaid: await placed(),
      waiting: await paid(),
      sent: await paid(),
      refunded: await paid(),
    });
    Object.assign(orders, { cancelled: await placed() });
    expect((await ship(orders.sent ?? "")).status).toBe(200);
    for (const id of [orders.refunded ?? "", orders.cancelled ?? ""]) expect((await cancel(id)).status).toBe(200);
    await shop.reaches(person, orders.refunded ?? "", "REFUNDED");
    await shop.told(person, orders.sent ?? "", ["order.created", "order.paid", "payment.succeeded", "order.shipped"]);
    return person;
  }

  const places = async (): Promise<string[]> => {
    const telling = [...Object.values(own), person.email, "Zebulon", "zebulon"];
    const found = (await everyValue(hub)).flatMap(([where, value]) =>
      telling.filter((text) => value.includes(text)).map((text) => `${where}: ${text}`),
    );
    return [...new Set(found)].sort();
  };

  it("is exported in full", async () => {
    const { body, status } = await hub.rest.get<Record<string, object[]>>("/users/me/export", { token: person.token });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      profile: { id: person.id, email: person.email, name: own.name },
      addresses: [{ id: addressId, line1: own.line1, phone: own.phone }],
      notificationPreferences: { events: { "order.paid": ["in_app", "email", "sms"] } },
    });
    expect((body.orders as Order[]).map(({ id }) => id).sort()).toEqual(Object.values(orders).sort());
    expect(JSON.stringify(body.orders)).toContain(own.note);
    expect(body.payments).toHaveLength(3);
    const told = (await shop.notifications(person)).length;
    expect(body.notifications).toHaveLength(told);
    expect(JSON.stringify(body.orderHistory)).toContain(own.reason);
    expect(new Set(body.messages?.map((message) => (message as Message).to))).toEqual(
      new Set([person.email, own.phone]),
    );
    expect(body.sessions).toMatchObject([{ endedAt: null }]);
    expect((body.auditLog as AuditEntry[]).map(({ action }) => action)).toEqual(["registration", "refund"]);
    expect((await places()).length).toBeGreaterThan(20);
  });

  it("is gone from every table once the account is erased and the last order sent", async () => {
    expect((await hub.rest.delete("/users/me", { token: person.token })).status).toBe(204);

    // what is paid has still to be sent: its address stays until then, and nothing else
    const waiting = ["orders.orders.address", "orders.orders.note"];
    const left = async (): Promise<string[]> =>
      [...new Set((await places()).map((place) => place.split(":")[0] ?? ""))].filter(
        (place) => !waiting.includes(place),
      );
    await eventually(async () => (await left()).length === 0, 20_000).catch(() => undefined);
    expect(await left()).toEqual([]);
    const open = await hub.rest.get<Order>(`/orders/${orders.waiting}`, { token: shop.admin });
    expect(open.body).toMatchObject({
      status: "PAID",
      note: own.note,
      address: { line1: own.line1, phone: own.phone },
    });

    expect((await ship(orders.waiting ?? "")).body).toMatchObject({ status: "SHIPPED" });
    expect((await hub.rest.post(`/orders/${orders.unpaid}/cancel`, { token: shop.admin, body: {} })).status).toBe(200);
    await eventually(async () => (await places()).length === 0, 20_000).catch(() => undefined);
    expect(await places()).toEqual([]);
  });

  it("leaves the orders, which tell of nobody", async () => {
    for (const id of Object.values(orders)) {
      const { body, status } = await hub.rest.get<Order>(`/orders/${id}`, { token: shop.admin });
      expect([status, body.address, body.note, body.customerId]).toEqual([200, null, null, person.id]);
    }
    const doctor = await hub.rest.get<DoctorReport>("/ops/doctor", { token: shop.admin });
    expect(doctor.body.checks.filter(({ ok }) => !ok)).toEqual([]);
  });
});
