import { newId } from "../../../lib/ids.ts";
import type { Person } from "../../support/rest.ts";
import { eventually } from "../../support/wait.ts";
import { password, type Cast } from "./cast.ts";

/** One request as it should be made, about something that is A's where the route is about anybody's. */
export interface Ask {
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** What a request is made of: who asks, and whose things they are about. */
export interface About {
  cast: Cast;
  actor: Person | null;
  /** An id that nobody has, instead of that of A's thing. */
  missing?: boolean;
}

type Make = (about: About) => Ask | Promise<Ask>;

const a = ({ actors }: Cast): Person => {
  if (!actors.A) throw new Error("A is not there");
  return actors.A;
};
const address = { name: "Ann Lee", line1: "1 High Street", city: "York", postalCode: "YO1 7HH", country: "GB" };
const emailOf = (actor: Person | null): string => actor?.email ?? "nobody@example.com";

/** A's thing that `make` makes, or none at all. */
const idOf = async (about: About, make: (cast: Cast) => Promise<string>): Promise<string> =>
  about.missing ? newId() : make(about.cast);

async function placed(cast: Cast): Promise<string> {
  const { shop } = cast;
  return (await shop.placed(a(cast), await shop.product(5))).id;
}
async function paid(cast: Cast): Promise<string> {
  const id = await placed(cast);
  await cast.shop.pay(a(cast), id, "tok_ok");
  return id;
}
async function shipped(cast: Cast): Promise<string> {
  const id = await paid(cast);
  const body = { carrier: "Royal Mail", trackingNumber: "RM1" };
  await cast.shop.rest.post(`/orders/${id}/ship`, { token: cast.shop.admin, body });
  return id;
}
async function payment(cast: Cast): Promise<string> {
  const [first] = await cast.shop.payments(a(cast), await paid(cast));
  return first?.id ?? "";
}
async function ownAddress(cast: Cast): Promise<string> {
  const { body } = await cast.shop.rest.post<{ id: string }>("/users/me/addresses", {
    token: a(cast).token,
    body: address,
  });
  return body.id;
}
async function notification(cast: Cast): Promise<string> {
  await placed(cast);
  return eventually(async () => {
    const { body } = await cast.shop.rest.get<{ items: { id: string }[] }>("/notifications", { token: a(cast).token });
    return body.items[0]?.id;
  });
}

const at =
  (path: string, body?: unknown): Make =>
  () => ({ path, ...(body === undefined ? {} : { body }) });
const ofOrder =
  (make: (cast: Cast) => Promise<string>, rest: string, body?: unknown): Make =>
  async (about) => ({ path: `/orders/${await idOf(about, make)}${rest}`, ...(body === undefined ? {} : { body }) });
const ofProduct =
  (path: (sku: string) => string, body?: unknown): Make =>
  async ({ cast }) => ({ path: path(await cast.shop.product(5)), ...(body === undefined ? {} : { body }) });

/** How each route is asked for. Paths of the REST base go without it. */
export const requests: Record<string, Make> = {
  "POST /auth/register": () => ({
    path: "/auth/register",
    body: { email: `new-${newId()}@example.com`, password, name: "New" },
  }),
  "POST /auth/login": ({ actor }) => ({ path: "/auth/login", body: { email: emailOf(actor), password } }),
  "POST /auth/refresh": ({ actor }) => ({ path: "/auth/refresh", body: { refreshToken: actor?.refreshToken ?? "x" } }),
  "POST /auth/logout": ({ actor }) => ({ path: "/auth/logout", body: { refreshToken: actor?.refreshToken ?? "x" } }),
  "POST /auth/logout-all": at("/auth/logout-all"),
  "POST /auth/password": at("/auth/password", { currentPassword: password, newPassword: "another horse 77" }),
  "POST /auth/password/forgot": ({ actor }) => ({ path: "/auth/password/forgot", body: { email: emailOf(actor) } }),
  "POST /auth/password/reset": at("/auth/password/reset", { token: "x", newPassword: "another horse 77" }),
  "GET /users/me": at("/users/me"),
  "PATCH /users/me": at("/users/me", { locale: "en" }),
  "DELETE /users/me": at("/users/me"),
  "GET /users/me/export": at("/users/me/export"),
  "GET /users/me/addresses": at("/users/me/addresses"),
  "POST /users/me/addresses": at("/users/me/addresses", address),
  "PATCH /users/me/addresses/:id": async (about) => ({
    path: `/users/me/addresses/${await idOf(about, ownAddress)}`,
    body: { city: "Leeds" },
  }),
  "DELETE /users/me/addresses/:id": async (about) => ({ path: `/users/me/addresses/${await idOf(about, ownAddress)}` }),
  "GET /users/me/notification-preferences": at("/users/me/notification-preferences"),
  "PUT /users/me/notification-preferences": at("/users/me/notification-preferences", { events: {} }),
  "GET /users": at("/users"),
  "GET /users/:id": ({ cast }) => ({ path: `/users/${a(cast).id}` }),
  "PATCH /users/:id": ({ cast }) => ({ path: `/users/${a(cast).id}`, body: { status: "active" } }),
  "GET /products": at("/products"),
  "GET /products/:sku": ofProduct((sku) => `/products/${sku}`),
  "POST /products": () => ({ path: "/products", body: { sku: `N-${newId()}`, name: "New", priceCents: 100 } }),
  "PATCH /products/:sku": ofProduct((sku) => `/products/${sku}`, { priceCents: 300 }),
  "POST /products/import": () => ({
    path: "/products/import",
    body: `sku,name,description,priceCents\nI-${newId().slice(0, 13)},Imported,,100\n`,
    headers: { "content-type": "text/csv" },
  }),
  "GET /inventory/:sku": ofProduct((sku) => `/inventory/${sku}`),
  "PUT /inventory/:sku": ofProduct((sku) => `/inventory/${sku}`, { onHand: 7 }),
  "POST /inventory/:sku/adjustments": ofProduct((sku) => `/inventory/${sku}/adjustments`, {
    delta: 1,
    reason: "found one",
  }),
  "POST /orders": async (about) => ({
    path: "/orders",
    body: {
      items: [{ sku: await about.cast.shop.product(5), quantity: 1 }],
      addressId: await idOf(about, ownAddress),
    },
  }),
  "GET /orders": at("/orders"),
  "GET /orders/:id": ofOrder(placed, ""),
  "GET /orders/:id/timeline": ofOrder(placed, "/timeline"),
  "GET /orders/:id/payments": ofOrder(paid, "/payments"),
  "POST /orders/:id/pay": ofOrder(placed, "/pay", { method: "card", token: "tok_ok" }),
  "POST /orders/:id/cancel": ofOrder(placed, "/cancel", {}),
  "POST /orders/:id/complete": ofOrder(shipped, "/complete"),
  "POST /orders/:id/ship": ofOrder(paid, "/ship", { carrier: "Royal Mail", trackingNumber: "RM1" }),
  "POST /orders/:id/refund": ofOrder(paid, "/refund", { reason: "broken" }),
  "GET /payments/methods": at("/payments/methods"),
  "GET /payments/:id": async (about) => ({ path: `/payments/${await idOf(about, payment)}` }),
  "POST /payments/webhooks/:provider": at("/payments/webhooks/sandbox", "{}"),
  "GET /notifications": at("/notifications"),
  "POST /notifications/:id/read": async (about) => ({
    path: `/notifications/${await idOf(about, notification)}/read`,
  }),
  "GET /notifications/stream": at("/notifications/stream"),
  "GET /mailbox": at("/mailbox"),
  "GET /ops/nodes": at("/ops/nodes"),
  "GET /ops/live": at("/ops/live"),
  "GET /ops/doctor": at("/ops/doctor"),
  "GET /ops/orders/:id/explain": async (about) => ({ path: `/ops/orders/${await idOf(about, placed)}/explain` }),
  "GET /ops/dead-letters": at("/ops/dead-letters"),
  "POST /ops/dead-letters/:id/redrive": at(`/ops/dead-letters/${newId()}/redrive`),
  "GET /ops/config": at("/ops/config"),
  "PATCH /ops/config": at("/ops/config", { orderTtlSeconds: null }),
  "GET /ops/audit": at("/ops/audit"),
  "POST /ops/keys/rotate": at("/ops/keys/rotate"),
  "GET /ops/outbox": at("/ops/outbox"),
  "GET /health/live": at("/health/live"),
  "GET /health/ready": at("/health/ready"),
  "GET /openapi.json": at("/openapi.json"),
  "GET /docs": at("/docs"),
  "GET /.well-known/jwks.json": at("/.well-known/jwks.json"),
  "GET /sandbox/approvals/:ref": at("/sandbox/approvals/unknown"),
  "POST /sandbox/approvals/:ref": () => ({
    path: "/sandbox/approvals/unknown",
    body: "decision=approve",
    headers: { "content-type": "application/x-www-form-urlencoded" },
  }),
};
