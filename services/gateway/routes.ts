import { contractOf, type ActionName, type Actions } from "../../contracts/bus.ts";
import { hashing } from "../../contracts/users.ts";
import type { ActionContract } from "../../contracts/action.ts";

export const basePath = "/api/v1";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export const tags = {
  Identity: "Accounts, sessions, addresses",
  Catalogue: "What can be bought",
  Stock: "What is on hand",
  Orders: "From placing to receiving",
  Payments: "Charges, and what their providers say of them",
  Notifications: "What people are told",
  Operating: "Health and keys, for machines; what is going on, for operators",
} as const;
export type Tag = keyof typeof tags;

/** One line of the REST interface: a request that leads to an action. */
export interface Route {
  method: Method;
  /** Below the base path. */
  path: string;
  action: ActionName;
  tag: Tag;
  status: 200 | 201 | 202 | 204;
  /** Another success that the action itself may choose. */
  otherStatus?: 202;
  /** Where what a 201 made can be found, below the base path. */
  location?: (result: never) => string;
  /** How the body is read: JSON; CSV as the parameter `csv`; or the raw bytes with the headers, for webhooks. */
  body?: "csv" | "raw";
  /** Parameters of a write that come in the query. */
  query?: readonly string[];
  /** Takes an `Idempotency-Key`. */
  idempotent?: true;
  /** Taken however much there is to do: its sender is a machine that knows what we must. */
  essential?: true;
  /** Its answer may have to wait for somebody outside, such as a payment provider. */
  asksOutside?: true;
  /** More of them at a time would be refused by a service behind, after all that they cost on the way there. */
  atMost?: number;
  /** The body proves who asks, so an access token that has ended beside it is no reason to refuse. */
  ignoresToken?: true;
}

const location =
  <N extends ActionName>(path: (result: Actions[N]["result"]) => string): ((result: never) => string) =>
  (result) =>
    path(result);

const passwordsAtATime = hashing.atOnce + hashing.waiting;

/** Every way into the system. What is not listed here does not exist outside. */
export const routes: readonly Route[] = [
  {
    method: "POST",
    path: "/auth/register",
    action: "auth.register",
    tag: "Identity",
    status: 201,
    location: () => "/users/me",
    atMost: passwordsAtATime,
    ignoresToken: true,
  },
  {
    method: "POST",
    path: "/auth/login",
    action: "auth.login",
    tag: "Identity",
    status: 200,
    atMost: passwordsAtATime,
    ignoresToken: true,
  },
  { method: "POST", path: "/auth/refresh", action: "auth.refresh", tag: "Identity", status: 200, ignoresToken: true },
  { method: "POST", path: "/auth/logout", action: "auth.logout", tag: "Identity", status: 204, ignoresToken: true },
  { method: "POST", path: "/auth/logout-all", action: "auth.logoutAll", tag: "Identity", status: 204 },
  { method: "POST", path: "/auth/password", action: "auth.changePassword", tag: "Identity", status: 204 },
  {
    method: "POST",
    path: "/auth/password/forgot",
    action: "auth.forgotPassword",
    tag: "Identity",
    status: 202,
    ignoresToken: true,
  },
  {
    method: "POST",
    path: "/auth/password/reset",
    action: "auth.resetPassword",
    tag: "Identity",
    status: 204,
    ignoresToken: true,
  },
  { method: "GET", path: "/users/me", action: "users.me", tag: "Identity", status: 200 },
  { method: "PATCH", path: "/users/me", action: "users.updateMe", tag: "Identity", status: 200 },
  { method: "DELETE", path: "/users/me", action: "users.eraseMe", tag: "Identity", status: 204 },
  { method: "GET", path: "/users/me/export", action: "users.exportMe", tag: "Identity", status: 200 },
  { method: "GET", path: "/users/me/addresses", action: "users.addresses", tag: "Identity", status: 200 },
  {
    method: "POST",
    path: "/users/me/addresses",
    action: "users.addAddress",
    tag: "Identity",
    status: 201,
    location: location<"users.addAddress">(({ id }) => `/users/me/addresses/${id}`),
  },
  { method: "PATCH", path: "/users/me/addresses/:id", action: "users.changeAddress", tag: "Identity", status: 200 },
  { method: "DELETE", path: "/users/me/addresses/:id", action: "users.removeAddress", tag: "Identity", status: 204 },
  {
    method: "GET",
    path: "/users/me/notification-preferences",
    action: "users.preferences",
    tag: "Identity",
    status: 200,
  },
  {
    method: "PUT",
    path: "/users/me/notification-preferences",
    action: "users.setPreferences",
    tag: "Identity",
    status: 200,
  },
  { method: "GET", path: "/users", action: "users.list", tag: "Identity", status: 200 },
  { method: "GET", path: "/users/:id", action: "users.get", tag: "Identity", status: 200 },
  { method: "PATCH", path: "/users/:id", action: "users.update", tag: "Identity", status: 200 },

  { method: "GET", path: "/products", action: "products.list", tag: "Catalogue", status: 200 },
  { method: "GET", path: "/products/:sku", action: "products.get", tag: "Catalogue", status: 200 },
  {
    method: "POST",
    path: "/products",
    action: "products.create",
    tag: "Catalogue",
    status: 201,
    location: location<"products.create">(({ sku }) => `/products/${encodeURIComponent(sku)}`),
  },
  { method: "PATCH", path: "/products/:sku", action: "products.update", tag: "Catalogue", status: 200 },
  {
    method: "POST",
    path: "/products/import",
    action: "products.import",
    tag: "Catalogue",
    status: 200,
    body: "csv",
    query: ["initialStock"],
  },

  { method: "GET", path: "/inventory/:sku", action: "inventory.get", tag: "Stock", status: 200 },
  { method: "PUT", path: "/inventory/:sku", action: "inventory.set", tag: "Stock", status: 200 },
  { method: "POST", path: "/inventory/:sku/adjustments", action: "inventory.adjust", tag: "Stock", status: 200 },

  {
    method: "POST",
    path: "/orders",
    action: "orders.place",
    tag: "Orders",
    status: 201,
    location: location<"orders.place">(({ id }) => `/orders/${id}`),
    idempotent: true,
  },
  { method: "GET", path: "/orders", action: "orders.list", tag: "Orders", status: 200 },
  { method: "GET", path: "/orders/:id", action: "orders.get", tag: "Orders", status: 200 },
  { method: "GET", path: "/orders/:id/timeline", action: "orders.timeline", tag: "Orders", status: 200 },
  { method: "GET", path: "/orders/:id/payments", action: "orders.payments", tag: "Orders", status: 200 },
  {
    method: "POST",
    path: "/orders/:id/pay",
    action: "orders.pay",
    asksOutside: true,
    tag: "Orders",
    status: 200,
    otherStatus: 202,
    idempotent: true,
  },
  {
    method: "POST",
    path: "/orders/:id/cancel",
    action: "orders.cancel",
    asksOutside: true,
    tag: "Orders",
    status: 200,
    idempotent: true,
  },
  { method: "POST", path: "/orders/:id/complete", action: "orders.complete", tag: "Orders", status: 200 },
  { method: "POST", path: "/orders/:id/ship", action: "orders.ship", tag: "Orders", status: 200 },
  {
    method: "POST",
    path: "/orders/:id/refund",
    action: "orders.refund",
    asksOutside: true,
    tag: "Orders",
    status: 200,
    idempotent: true,
  },

  { method: "GET", path: "/payments/methods", action: "payments.methods", tag: "Payments", status: 200 },
  { method: "GET", path: "/payments/:id", action: "payments.get", tag: "Payments", status: 200 },
  {
    method: "POST",
    path: "/payments/webhooks/:provider",
    action: "payments.webhook",
    tag: "Payments",
    status: 200,
    body: "raw",
    essential: true,
    ignoresToken: true,
  },

  { method: "GET", path: "/notifications", action: "notify.list", tag: "Notifications", status: 200 },
  { method: "POST", path: "/notifications/:id/read", action: "notify.read", tag: "Notifications", status: 200 },
  { method: "GET", path: "/mailbox", action: "notify.mailbox", tag: "Notifications", status: 200 },

  { method: "GET", path: "/ops/nodes", action: "ops.nodes", tag: "Operating", status: 200 },
  { method: "GET", path: "/ops/live", action: "ops.live", tag: "Operating", status: 200 },
  { method: "GET", path: "/ops/doctor", action: "ops.doctor", tag: "Operating", status: 200 },
  { method: "GET", path: "/ops/orders/:id/explain", action: "ops.explain", tag: "Operating", status: 200 },
  { method: "GET", path: "/ops/dead-letters", action: "ops.deadLetters", tag: "Operating", status: 200 },
  { method: "POST", path: "/ops/dead-letters/:id/redrive", action: "ops.redrive", tag: "Operating", status: 200 },
  { method: "GET", path: "/ops/config", action: "ops.config", tag: "Operating", status: 200 },
  { method: "PATCH", path: "/ops/config", action: "ops.setConfig", tag: "Operating", status: 200 },
  { method: "GET", path: "/ops/audit", action: "ops.auditLog", tag: "Operating", status: 200 },
  { method: "POST", path: "/ops/keys/rotate", action: "auth.rotateKeys", tag: "Operating", status: 200 },
  { method: "GET", path: "/ops/outbox", action: "ops.outbox", tag: "Operating", status: 200 },
];

export const streamPath = "/notifications/stream";

/** What the route's action asks for; throws where a route leads to what only services may call. */
export function contractOfRoute({ method, path, action }: Route): ActionContract {
  const contract = contractOf(action);
  if (!contract || contract.access === "internal") throw new Error(`${method} ${path} leads to ${action}: not public`);
  return contract;
}

export const pathNamesOf = (path: string): string[] => Array.from(path.matchAll(/:(\w+)/g), ([, name]) => name ?? "");

export const readsQuery = ({ method }: Pick<Route, "method">): boolean => method === "GET" || method === "DELETE";
