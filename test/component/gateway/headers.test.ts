import { newId } from "../../../lib/ids.ts";
import { basePath } from "../../../services/gateway/routes.ts";
import { rawRequest, startGateway, tokenOf, type Response, type TestGateway } from "./support.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

const token = tokenOf({ roles: ["customer", "admin"] });
const post = (path: string, options: object = {}) => gateway.request("POST", basePath + path, { token, ...options });
const get = (path: string) => gateway.request("GET", basePath + path, { token });
const order = { items: [{ sku: "A-1", quantity: 1 }] };
const fieldsOf = ({ body }: Response) => body.errors as { field: string; code: string }[];

describe("headers", () => {
  it("hands on an idempotency key, where one is of use", async () => {
    await post("/orders", { json: order, headers: { "idempotency-key": "k-1" } });
    expect(gateway.calls.at(-1)?.meta.idempotencyKey).toBe("k-1");

    await post(`/orders/${newId()}/complete`, { headers: { "idempotency-key": "k-1" } });
    expect(gateway.calls.at(-1)?.meta.idempotencyKey).toBeUndefined();
  });

  it.each([
    ["an empty key", ""],
    ["one with a blank", "a b"],
    ["one of 256 characters", "k".repeat(256)],
    ["one that is no ASCII", "schlüssel"],
  ])("refuses %s", async (_what, key) => {
    const answer = await post("/orders", { json: order, headers: { "idempotency-key": key } });

    expect(answer.body).toMatchObject({ status: 422, code: "VALIDATION_FAILED" });
    expect(fieldsOf(answer)[0]?.field).toBe("Idempotency-Key");
  });

  it("refuses two keys", async () => {
    const body = JSON.stringify(order);
    const answer = await rawRequest(
      gateway.port,
      `POST ${basePath}/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );

    expect(answer).toMatch(/^HTTP\/1\.1 422 /);
  });

  it("keeps a request id that is fit for a log, and makes one otherwise", async () => {
    const idFor = async (id: string, more = {}) =>
      (await gateway.request("GET", "/health/live", { headers: { "x-request-id": id, ...more } })).headers.get(
        "x-request-id",
      );

    expect(await idFor("abc.DEF_1-2", { "x-correlation-id": "other" })).toBe("abc.DEF_1-2");
    expect(await idFor("a b")).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idFor("x".repeat(65))).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("keeps every answer from being stored, sniffed, framed or traced to a product", async () => {
    for (const path of ["/orders", "/products", "/nothing"]) {
      const { headers } = await get(path);

      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("x-powered-by")).toBeNull();
      expect(headers.get("server")).toBeNull();
      expect(headers.get("access-control-allow-origin")).toBeNull();
      expect(headers.get("etag")).toBeNull();
    }
  });

  it.each([
    ["https://hub.example", "max-age=31536000; includeSubDomains"],
    ["http://hub.example", null],
  ])("of a gateway at %s ask for TLS: %s", async (url, wanted) => {
    const other = await startGateway({ env: { PUBLIC_URL: url } });

    const answers = await Promise.all([
      other.request("GET", `${basePath}/products`),
      other.request("GET", `${basePath}/nothing`),
    ]).finally(() => other.stop());

    expect(answers.map(({ headers }) => headers.get("strict-transport-security"))).toEqual([wanted, wanted]);
  });
});
