import { Errors } from "moleculer";
import { DomainError } from "../../../lib/errors.ts";
import { newId } from "../../../lib/ids.ts";
import { basePath } from "../../../services/gateway/routes.ts";
import { startGateway, tokenOf, type Answer, type TestGateway } from "./support.ts";

const id = newId();
const token = tokenOf({ roles: ["customer", "admin"] });
let placeOrder: Answer = () => ({ id });
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    without: ["notify"],
    answers: {
      "orders.place": (call) => placeOrder(call),
      "products.create": () => ({ sku: "A B" }),
      "users.addAddress": () => ({ id }),
    },
  });
});
afterAll(() => gateway.stop());

const post = (path: string, json: object = {}) => gateway.request("POST", basePath + path, { token, json });
const place = (answer: Answer) => {
  placeOrder = answer;
  return post("/orders", { items: [{ sku: "A-1", quantity: 1 }] });
};

describe("successes", () => {
  it("says where a new thing can be found", async () => {
    const order = await place(() => ({ id }));
    const product = await post("/products", { sku: "A B", name: "Cup", priceCents: 100 });

    expect([order.status, order.headers.get("location")]).toEqual([201, `${basePath}/orders/${id}`]);
    expect(product.headers.get("location")).toBe(`${basePath}/products/A%20B`);
    expect(order.headers.get("content-type")).toBe("application/json; charset=utf-8");
  });

  it("answers 204 and 202 without a body", async () => {
    const logout = await post("/auth/logout", { refreshToken: "r" });
    const forgot = await post("/auth/password/forgot", { email: "a@example.com" });

    expect([logout.status, logout.text, logout.headers.get("content-type")]).toEqual([204, "", null]);
    expect([forgot.status, forgot.text]).toEqual([202, ""]);
  });

  it("takes a status and headers from the action", async () => {
    const answer = await place(({ setMeta }) => {
      setMeta({ $statusCode: 202, $responseHeaders: { "Idempotency-Replayed": "true" } });
      return { id };
    });

    expect(answer.status).toBe(202);
    expect(answer.headers.get("idempotency-replayed")).toBe("true");
  });
});

describe("refusals", () => {
  it("passes on what a service says in its own words", async () => {
    const answer = await place(() => {
      throw new DomainError("conflict", "OUT_OF_STOCK", "Only 2 left.", { sku: "A-1", requested: 3, available: 2 });
    });

    expect(answer.status).toBe(409);
    expect(answer.body).toEqual({
      type: "urn:enterprise-hub:problem:out-of-stock",
      title: "Out of stock",
      status: 409,
      detail: "Only 2 left.",
      code: "OUT_OF_STOCK",
      requestId: answer.headers.get("x-request-id"),
      sku: "A-1",
      requested: 3,
      available: 2,
    });
  });

  it("says when to come back, and that a refusal is a stored one", async () => {
    const answer = await place(({ setMeta }) => {
      setMeta({ $responseHeaders: { "Idempotency-Replayed": "true" } });
      throw new DomainError("conflict", "IDEMPOTENCY_KEY_IN_FLIGHT", "Still running.", { retryAfterSeconds: 0.2 });
    });

    expect(answer.headers.get("retry-after")).toBe("1");
    expect(answer.headers.get("idempotency-replayed")).toBe("true");
    expect(answer.body).not.toHaveProperty("retryAfterSeconds");
  });

  const lost = { action: "orders.place", nodeID: "secret-node" };
  const disconnected = new Errors.MoleculerRetryableError("The broker has disconnected.", 502, "BAD_GATEWAY");
  const named = (name: string) => Object.assign(new Error("connect ECONNREFUSED 10.0.0.1:3306"), { name });
  it.each<[string, Error]>([
    ["a service that is gone", new Errors.ServiceNotFoundError(lost)],
    ["an open circuit", new Errors.ServiceNotAvailableError(lost)],
    ["a time-out", new Errors.RequestTimeoutError(lost)],
    ["a request that came too late", new Errors.RequestSkippedError(lost)],
    ["a rejected request", new Errors.RequestRejectedError(lost)],
    ["a lost transporter", disconnected],
    ["a lost database", named("SequelizeConnectionRefusedError")],
    ["a service that says so", new DomainError("unavailable", "SERVICE_UNAVAILABLE", "Try again.")],
  ])("answers 503 for %s", async (_what, error) => {
    const answer = await place(() => {
      throw error;
    });

    expect(answer.body).toMatchObject({ status: 503, code: "SERVICE_UNAVAILABLE" });
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(answer.text).not.toMatch(/secret-node|orders\.place|10\.0\.0\.1/);
  });

  it("says of an action that has enough waiting that there is too much to do", async () => {
    const answer = await place(() => {
      throw new Errors.QueueIsFullError({ ...lost, limit: 1, size: 1 });
    });

    expect(answer.body).toMatchObject({ status: 503, code: "OVERLOADED" });
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(answer.text).not.toMatch(/secret-node|orders\.place/);
  });

  it("answers 503 where no node runs the service", async () => {
    const answer = await gateway.request("GET", `${basePath}/notifications`, { token });

    expect(answer.body).toMatchObject({ status: 503, code: "SERVICE_UNAVAILABLE" });
  });

  it("keeps what went wrong inside to itself", async () => {
    const answer = await place(() => {
      throw Object.assign(new Error("SELECT * FROM users"), { code: "ER_NO_SUCH_TABLE", data: { sql: "SELECT" } });
    });

    expect(answer.status).toBe(500);
    expect(answer.body).toEqual({
      type: "urn:enterprise-hub:problem:internal",
      title: "Internal error",
      status: 500,
      detail: "Something went wrong on our side.",
      code: "INTERNAL",
      requestId: answer.headers.get("x-request-id"),
    });
  });

  it("lists fields without saying which node and action refused them", async () => {
    const answer = await post("/orders", { items: [{ sku: "A-1", quantity: "1" }] });

    expect(answer.body.errors).toEqual([
      { field: "items[0].quantity", code: "WRONG_TYPE", message: expect.any(String) as string },
    ]);
  });

  it.each([0, -1, 1.5, "1", null, 9007199254740993, [1], { $gt: 0 }])("refuses the quantity %j", async (quantity) => {
    const answer = await post("/orders", { items: [{ sku: "A-1", quantity }] });

    expect(answer.body).toMatchObject({ status: 422, code: "VALIDATION_FAILED" });
  });

  // MySQL takes any text for 0
  it.each([0, true, null, ["ann@example.com"], { $gt: "" }])(
    "refuses the e-mail %j wherever one is asked for",
    async (email) => {
      const answers = await Promise.all([
        post("/auth/login", { email, password: "correct horse battery" }),
        post("/auth/register", { email, password: "correct horse battery", name: "Ann" }),
        post("/auth/password/forgot", { email }),
      ]);

      for (const { body } of answers) expect(body).toMatchObject({ status: 422, code: "VALIDATION_FAILED" });
    },
  );
});
