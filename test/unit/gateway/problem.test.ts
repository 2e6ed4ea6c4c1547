import { Errors } from "moleculer";
import { DomainError, statusOf, type ErrorData, type ErrorKind } from "../../../lib/errors.ts";
import { toBusError } from "../../../middlewares/domain-errors.middleware.ts";
import { HttpRefusal, titleOf, toProblem } from "../../../services/gateway/problem.ts";

const kinds = Object.keys(statusOf) as ErrorKind[];

it.each(kinds)("tells a refusal of kind %s the same from here and from over the bus", (kind) => {
  const refusal = new DomainError(kind, "SKU_TAKEN", "A sentence.", { sku: "A", retryAfterSeconds: 3 });

  const here = toProblem(refusal, "r");

  expect(here).toEqual(toProblem(toBusError(refusal), "r"));
  expect(here.status).toBe(statusOf[kind]);
  expect(here.headers["Retry-After"]).toBe("3");
  expect(here.body).toEqual({
    type: "urn:enterprise-hub:problem:sku-taken",
    title: "SKU already in use",
    status: statusOf[kind],
    detail: "A sentence.",
    code: "SKU_TAKEN",
    requestId: "r",
    sku: "A",
  });
});

it("lets data of a refusal replace no member of the document", () => {
  const data = { type: "x", title: "x", status: 200, detail: "x", code: "X", requestId: "x", errors: "x" as unknown };

  const { body, status } = toProblem(new DomainError("conflict", "EMAIL_TAKEN", "Taken.", data as ErrorData), "r");

  expect(status).toBe(409);
  expect(body).toEqual({
    type: "urn:enterprise-hub:problem:email-taken",
    title: "E-mail address already registered",
    status: 409,
    detail: "Taken.",
    code: "EMAIL_TAKEN",
    requestId: "r",
  });
});

it("lists of field errors the three members only", () => {
  const found = [{ field: "name", code: "REQUIRED", message: "is required", nodeID: "node", action: "users.create" }];

  const { body } = toProblem(
    new Errors.ValidationError("Parameters validation error!", "VALIDATION_ERROR", found),
    "r",
  );

  expect(body).toMatchObject({ status: 422, code: "VALIDATION_FAILED" });
  expect(body.errors).toEqual([{ field: "name", code: "REQUIRED", message: "is required" }]);
});

it.each([
  ["a plain error", new Error("secret")],
  ["one with a status of its own", Object.assign(new Error("secret"), { code: 404, type: "NOT_FOUND" })],
  ["one with a code of Node", Object.assign(new Error("secret"), { code: "ENOENT" })],
  ["a client error without a code of ours", new Errors.MoleculerClientError("secret", 418, "lower case")],
  ["a server error of Moleculer", new Errors.MoleculerServerError("secret", 500, "SECRET")],
  ["text", "secret"],
  ["null", null],
  ["nothing", undefined],
])("says of %s only that it went wrong", (_what, error) => {
  const problem = toProblem(error, "r");

  expect(problem.body).toMatchObject({ status: 500, code: "INTERNAL", detail: "Something went wrong on our side." });
  expect(JSON.stringify(problem)).not.toMatch(/secret/i);
});

it("gives every 429 and 503 a time to wait, and every 401 a challenge", () => {
  expect(toProblem(new DomainError("too_many", "RATE_LIMITED", "Wait."), "r").headers).toEqual({ "Retry-After": "1" });
  expect(toProblem(new HttpRefusal(503, "OVERLOADED", "Wait."), "r").headers).toEqual({ "Retry-After": "1" });
  expect(
    toProblem(new DomainError("too_many", "RATE_LIMITED", "Wait.", { retryAfterSeconds: 1.2 }), "r").headers,
  ).toEqual({
    "Retry-After": "2",
  });
  expect(toProblem(new DomainError("unauthenticated", "INVALID_TOKEN", "Who?"), "r").headers).toEqual({
    "WWW-Authenticate": "Bearer",
  });
});

it("has a title for each code, and makes one of a code that only a newer node knows", () => {
  expect(titleOf("JSON_TOO_DEEP")).toBe("JSON nested too deeply");
  expect(titleOf("OF_TOMORROW")).toBe("Of tomorrow");
  expect(titleOf("constructor")).toBe("Constructor");
});
