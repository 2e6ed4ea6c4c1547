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
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

function expectProblem(answer: Response, status: number, code: string): void {
  expect(answer.body).toMatchObject({ status, code });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("x-request-id")).toBe(answer.body.requestId);
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
}

describe("paths and methods", () => {
  it.each([
    "/",
    "/api/v1",
    "/api/v1/nothing",
    "/api/v1/orders.place",
    "/api/v1/~node/list",
    "/~node/list",
    "/$node/options",
    "/gateway/rest",
    "/API/V1/ORDERS",
    "//api/v1/orders",
    "/api/v1/orders//",
    "/api/v1/payments/create",
  ])("has nothing at %s", async (path) => {
    const answer = await gateway.request("GET", path, { token });

    expect(answer.status).toBe(404);
    expect(answer.body.code).toBe("NOT_FOUND");
  });

  it("names the methods where only the method is wrong", async () => {
    const answer = await gateway.request("PUT", `${basePath}/orders`, { json: {} });

    expectProblem(answer, 405, "METHOD_NOT_ALLOWED");
    expect(answer.headers.get("allow")).toBe("GET, POST, HEAD, OPTIONS");
  });

  it("answers OPTIONS without running anything and without opening anything to other origins", async () => {
    const asked = gateway.calls.length;

    const answer = await gateway.request("OPTIONS", `${basePath}/orders`, {
      headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
    });
    const broken = await gateway.request("OPTIONS", `${basePath}/orders/%E0%A4%A`);

    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect(gateway.calls).toHaveLength(asked);
    expectProblem(broken, 400, "MALFORMED_PATH");
  });

  it("answers HEAD as GET without a body, and ignores a slash at the end", async () => {
    const head = await gateway.request("HEAD", `${basePath}/products`);
    const slash = await get("/products/");

    expect([head.status, head.text]).toEqual([200, ""]);
    expect(slash.status).toBe(200);
  });

  it("answers 404 for ids that nothing can have, and 400 for a path that is no text", async () => {
    const asked = gateway.calls.length;

    expectProblem(await get("/orders/not-an-id"), 404, "NOT_FOUND");
    expectProblem(await get("/products/%00"), 404, "NOT_FOUND");
    expectProblem(await get("/orders/%E0%A4%A"), 400, "MALFORMED_PATH");
    expect(gateway.calls).toHaveLength(asked);
  });

  it("refuses a request with two hosts, with none, or that is no HTTP", async () => {
    const line = "GET /health/live HTTP/1.1\r\n";
    const two = await rawRequest(gateway.port, `${line}Host: a\r\nHost: b\r\nConnection: close\r\n\r\n`);
    const none = await rawRequest(gateway.port, `${line}Connection: close\r\n\r\n`);
    const noise = await rawRequest(gateway.port, "this is not HTTP\r\n\r\n");
    const huge = await rawRequest(gateway.port, `${line}Host: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`);

    for (const answer of [two, none, noise]) {
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('"code":"MALFORMED_REQUEST"');
    }
    expect(huge).toMatch(/^HTTP\/1\.1 431 /);
    expect(huge).toContain("application/problem+json");
  });
});

describe("bodies", () => {
  const send = (body: string | Buffer, type = "application/json") =>
    post("/orders", { body, headers: { "content-type": type } });

  it.each([
    ["broken JSON", "{", 400, "MALFORMED_JSON"],
    ["text that is not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, "MALFORMED_JSON"],
    ["33 levels", `{"items":${nested(32)}}`, 400, "JSON_TOO_DEEP"],
    ["40,000 levels", nested(40_000), 400, "JSON_TOO_DEEP"],
    ["a list", "[]", 422, "VALIDATION_FAILED"],
    ["nothing but null", "null", 422, "VALIDATION_FAILED"],
    ["a number", "1", 422, "VALIDATION_FAILED"],
    ["more than 100 KB", JSON.stringify({ note: "x".repeat(100 * 1024) }), 413, "PAYLOAD_TOO_LARGE"],
  ])("refuses %s", async (_what, body, status, code) => {
    const asked = gateway.calls.length;

    const answer = await send(body);

    expectProblem(answer, status, code);
    expect(answer.text).not.toMatch(/position|token|JSON at/i);
    expect(gateway.calls).toHaveLength(asked);
  });

  it("refuses more than 100 KB also when the length was not announced", async () => {
    const chunk = "x".repeat(64 * 1024);
    const head = `POST ${basePath}/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
    const size = chunk.length.toString(16);

    const answer = await rawRequest(gateway.port, `${head}${size}\r\n${chunk}\r\n${size}\r\n${chunk}\r\n0\r\n\r\n`);

    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("takes 32 levels", async () => {
    const answer = await send(`{"items":${nested(31)}}`);

    expectProblem(answer, 422, "VALIDATION_FAILED");
  });

  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    "multipart/form-data",
  ])("refuses %s", async (type) => {
    expectProblem(await send("{}", type), 415, "UNSUPPORTED_MEDIA_TYPE");
  });

  it("refuses compressed bodies", async () => {
    const answer = await post("/orders", { json: {}, headers: { "content-encoding": "gzip" } });

    expectProblem(answer, 415, "UNSUPPORTED_MEDIA_TYPE");
  });

  it.each([
    '{"__proto__":{"role":"admin"},"items":[]}',
    '{"items":[{"sku":"A","quantity":1,"__proto__":{"priceCents":1}}]}',
    '{"constructor":{"prototype":{"isAdmin":true}}}',
    '{"items":[],"prototype":1}',
  ])("refuses %s", async (body) => {
    const answer = await send(body);

    expectProblem(answer, 422, "VALIDATION_FAILED");
    expect(fieldsOf(answer)[0]?.code).toBe("UNKNOWN_FIELD");
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it("refuses fields that the contract does not name, and says which", async () => {
    const answer = await post("/orders", { json: { ...order, status: "PAID", totalCents: 1 } });

    expectProblem(answer, 422, "VALIDATION_FAILED");
    expect(fieldsOf(answer)).toEqual([
      { field: "status", code: "UNKNOWN_FIELD", message: "is not a known field" },
      { field: "totalCents", code: "UNKNOWN_FIELD", message: "is not a known field" },
    ]);
  });

  it("counts an absent body as an empty one", async () => {
    const answer = await post(`/orders/${newId()}/cancel`);

    expect(answer.status).toBe(200);
  });

  it("hands on text in any script byte by byte", async () => {
    await post("/orders", { json: { ...order, note: "谢谢 👍🏽 naïve" } });

    expect(gateway.calls.at(-1)?.params.note).toBe("谢谢 👍🏽 naïve");
  });
});

describe("parameters", () => {
  it("does not mix a query into a body", async () => {
    await post(`/orders?note=query&addressId=${newId()}`, { json: order });

    expect(gateway.calls.at(-1)?.params).toEqual(order);
  });

  it("refuses a field that has the name of a path parameter", async () => {
    const answer = await post(`/orders/${newId()}/cancel`, { json: { id: newId() } });

    expect(fieldsOf(answer)).toEqual([{ field: "id", code: "UNKNOWN_FIELD", message: "is not a known field" }]);
  });

  it("turns the query into the types of the contract", async () => {
    await get("/products?limit=5&inStock=true&search=2");

    expect(gateway.calls.at(-1)?.params).toEqual({ limit: 5, inStock: true, search: "2", sort: "name" });
  });

  it.each([
    ["limit=0", "limit", "TOO_SMALL"],
    ["limit=101", "limit", "TOO_LARGE"],
    ["limit=-1", "limit", "TOO_SMALL"],
    ["limit=1e308", "limit", "WRONG_TYPE"],
    ["limit=", "limit", "WRONG_TYPE"],
    ["limit=1&limit=2", "limit", "DUPLICATE"],
    ["inStock=yes", "inStock", "WRONG_TYPE"],
    ["sort=price%20desc", "sort", "NOT_ALLOWED"],
    ["search=lamp%00", "search", "WRONG_FORMAT"],
    ["fields=password", "fields", "UNKNOWN_FIELD"],
    ["query[id][$gt]=", "query[id][$gt]", "UNKNOWN_FIELD"],
    ["__proto__=1", "__proto__", "UNKNOWN_FIELD"],
    ["constructor[prototype][x]=1", "constructor[prototype][x]", "UNKNOWN_FIELD"],
  ])("refuses the query %s", async (query, field, code) => {
    const answer = await get(`/products?${query}`);

    expectProblem(answer, 422, "VALIDATION_FAILED");
    expect(fieldsOf(answer)).toEqual([expect.objectContaining({ field, code })]);
  });
});

describe("bodies that are not JSON", () => {
  const csv = (body: string | Buffer, path = "/products/import", type = "text/csv") =>
    post(path, { body, headers: { "content-type": type } });

  it("reads a catalogue, and the stock of new products from the query", async () => {
    const answer = await csv("sku,name\nA-1,Café\n", "/products/import?initialStock=5", "text/csv; charset=utf-8");

    expect(answer.status).toBe(200);
    expect(gateway.calls.at(-1)?.params).toEqual({ csv: "sku,name\nA-1,Café\n", initialStock: 5 });
  });

  it("reads a catalogue in Latin-1 that says so, and refuses one that does not", async () => {
    const latin = Buffer.from("name\nCaf\xe9\n", "latin1");

    await csv(latin, "/products/import", "text/csv; charset=iso-8859-1");

    expect(gateway.calls.at(-1)?.params.csv).toBe("name\nCafé\n");
    expectProblem(await csv(latin), 400, "MALFORMED_TEXT");
  });

  it("takes a catalogue of megabytes but no more than 20, as CSV only, and from nowhere but the body", async () => {
    expect((await csv("x".repeat(2 * 1024 * 1024))).status).toBe(200);
    expectProblem(await csv(Buffer.alloc(20 * 1024 * 1024 + 1, "x")), 413, "PAYLOAD_TOO_LARGE");
    expectProblem(await csv("{}", "/products/import", "application/json"), 415, "UNSUPPORTED_MEDIA_TYPE");
    expectProblem(await csv("x", "/products/import?csv=y"), 422, "VALIDATION_FAILED");
  });

  it("hands a webhook's bytes and headers on untouched", async () => {
    const bytes = Buffer.from('{ "a" : 1.0, "__proto__": {} }\n');

    const answer = await gateway.request("POST", `${basePath}/payments/webhooks/sandbox`, {
      body: bytes,
      headers: { "hub-signature": "t=1,v1=00", authorization: "Provider own-scheme" },
    });

    expect(answer.status).toBe(200);
    const params = gateway.calls.at(-1)?.params as { body: string; headers: object; provider: string };
    expect(params.provider).toBe("sandbox");
    expect(Buffer.from(params.body, "base64")).toEqual(bytes);
    expect(params.headers).toMatchObject({ "hub-signature": "t=1,v1=00", authorization: "Provider own-scheme" });
    expect(gateway.calls.at(-1)?.meta.user).toBeNull();
  });
});
