import { createHash } from "node:crypto";
import { DomainError } from "../../../lib/errors.ts";
import { jwk, startGateway, type TestGateway } from "./support.ts";

const decisions: unknown[] = [];
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    answers: {
      "payments.approvalPage": ({ params }) =>
        params.providerRef === "ch_unknown"
          ? null
          : { providerRef: `<b>${String(params.providerRef)}`, status: "pending", amountCents: 1250, currency: "GBP" },
      "payments.approve": ({ params }) => {
        if (params.providerRef === "ch_decided") throw new DomainError("conflict", "PAYMENT_OPEN", "Decided.");
        decisions.push(params);
        return { status: "succeeded" };
      },
    },
  });
});
afterAll(() => gateway.stop());

const form = { "content-type": "application/x-www-form-urlencoded" };

describe("the sandbox's approval page", () => {
  it("shows the amount, escapes what it shows, and runs nothing", async () => {
    const page = await gateway.request("GET", "/sandbox/approvals/ch_1");

    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.text).toContain("£12.50");
    expect(page.text).toContain("&#60;b&#62;ch_1");
    expect(page.text).not.toContain("<b>ch_1");
    expect(page.text).not.toContain("<script");
    const style = /<style>([^]*)<\/style>/.exec(page.text)?.[1] ?? "";
    const digest = createHash("sha256").update(style).digest("base64");
    expect(page.headers.get("content-security-policy")).toContain(`style-src 'sha256-${digest}'`);
  });

  it("takes a decision from its form and says what came of it", async () => {
    const page = await gateway.request("POST", "/sandbox/approvals/ch_2", { body: "decision=approve", headers: form });

    expect(page.status).toBe(200);
    expect(page.text).toContain("succeeded");
    expect(decisions.at(-1)).toEqual({ providerRef: "ch_2", decision: "approve" });
  });

  it("takes and gives JSON for programs", async () => {
    const headers = { accept: "application/json" };
    const shown = await gateway.request("GET", "/sandbox/approvals/ch_3", { headers });
    const decided = await gateway.request("POST", "/sandbox/approvals/ch_3", {
      json: { decision: "decline" },
      headers,
    });

    expect(shown.body).toMatchObject({ status: "pending", amountCents: 1250 });
    expect(decided.body).toEqual({ status: "succeeded" });
    expect(decisions.at(-1)).toEqual({ providerRef: "ch_3", decision: "decline" });
  });

  it("has a page for what is not there", async () => {
    const get = await gateway.request("GET", "/sandbox/approvals/ch_unknown");
    const long = await gateway.request("GET", `/sandbox/approvals/${"x".repeat(65)}`);
    const post = await gateway.request("POST", "/sandbox/approvals/ch_unknown", {
      body: "decision=approve",
      headers: form,
    });

    for (const page of [get, long, post]) {
      expect(page.status).toBe(404);
      expect(page.text).toContain("No such payment");
    }
  });

  it("refuses other decisions, other bodies, and what was decided already", async () => {
    const post = (body: string, headers: Record<string, string> = form, ref = "ch_4") =>
      gateway.request("POST", `/sandbox/approvals/${ref}`, { body, headers });

    expect((await post("decision=maybe")).status).toBe(422);
    expect((await post("")).status).toBe(422);
    expect((await post("x", { "content-type": "text/plain" })).status).toBe(415);
    expect((await post(`decision=${"x".repeat(20_000)}`)).status).toBe(413);
    expect((await post("decision=approve", form, "ch_decided")).body).toMatchObject({ code: "PAYMENT_OPEN" });
  });
});

describe("what machines and people read", () => {
  it("gives the keys that verify tokens", async () => {
    const keys = await gateway.request("GET", "/.well-known/jwks.json");

    expect(keys.body).toEqual({ keys: [jwk] });
    expect(keys.headers.get("cache-control")).toBe("public, max-age=60");
  });

  it("gives the OpenAPI document, and a page of it that needs nothing from elsewhere", async () => {
    const document = await gateway.request("GET", "/openapi.json");
    const docs = await gateway.request("GET", "/docs");

    expect(document.body).toMatchObject({ openapi: "3.1.1" });
    expect(docs.status).toBe(200);
    expect(docs.text).toContain("/api/v1/orders/{id}/pay");
    expect(docs.text).toContain("a field ending in <code>Cents</code>.");
    expect(docs.text).not.toMatch(/<script|src=|https?:\/\//);
  });
});
