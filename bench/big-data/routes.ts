import { newId } from "../../lib/ids.ts";
import { placeOrders } from "../scenarios/reads.ts";
import type { World } from "../world.ts";

/** Requests that are measured as one. */
export interface Route {
  name: string;
  requests: readonly { path: string; token?: string }[];
}

export const explainRoute = "GET /ops/orders/:id/explain";
const ordersRead = 200;
const onAPage = 20;
const reader = { email: "reader@example.com", password: "correct horse battery" };

interface Cast {
  customer: { id: string; token: string };
  admin: string;
  /** With whose they are. */
  orders: readonly { id: string; token: string; paymentId: string }[];
}

/** What is asked for in either system: the same of the same, so that only what else there is differs. */
export async function routesOf(world: World, orderIds: readonly string[]): Promise<Route[]> {
  const cast = await castOf(world, orderIds);
  const api = (path: string): string => `/api/v1${path}`;
  const open = (...paths: string[]): { path: string }[] => paths.map((path) => ({ path: api(path) }));
  const asAdmin = (...paths: string[]) => paths.map((path) => ({ path: api(path), token: cast.admin }));
  const own = (...paths: string[]) => paths.map((path) => ({ path: api(path), token: cast.customer.token }));
  const ofOrders = (path: (id: string, paymentId: string) => string) =>
    cast.orders.map(({ id, token, paymentId }) => ({ path: api(path(id, paymentId)), token }));
  const route = (name: string, requests: Route["requests"]): Route => ({ name: `GET ${name}`, requests });
  return [
    route("/products", open("/products")),
    route("/products?sort=price", open("/products?sort=price")),
    route("/products?sort=-price", open("/products?sort=-price")),
    route("/products?sort=newest", open("/products?sort=newest")),
    route("/products?inStock=true", open("/products?inStock=true")),
    route("/products?search= (found in 1000)", open("/products?search=bench")),
    route("/products?search= (found in one)", open(...some(world).map((sku) => `/products?search=${sku}`))),
    route("/products?search= (a part of a word, two words)", open("/products?search=oduc%20ench-0017")),
    route("/products?search= (found nowhere)", open("/products?search=unheard-of")),
    route("/products/:sku", open(...world.products.map((sku) => `/products/${sku}`))),
    route("/inventory/:sku", asAdmin(...world.products.map((sku) => `/inventory/${sku}`))),
    route("/orders (own)", own("/orders")),
    route("/orders?status=PAID (own)", own("/orders?status=PAID")),
    route("/orders (support)", asAdmin("/orders")),
    route("/orders?status=PAID (support)", asAdmin("/orders?status=PAID")),
    route("/orders?status=CANCELLED (support)", asAdmin("/orders?status=CANCELLED")),
    route("/orders?customerId= (support)", asAdmin(`/orders?customerId=${cast.customer.id}`)),
    route("/orders?customerId=&status= (support)", asAdmin(`/orders?customerId=${cast.customer.id}&status=PAID`)),
    route(
      "/orders/:id",
      ofOrders((id) => `/orders/${id}`),
    ),
    route(
      "/orders/:id/timeline",
      ofOrders((id) => `/orders/${id}/timeline`),
    ),
    route(
      "/orders/:id/payments",
      ofOrders((id) => `/orders/${id}/payments`),
    ),
    route(
      "/payments/:id",
      ofOrders((_id, paymentId) => `/payments/${paymentId}`),
    ),
    { name: explainRoute, requests: asAdmin(...cast.orders.map(({ id }) => `/ops/orders/${id}/explain`)) },
    route("/users/me", own("/users/me")),
    route("/users/me/export", own("/users/me/export")),
    route("/users/me/addresses", own("/users/me/addresses")),
    route("/users", asAdmin("/users")),
    route("/users/:id", asAdmin(`/users/${cast.customer.id}`)),
    route("/notifications", own("/notifications")),
    route("/notifications?unread=true", own("/notifications?unread=true")),
    route("/mailbox", asAdmin("/mailbox")),
    route("/ops/live", asAdmin("/ops/live")),
    route("/ops/nodes", asAdmin("/ops/nodes")),
    route("/ops/dead-letters", asAdmin("/ops/dead-letters")),
    route("/ops/outbox", asAdmin("/ops/outbox")),
    route("/ops/audit", asAdmin("/ops/audit")),
    route("/ops/config", asAdmin("/ops/config")),
  ];
}

const some = ({ products }: World): readonly string[] => products.slice(0, ordersRead);

/**
 * Paid orders to ask for. There is a page of cancelled ones besides, as an empty list is sooner made than any other, and
 * somebody with a page of their own: the others have as many as were placed in whatever was measured before.
 */
export async function ordersToRead(world: World): Promise<string[]> {
  const post = async <T>(path: string, token: string, body: object): Promise<T> =>
    (await world.rest.send<T>(path, { method: "POST", token, body, headers: { "idempotency-key": newId() } })).body;
  const pay = (id: string, token: string) => post(`/orders/${id}/pay`, token, { method: "card", token: "tok_ok" });
  const orders = await placeOrders(world, ordersRead);
  for (const { id, token } of orders) await pay(id, token);
  for (const { id, token } of await placeOrders(world, onAPage)) await post(`/orders/${id}/cancel`, token, {});
  await world.rest.send("/auth/register", { method: "POST", body: { ...reader, name: "Reader" } });
  const { accessToken } = await signIn(world);
  for (const sku of world.products.slice(0, onAPage)) {
    const { id } = await post<{ id: string }>("/orders", accessToken, { items: [{ sku, quantity: 1 }] });
    await pay(id, accessToken);
  }
  await world.settle();
  return orders.map(({ id }) => id);
}

async function signIn(world: World): Promise<{ accessToken: string; user: { id: string } }> {
  return (
    await world.rest.send<{ accessToken: string; user: { id: string } }>("/auth/login", {
      method: "POST",
      body: reader,
    })
  ).body;
}

/** Tokens are good for a quarter of an hour, so they are asked for anew. */
async function castOf(world: World, orderIds: readonly string[]): Promise<Cast> {
  const admin = await world.adminToken();
  const tokens = await world.tokens();
  const byCustomer = new Map<string, string>();
  for (const token of tokens) byCustomer.set((await meOf(world, token)).id, token);
  const orders: { id: string; token: string; paymentId: string }[] = [];
  for (const id of orderIds) {
    const { body } = await world.rest.send<{ customerId: string; paymentId: string }>(`/orders/${id}`, {
      token: admin,
    });
    orders.push({ id, token: byCustomer.get(body.customerId) ?? "", paymentId: body.paymentId });
  }
  const { accessToken, user } = await signIn(world);
  return { customer: { id: user.id, token: accessToken }, admin, orders };
}

async function meOf(world: World, token: string): Promise<{ id: string }> {
  return (await world.rest.send<{ id: string }>("/users/me", { token })).body;
}
