import { basePath } from "../../../services/gateway/routes.ts";
import { startHub, withDemo, type Hub } from "../../support/hub.ts";
import type { Answer, Person } from "../../support/rest.ts";
import { castOf, roles, type Cast, type RoleName } from "./cast.ts";
import { requests, type Ask } from "./requests.ts";

// Every route for everybody: the status each gets who asks for what is A's. A token that is not good any more is 401 also
// where none is needed, so that its holder learns of it; except where the request proves by itself who asks.
const expected: Record<string, string> = {
  //                                        nobody A   B   support admin disabled revoked
  "POST /auth/register": "                     201 201 201 201 201 201 201",
  "POST /auth/login": "                        401 200 200 200 200 401 200",
  "POST /auth/refresh": "                      401 200 200 200 200 401 401",
  "POST /auth/logout": "                       204 204 204 204 204 204 204",
  "POST /auth/logout-all": "                   401 204 204 204 204 401 401",
  "POST /auth/password": "                     401 204 204 204 204 401 401",
  "POST /auth/password/forgot": "              202 202 202 202 202 202 202",
  "POST /auth/password/reset": "               422 422 422 422 422 422 422",
  "GET /users/me": "                           401 200 200 200 200 401 401",
  "PATCH /users/me": "                         401 200 200 200 200 401 401",
  "DELETE /users/me": "                        401 204 204 204 204 401 401",
  "GET /users/me/export": "                    401 200 200 200 200 401 401",
  "GET /users/me/addresses": "                 401 200 200 200 200 401 401",
  "POST /users/me/addresses": "                401 201 201 201 201 401 401",
  "PATCH /users/me/addresses/:id": "           401 200 404 404 404 401 401",
  "DELETE /users/me/addresses/:id": "          401 204 404 404 404 401 401",
  "GET /users/me/notification-preferences": "  401 200 200 200 200 401 401",
  "PUT /users/me/notification-preferences": "  401 200 200 200 200 401 401",
  "GET /users": "                              401 403 403 403 200 401 401",
  "GET /users/:id": "                          401 403 403 403 200 401 401",
  "PATCH /users/:id": "                        401 403 403 403 200 401 401",
  "GET /products": "                           200 200 200 200 200 401 401",
  "GET /products/:sku": "                      200 200 200 200 200 401 401",
  "POST /products": "                          401 403 403 403 201 401 401",
  "PATCH /products/:sku": "                    401 403 403 403 200 401 401",
  "POST /products/import": "                   401 403 403 403 200 401 401",
  "GET /inventory/:sku": "                     401 403 403 403 200 401 401",
  "PUT /inventory/:sku": "                     401 403 403 403 200 401 401",
  "POST /inventory/:sku/adjustments": "        401 403 403 403 200 401 401",
  "POST /orders": "                            401 201 404 404 404 401 401",
  "GET /orders": "                             401 200 200 200 200 401 401",
  "GET /orders/:id": "                         401 200 404 200 200 401 401",
  "GET /orders/:id/timeline": "                401 200 404 200 200 401 401",
  "GET /orders/:id/payments": "                401 200 404 200 200 401 401",
  "POST /orders/:id/pay": "                    401 200 404 404 404 401 401",
  "POST /orders/:id/cancel": "                 401 200 404 200 200 401 401",
  "POST /orders/:id/complete": "               401 200 404 200 200 401 401",
  "POST /orders/:id/ship": "                   401 403 403 200 200 401 401",
  "POST /orders/:id/refund": "                 401 403 403 200 200 401 401",
  "GET /payments/methods": "                   200 200 200 200 200 401 401",
  "GET /payments/:id": "                       401 200 404 200 200 401 401",
  "POST /payments/webhooks/:provider": "       401 401 401 401 401 401 401",
  "GET /notifications": "                      401 200 200 200 200 401 401",
  "POST /notifications/:id/read": "            401 200 404 404 404 401 401",
  "GET /notifications/stream": "               401 200 200 200 200 401 401",
  "GET /mailbox": "                            401 403 403 403 200 401 401",
  "GET /ops/nodes": "                          401 403 403 403 200 401 401",
  "GET /ops/live": "                           401 403 403 403 200 401 401",
  "GET /ops/doctor": "                         401 403 403 403 200 401 401",
  "GET /ops/orders/:id/explain": "             401 403 403 403 200 401 401",
  "GET /ops/dead-letters": "                   401 403 403 403 200 401 401",
  "POST /ops/dead-letters/:id/redrive": "      401 403 403 403 404 401 401",
  "GET /ops/config": "                         401 403 403 403 200 401 401",
  "PATCH /ops/config": "                       401 403 403 403 200 401 401",
  "GET /ops/audit": "                          401 403 403 403 200 401 401",
  "POST /ops/keys/rotate": "                   401 403 403 403 200 401 401",
  "GET /ops/outbox": "                         401 403 403 403 200 401 401",
  "GET /health/live": "                        200 200 200 200 200 200 200",
  "GET /health/ready": "                       200 200 200 200 200 200 200",
  "GET /openapi.json": "                       200 200 200 200 200 200 200",
  "GET /docs": "                               200 200 200 200 200 200 200",
  "GET /.well-known/jwks.json": "              200 200 200 200 200 200 200",
  "GET /sandbox/approvals/:ref": "             404 404 404 404 404 404 404",
  "POST /sandbox/approvals/:ref": "            404 404 404 404 404 404 404",
};

/** These end what their caller is signed in by. */
const endsSomething = /auth\/(refresh|logout|password$)|DELETE \/users\/me$/;

let hub: Hub;
let cast: Cast;
beforeAll(async () => {
  hub = await startHub("SQLite", withDemo);
  cast = await castOf(hub);
});
afterAll(() => hub.dispose());

/** Requests that changed nothing yet: who asks next may ask for the same thing. */
const unspent = new Map<string, Ask>();

async function ask(route: string, actor: Person | null, missing = false): Promise<Answer> {
  const make = requests[route];
  if (!make) throw new Error(`test/e2e/attacks/requests.ts does not say how to ask for ${route}`);
  const isOwn = route.includes("/auth/");
  const request = (missing || isOwn ? null : unspent.get(route)) ?? (await make({ cast, actor, missing }));
  const { path, body, headers } = request;
  // HEAD of the stream, as the stream itself would not end
  const method = route.endsWith("/stream") ? "HEAD" : (route.split(" ")[0] ?? "");
  const answer = await hub.rest.request(method, path, { ...(actor ? { token: actor.token } : {}), body, headers });
  const isSpent = answer.status < 300 && method !== "GET";
  if (isSpent) unspent.delete(route);
  else if (!missing && !isOwn) unspent.set(route, request);
  return answer;
}

it("has a row for every route of the running system, and no other", async () => {
  const response = await fetch(`${hub.url}/openapi.json`);
  const { paths } = (await response.json()) as { paths: Record<string, object> };
  const served = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map(
      (method) => `${method.toUpperCase()} ${path.replace(basePath, "").replaceAll(/\{(\w+)\}/g, ":$1")}`,
    ),
  );

  expect(Object.keys(expected).sort()).toEqual(served.sort());
});

it.each(Object.entries(expected))("%s answers %s", async (route, row) => {
  const statuses: Partial<Record<RoleName, number>> = {};
  for (const role of roles) {
    const actor = endsSomething.test(route) ? await cast.another(role) : cast.actors[role];
    statuses[role] = (await ask(route, actor)).status;
  }

  const wanted = row.trim().split(/\s+/).map(Number);
  expect(statuses).toEqual(Object.fromEntries(roles.map((role, i) => [role, wanted[i]])));
});

const ofA = Object.keys(expected).filter((route) => expected[route]?.trim().split(/\s+/)[2] === "404");
const told = ({ status, headers, body }: Answer) => {
  const { requestId, ...rest } = body;
  const own = new Set(["x-request-id", "date"]);
  return { status, body: JSON.stringify(rest), headers: [...headers].filter(([name]) => !own.has(name)), requestId };
};

it.each(ofA.filter((route) => !route.includes("/sandbox/")))(
  "%s tells B of what is A's exactly what it tells of what is not there",
  async (route) => {
    const foreign = told(await ask(route, cast.actors.B));
    const missing = told(await ask(route, cast.actors.B, true));

    expect(foreign.status).toBe(404);
    expect({ ...foreign, requestId: "" }).toEqual({ ...missing, requestId: "" });
  },
);

it("shows B nobody's orders but B's own, whomever B asks for", async () => {
  const { A, B } = cast.actors;
  if (!A || !B) throw new Error("somebody is missing");
  const sku = await cast.shop.product(5);
  const [ofA, ofB] = [await cast.shop.placed(A, sku), await cast.shop.placed(B, sku)];

  const answers = [
    await hub.rest.get<{ items: { id: string; customerId: string }[] }>("/orders?limit=100", { token: B.token }),
    await hub.rest.get<{ items: { id: string; customerId: string }[] }>(`/orders?limit=100&customerId=${A.id}`, {
      token: B.token,
    }),
  ];

  for (const { body } of answers) {
    expect(body.items.map(({ id }) => id)).toContain(ofB.id);
    expect(body.items.filter(({ customerId }) => customerId !== B.id)).toEqual([]);
  }
  expect((await cast.shop.order(A, ofA.id)).status).toBe("CREATED");
});

it("leaves A's order, address and notifications as they were, whatever B tried on them", async () => {
  const { A, B } = cast.actors;
  if (!A || !B) throw new Error("somebody is missing");
  const order = await cast.shop.placed(A, await cast.shop.product(5));
  const state = async () => ({
    order: await cast.shop.order(A, order.id),
    payments: await cast.shop.payments(A, order.id),
    addresses: (await hub.rest.get("/users/me/addresses?limit=50", { token: A.token })).body,
  });
  const before = await state();
  const { items } = before.addresses as { items: { id: string }[] };
  const addressId = items[0]?.id ?? "";

  const token = B.token;
  const answers = [
    await hub.rest.post(`/orders/${order.id}/pay`, { token, body: { method: "card", token: "tok_ok" } }),
    await hub.rest.post(`/orders/${order.id}/cancel`, { token, body: {} }),
    await hub.rest.post(`/orders/${order.id}/complete`, { token }),
    await hub.rest.patch(`/users/me/addresses/${addressId}`, { token, body: { city: "Elsewhere" } }),
    await hub.rest.delete(`/users/me/addresses/${addressId}`, { token }),
  ];

  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
  expect(await state()).toEqual(before);
});
