import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { contracts, contractOf } from "../../../contracts/bus.ts";
import { docsPage } from "../../../services/gateway/docs-page.ts";
import { openApiDocument, type Operation } from "../../../services/gateway/openapi.ts";
import { statusOfCode } from "../../../services/gateway/openapi-problems.ts";
import { toProblem } from "../../../services/gateway/problem.ts";
import { pages } from "../../../services/gateway/pages.ts";
import { basePath, contractOfRoute, pathNamesOf, routes, type Route } from "../../../services/gateway/routes.ts";

const document = openApiDocument();
const template = (path: string) => path.replaceAll(/:(\w+)/g, "{$1}");
const operationOf = (method: string, path: string): Operation | undefined =>
  document.paths[template(path)]?.[method.toLowerCase()];
const operations = Object.values(document.paths).flatMap((item) => Object.values(item));

/** Every part of a JSON value that is an object. */
function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== "object" || value === null) return [];
  return [value as Record<string, unknown>, ...Object.values(value).flatMap(objectsIn)];
}

describe("the route table", () => {
  it("leads only to actions that may be called from outside, each on one way", () => {
    for (const route of routes) expect(() => contractOfRoute(route)).not.toThrow();
    const actions = routes.map(({ action }) => action);
    expect(new Set(actions).size).toBe(actions.length);
    expect(new Set(routes.map(({ method, path }) => `${method} ${path}`)).size).toBe(routes.length);
  });

  it("reaches every action that is not internal", () => {
    const open = Object.keys(contracts).filter((name) => contractOf(name)?.access !== "internal");

    expect(routes.map(({ action }) => action as string).sort()).toEqual(
      open.filter((name) => name !== "auth.keys").sort(),
    );
  });

  it("refuses to lead to what is internal", () => {
    const route: Route = { method: "GET", path: "/x", action: "payments.create", tag: "Payments", status: 200 };

    expect(() => contractOfRoute(route)).toThrow("not public");
  });

  it("names parameters of the contract in its paths and queries", () => {
    for (const route of routes) {
      const { properties = {} } = contractOfRoute(route).params as { properties?: object };
      for (const name of [...pathNamesOf(route.path), ...(route.query ?? [])]) expect(properties).toHaveProperty(name);
    }
  });

  it("takes idempotency keys where the contract speaks of them", () => {
    for (const route of routes) {
      const speaks = contractOfRoute(route).refusals?.includes("IDEMPOTENCY_KEY_REUSED") === true;
      expect([route.path, route.idempotent === true]).toEqual([route.path, speaks]);
    }
  });
});

describe("the OpenAPI document", () => {
  it("has every route and every page", () => {
    const served = pages({ streams: {} as never, readiness: () => ({ status: "ok", missing: [] }), returnUrl: "" });

    for (const { method, path } of routes) expect(operationOf(method, basePath + path)).toBeDefined();
    for (const { method, path } of served) expect(operationOf(method, path)).toBeDefined();
    expect(operations).toHaveLength(routes.length + served.length);
  });

  it("has only references that lead somewhere", () => {
    const refs = objectsIn(document).flatMap(({ $ref }) => (typeof $ref === "string" ? [$ref] : []));

    expect(refs.length).toBeGreaterThan(100);
    for (const ref of new Set(refs)) expect(document).toHaveProperty(ref.slice(2).split("/"));
  });

  it("has schemas that are JSON Schema 2020-12, as strict as a validator can read them", () => {
    const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
    addFormats.default(ajv);
    ajv.addVocabulary(["openapi", "info", "servers", "tags", "paths", "components"]);
    ajv.addSchema({ $id: "document", ...document });

    for (const name of Object.keys(document.components.schemas)) {
      expect(() => ajv.compile({ $ref: `document#/components/schemas/${name}` })).not.toThrow();
    }
    const { body } = toProblem(new Error("x"), "r");
    expect(ajv.compile({ $ref: "document#/components/schemas/Problem" })(body)).toBe(true);
  });

  it("names each operation once, and every path parameter", () => {
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const [path, item] of Object.entries(document.paths)) {
      for (const { parameters = [] } of Object.values(item)) {
        const inPath = (parameters as { in: string; name: string }[]).filter((parameter) => parameter.in === "path");
        expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      }
    }
  });

  it("asks for a token exactly where the contract does", () => {
    for (const route of routes) {
      const open = contractOfRoute(route).access === "public";
      expect(operationOf(route.method, basePath + route.path)?.security).toEqual(open ? [] : [{ accessToken: [] }]);
    }
  });

  it("documents each refusal of a contract by its code under its status", () => {
    for (const route of routes) {
      for (const code of contractOfRoute(route).refusals ?? []) {
        const response = operationOf(route.method, basePath + route.path)?.responses[statusOfCode(code)];
        expect((response as { description?: string }).description).toContain(`\`${code}\``);
      }
    }
  });

  it("leaves out of a body what stands in the path", () => {
    const ship = operationOf("POST", `${basePath}/orders/:id/ship`);

    const { schema } = (ship?.requestBody as { content: Record<string, { schema: Record<string, unknown> }> }).content[
      "application/json"
    ] ?? { schema: {} };
    expect(Object.keys(schema.properties as object)).toEqual(["carrier", "trackingNumber"]);
    expect(schema.required).toEqual(["carrier", "trackingNumber"]);
  });

  it("names nothing of the inside", () => {
    expect(JSON.stringify(document)).not.toMatch(/payments\.create|inventory\.reserve|nodeID|hub_/);
  });
});

it("shows every operation to people", () => {
  const { text } = docsPage(document);

  for (const path of Object.keys(document.paths)) expect(text).toContain(`<code>${path}</code>`);
  expect(text).not.toMatch(/<script|undefined|\[object/);
});
