import type { ActionContract } from "../../contracts/action.ts";
import { pageOperations } from "./openapi-pages.ts";
import { problemResponses, statusOfCode, standardResponses } from "./openapi-problems.ts";
import { componentSchemas, documentSchema, type Schema } from "./openapi-schemas.ts";
import { basePath, contractOfRoute, pathNamesOf, readsQuery, routes, tags, type Route } from "./routes.ts";

export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  security: Record<string, string[]>[];
  parameters?: object[];
  requestBody?: object;
  responses: Record<string, object>;
}

export interface OpenApiDocument {
  openapi: "3.1.1";
  info: object;
  servers: object[];
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; responses: Record<string, object>; securitySchemes: object };
}

/** The whole REST interface as OpenAPI 3.1, made of the route table and the contracts. */
export function openApiDocument(): OpenApiDocument {
  const paths: OpenApiDocument["paths"] = {};
  const operations = [
    ...routes.map((route) => [basePath + route.path, route.method, operationOf(route)] as const),
    ...pageOperations.map(({ path, method, operation }) => [path, method, operation] as const),
  ];
  for (const [path, method, operation] of operations) {
    const item = (paths[path.replaceAll(/:(\w+)/g, "{$1}")] ??= {});
    item[method.toLowerCase()] = operation;
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "EnterpriseHub",
      version: "1.0.0",
      summary: "An order platform: catalogue, stock, orders, payments, notifications.",
      description:
        "Money is an integer of minor units in a field ending in `Cents`. Times are RFC 3339 in UTC. Lists take `limit` " +
        "and `cursor`. Errors are `application/problem+json`, told apart by `code`.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "the system this document came from" }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: componentSchemas(),
      responses: standardResponses,
      securitySchemes: { accessToken: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
    },
  };
}

function operationOf(route: Route): Operation {
  const contract = contractOfRoute(route);
  const parameters = parametersOf(route, contract);
  const requestBody = requestBodyOf(route, contract);
  return {
    operationId: route.action.replace(/\.(\w)/, (_, letter: string) => letter.toUpperCase()),
    summary: contract.summary,
    ...(contract.access === "staff" || contract.access === "admin"
      ? { description: contract.access === "staff" ? "For support and administrators." : "For administrators." }
      : {}),
    tags: [route.tag],
    security: contract.access === "public" ? [] : [{ accessToken: [] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(requestBody ? { requestBody } : {}),
    responses: { ...successesOf(route, contract), ...problemResponses(problemsOf(route, contract)) },
  };
}

interface Params {
  properties: Record<string, Schema>;
  required: readonly string[];
}

function paramsOf({ params }: ActionContract): Params {
  const { properties = {}, required = [] } = params as Partial<Params>;
  return { properties, required };
}

function parametersOf(route: Route, contract: ActionContract): object[] {
  const { properties, required } = paramsOf(contract);
  const pathNames = pathNamesOf(route.path);
  const queryNames = readsQuery(route)
    ? Object.keys(properties).filter((name) => !pathNames.includes(name))
    : (route.query ?? []);
  const parameter = (where: "path" | "query", name: string, isRequired: boolean): object => {
    const schema = properties[name] ?? {};
    return { name, in: where, ...(isRequired ? { required: true } : {}), schema: documentSchema(schema) };
  };
  return [
    ...pathNames.map((name) => parameter("path", name, true)),
    ...queryNames.map((name) => parameter("query", name, required.includes(name))),
    ...(route.idempotent ? [idempotencyHeader] : []),
    ...(route.body === "raw" ? signatureHeaders : []),
  ];
}

const idempotencyHeader = {
  name: "Idempotency-Key",
  in: "header",
  description:
    "The same key and body again get the stored answer, with `Idempotency-Replayed: true`. Keys belong to the user.",
  schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" },
};

/** Each provider signs in a header of its own. */
const signatureHeaders = [
  {
    name: "Hub-Signature",
    in: "header",
    description: 'For `sandbox`: `t=<unix seconds>,v1=<hex of HMAC-SHA-256 of "t.body">`, at most 5 minutes old.',
    schema: { type: "string" },
  },
  {
    name: "Stripe-Signature",
    in: "header",
    description: "For `stripe`, where the system has an account there: as Stripe makes it, at most 5 minutes old.",
    schema: { type: "string" },
  },
];

function requestBodyOf(route: Route, contract: ActionContract): object | null {
  if (readsQuery(route)) return null;
  if (route.body === "csv") return { required: true, content: { "text/csv": { schema: { type: "string" } } } };
  if (route.body === "raw") {
    return {
      required: true,
      description: "As the provider sends it.",
      content: { "application/json": { schema: {} } },
    };
  }
  const { properties, required } = paramsOf(contract);
  const pathNames = pathNamesOf(route.path);
  const names = Object.keys(properties).filter((name) => !pathNames.includes(name));
  if (names.length === 0) return null;
  const needed = required.filter((name) => !pathNames.includes(name));
  const schema = documentSchema({
    ...contract.params,
    properties: Object.fromEntries(names.map((name) => [name, properties[name]])),
    required: needed,
  });
  return { required: needed.length > 0, content: { "application/json": { schema } } };
}

function successesOf(route: Route, contract: ActionContract): Record<string, object> {
  const statuses = route.otherStatus ? [route.status, route.otherStatus] : [route.status];
  return Object.fromEntries(statuses.map((status) => [status, success(status, route, contract)]));
}

const successWords = { 200: "Done.", 201: "Created.", 202: "Accepted.", 204: "Done." };

function success(status: Route["status"], route: Route, { result }: ActionContract): object {
  const headers = {
    ...(status === 201 ? { Location: { description: "where it can be found", schema: { type: "string" } } } : {}),
    ...(route.idempotent
      ? { "Idempotency-Replayed": { description: "`true` when stored", schema: { type: "string" } } }
      : {}),
  };
  return {
    description: route.otherStatus === status ? "Under way: the outcome comes later." : successWords[status],
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    ...(result.type === "null" ? {} : { content: { "application/json": { schema: documentSchema(result) } } }),
  };
}

/** Codes by status: those of every route of this kind, and those its contract adds. */
function problemsOf(route: Route, contract: ActionContract): Map<number, string[]> {
  const problems = new Map<number, string[]>();
  const add = (status: number, ...codes: string[]): void => {
    problems.set(status, [...(problems.get(status) ?? []), ...codes]);
  };
  add(400);
  if (!route.ignoresToken) add(401);
  if (contract.access === "staff" || contract.access === "admin") add(403);
  if (contract.access !== "public" || route.path.includes("/:")) add(404);
  if (!readsQuery(route)) {
    add(413);
    add(415);
  }
  add(422);
  add(429);
  add(500);
  add(503);
  for (const code of contract.refusals ?? []) add(statusOfCode(code), code);
  return problems;
}
