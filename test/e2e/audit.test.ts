import type { AuditEntry } from "../../contracts/audit-log.ts";
import { startHub, type Hub, type StoreName } from "../support/hub.ts";
import type { Answer, Person } from "../support/rest.ts";
import { Shop } from "../support/shop.ts";
import { eventually } from "../support/wait.ts";

// Every deed that the audit log has to tell of, done over REST, and what it then tells.

interface World {
  hub: Hub;
  shop: Shop;
  bossId: string;
  ann: Person;
  bob: Person;
  sku: string;
  orderId: string;
  paymentId: string;
  addressId: string;
  notificationId: string;
}

interface Row {
  deed: string;
  /** Answers with the statuses of what it asked. */
  act: (world: World) => Promise<number[]>;
  status: number;
  entry: (world: World) => Partial<AuditEntry>;
}

const password = "correct horse battery";
const address = { name: "Ann", line1: "1 Elm Road", city: "Leeds", postalCode: "LS1 1AA", country: "GB" };
const statusOf = async (...answers: Promise<Answer>[]): Promise<number[]> =>
  (await Promise.all(answers)).map(({ status }) => status);
const refused = (target: string, { bob }: World): Partial<AuditEntry> => ({
  ...{ action: "access.refused", outcome: "refused", target, actor: bob.id },
});

/** Bob asks for what is Ann's: the same answer as for what does not exist. */
const foreign = (method: string, path: (world: World) => string, body?: object): Omit<Row, "deed" | "entry"> => ({
  act: (world) => statusOf(world.hub.rest.request(method, path(world), { token: world.bob.token, body })),
  status: 404,
});
const order =
  (what = "") =>
  ({ orderId }: World) =>
    `/orders/${orderId}${what}`;
const onOrder = (world: World) => refused(`order ${world.orderId}`, world);

const rows: Row[] = [
  { deed: "reading another's order", ...foreign("GET", order()), entry: onOrder },
  { deed: "reading its timeline", ...foreign("GET", order("/timeline")), entry: onOrder },
  { deed: "reading its payments", ...foreign("GET", order("/payments")), entry: onOrder },
  { deed: "paying it", ...foreign("POST", order("/pay"), { method: "card" }), entry: onOrder },
  { deed: "cancelling it", ...foreign("POST", order("/cancel"), {}), entry: onOrder },
  { deed: "completing it", ...foreign("POST", order("/complete")), entry: onOrder },
  {
    deed: "reading another's payment",
    ...foreign("GET", ({ paymentId }) => `/payments/${paymentId}`),
    entry: (world) => refused(`payment ${world.paymentId}`, world),
  },
  {
    deed: "reading another's notification",
    ...foreign("POST", ({ notificationId }) => `/notifications/${notificationId}/read`),
    entry: (world) => refused(`notification ${world.notificationId}`, world),
  },
  ...(["PATCH", "DELETE"] as const).map((method) => ({
    deed: `${method} of another's address`,
    ...foreign(
      method,
      ({ addressId }) => `/users/me/addresses/${addressId}`,
      method === "PATCH" ? { city: "York" } : undefined,
    ),
    entry: (world: World) => refused(`address ${world.addressId}`, world),
  })),
  {
    deed: "ordering to another's address",
    act: ({ hub, bob, sku, addressId }) =>
      statusOf(hub.rest.post("/orders", { token: bob.token, body: { items: [{ sku, quantity: 1 }], addressId } })),
    status: 404,
    entry: (world) => refused(`address ${world.addressId}`, world),
  },
  {
    deed: "an administrator's route for a customer",
    act: ({ hub, bob }) => statusOf(hub.rest.get("/users", { token: bob.token })),
    status: 403,
    entry: (world) => ({
      ...refused("route", world),
      detail: { code: "FORBIDDEN", method: "GET", path: "/api/v1/users" },
    }),
  },
  {
    deed: "a registration",
    act: async ({ hub }) => [(await hub.rest.signUp()).id].map(() => 201),
    status: 201,
    entry: () => ({ action: "registration", outcome: "done" }),
  },
  {
    deed: "a log-in",
    act: ({ hub, ann }) => statusOf(hub.rest.post("/auth/login", { body: { email: ann.email, password } })),
    status: 200,
    entry: ({ ann }) => ({ action: "login", outcome: "done", actor: ann.id, target: `user ${ann.id}` }),
  },
  {
    deed: "a failed log-in",
    act: ({ hub, ann }) => statusOf(hub.rest.post("/auth/login", { body: { email: ann.email, password: "a guess" } })),
    status: 401,
    entry: () => ({ action: "login", outcome: "refused", actor: null }),
  },
  {
    deed: "a refresh token used twice",
    act: async ({ hub }) => {
      const { refreshToken } = await hub.rest.signUp();
      const refresh = () => hub.rest.post("/auth/refresh", { body: { refreshToken } });
      await refresh();
      return statusOf(refresh());
    },
    status: 401,
    entry: () => ({ action: "token.reuse", outcome: "refused", actor: null }),
  },
  {
    deed: "a log-out",
    act: async ({ hub, ann }) => {
      const session = await hub.rest.post<{ refreshToken: string }>("/auth/login", {
        body: { email: ann.email, password },
      });
      return statusOf(hub.rest.post("/auth/logout", { body: { refreshToken: session.body.refreshToken } }));
    },
    status: 204,
    entry: ({ ann }) => ({ action: "logout", actor: ann.id }),
  },
  {
    deed: "a log-out everywhere",
    act: async ({ hub }) => statusOf(hub.rest.post("/auth/logout-all", { token: (await hub.rest.signUp()).token })),
    status: 204,
    entry: () => ({ action: "logout", target: expect.stringMatching(/^user /) as string }),
  },
  {
    deed: "a changed password",
    act: async ({ hub }) => {
      const { token } = await hub.rest.signUp();
      const body = { currentPassword: password, newPassword: "another long password" };
      return statusOf(hub.rest.post("/auth/password", { token, body }));
    },
    status: 204,
    entry: () => ({ action: "password.change", outcome: "done" }),
  },
  {
    deed: "a password set by mail",
    act: async ({ hub, shop }) => {
      const { email } = await hub.rest.signUp();
      await hub.rest.post("/auth/password/forgot", { body: { email } });
      const token = await eventually(async () => {
        const box = await hub.rest.get(`/mailbox?to=${encodeURIComponent(email)}`, { token: shop.admin });
        return /(?:\\n|[^\w-])([\w-]{43})(?:\\n|[^\w-])/.exec(JSON.stringify(box.body))?.[1];
      });
      return statusOf(hub.rest.post("/auth/password/reset", { body: { token, newPassword: "another long password" } }));
    },
    status: 204,
    entry: () => ({ action: "password.reset", outcome: "done" }),
  },
  {
    deed: "other roles",
    act: ({ hub, shop, ann }) =>
      statusOf(hub.rest.patch(`/users/${ann.id}`, { token: shop.admin, body: { roles: ["customer", "support"] } })),
    status: 200,
    entry: ({ ann, bossId }) => ({
      ...{ action: "access.change", actor: bossId, target: `user ${ann.id}` },
      detail: { roles: ["customer", "support"] },
    }),
  },
  {
    deed: "a disabled account",
    act: async ({ hub, shop }) => {
      const { id } = await hub.rest.signUp();
      return statusOf(hub.rest.patch(`/users/${id}`, { token: shop.admin, body: { status: "disabled" } }));
    },
    status: 200,
    entry: ({ bossId }) => ({ action: "access.change", actor: bossId, detail: { status: "disabled" } }),
  },
  {
    deed: "an export",
    act: async ({ hub }) => statusOf(hub.rest.get("/users/me/export", { token: (await hub.rest.signUp()).token })),
    status: 200,
    entry: () => ({ action: "data.export" }),
  },
  {
    deed: "an erasure",
    act: async ({ hub }) => statusOf(hub.rest.delete("/users/me", { token: (await hub.rest.signUp()).token })),
    status: 204,
    entry: () => ({ action: "data.erase" }),
  },
  {
    deed: "a key rotation",
    act: ({ hub, shop }) => statusOf(hub.rest.post("/ops/keys/rotate", { token: shop.admin })),
    status: 200,
    entry: ({ bossId }) => ({ action: "key.rotation", actor: bossId }),
  },
  {
    deed: "counted stock",
    act: ({ hub, shop, sku }) =>
      statusOf(hub.rest.put(`/inventory/${sku}`, { token: shop.admin, body: { onHand: 77 } })),
    status: 200,
    entry: ({ sku, bossId }) => ({
      ...{ action: "stock.change", actor: bossId, target: `product ${sku}`, detail: { onHand: 77 } },
    }),
  },
  {
    deed: "adjusted stock",
    act: ({ hub, shop, sku }) =>
      statusOf(
        hub.rest.post(`/inventory/${sku}/adjustments`, { token: shop.admin, body: { delta: -1, reason: "broken" } }),
      ),
    status: 200,
    entry: ({ sku, bossId }) => ({
      ...{ action: "stock.change", actor: bossId, target: `product ${sku}`, detail: { delta: -1, reason: "broken" } },
    }),
  },
  {
    deed: "a refund",
    act: ({ hub, shop, orderId }) =>
      statusOf(
        hub.rest.post(`/orders/${orderId}/refund`, { token: shop.admin, body: { amountCents: 10, reason: "late" } }),
      ),
    status: 200,
    entry: ({ orderId, bossId }) => ({ action: "refund", actor: bossId, target: `order ${orderId}` }),
  },
  {
    deed: "a changed setting",
    act: ({ hub, shop }) =>
      statusOf(hub.rest.patch("/ops/config", { token: shop.admin, body: { orderTtlSeconds: 600 } })),
    status: 200,
    entry: ({ bossId }) => ({
      ...{ action: "settings.change", actor: bossId, target: "settings" },
      detail: { before: {}, after: { orderTtlSeconds: 600 } },
    }),
  },
];

describe.each<StoreName>(["SQLite", "MySQL"])("the audit log on %s", (store) => {
  let world: World;

  beforeAll(async () => {
    const hub = await startHub(store);
    const shop = await Shop.open(hub);
    const [ann, bob] = [await hub.rest.signUp(), await hub.rest.signUp()];
    const sku = await shop.product(100);
    const me = await hub.rest.get<{ id: string }>("/users/me", { token: shop.admin });
    const added = await hub.rest.post<{ id: string }>("/users/me/addresses", { token: ann.token, body: address });
    const { id: orderId } = await shop.placed(ann, sku);
    const paymentId = (await shop.pay(ann, orderId)).body.id;
    const notificationId = await eventually(async () => {
      const { body } = await hub.rest.get<{ items: { id: string }[] }>("/notifications", { token: ann.token });
      return body.items[0]?.id;
    });
    world = {
      hub,
      shop,
      bossId: me.body.id,
      ann,
      bob,
      sku,
      orderId,
      paymentId,
      addressId: added.body.id,
      notificationId,
    };
  });
  afterAll(() => world.hub.dispose());

  const entries = async (): Promise<AuditEntry[]> => {
    const { hub, shop } = world;
    return (await hub.rest.get<{ items: AuditEntry[] }>("/ops/audit?limit=100", { token: shop.admin })).body.items;
  };

  it.each(rows)("tells of $deed, once, with who asked and from where", async ({ act, status, entry }) => {
    const before = new Set((await entries()).map(({ id }) => id));
    expect(await act(world)).toEqual([status]);

    const wanted = { ...entry(world), clientAddress: "127.0.0.1", requestId: expect.stringMatching(/./) as string };
    const isWanted = (one: AuditEntry): boolean => one.action === wanted.action && !before.has(one.id);
    const found = await eventually(async () => {
      const all = (await entries()).filter(isWanted);
      return all.length > 0 && all;
    });
    expect(found).toEqual([expect.objectContaining(wanted)]);
  });

  it("tells of no refusal where there is nothing", async () => {
    const { hub, bob } = world;
    const before = (await entries()).length;
    const nothing = "01900000-0000-7000-8000-000000000000";
    const ask = (method: string, path: string, body?: object) =>
      hub.rest.request(method, path, { token: bob.token, body });
    expect(
      await statusOf(
        ask("GET", `/orders/${nothing}`),
        ask("POST", `/orders/${nothing}/pay`, { method: "card" }),
        ask("POST", `/orders/${nothing}/cancel`, {}),
        ask("DELETE", `/users/me/addresses/${nothing}`),
        ask("POST", `/notifications/${nothing}/read`),
      ),
    ).toEqual([404, 404, 404, 404, 404]);
    // what is refused to Bob now is written after those
    await ask("GET", `/orders/${world.orderId}`);
    await eventually(async () => (await entries()).length > before);
    expect(await entries()).toHaveLength(before + 1);
  });
});
