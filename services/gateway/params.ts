import type { IncomingMessage } from "node:http";
import type { ActionContract } from "../../contracts/action.ts";
import { notFound } from "../../lib/errors.ts";
import { compileSchema } from "../../lib/validator.ts";
import { forbiddenKeys, invalid, maxJsonBytes, readBody, readCsv, readJson, unknownField, type Json } from "./body.ts";
import { pathNamesOf, readsQuery, type Route } from "./routes.ts";

/** A property of a contract's parameters, as far as reading a query needs it. */
interface Property {
  type?: string;
}
type Properties = Record<string, Property>;

export interface Input {
  /** Of the path, decoded. */
  path: Readonly<Record<string, string>>;
  /** The query string as it came, without the question mark. */
  search: string;
}

/** Collects the parameters of an action from a request. Whether they are right is for the action to say. */
export type ReadParams = (req: IncomingMessage, input: Input) => Promise<Json>;

/** Whether something can have the name that stands in a path, by the contract of the route's action. */
export type CanExist = (path: Readonly<Record<string, string>>) => boolean;

export function pathCheck(route: Route, contract: ActionContract): CanExist {
  const properties = propertiesOf(contract);
  const check = compileSchema({
    type: "object",
    properties: Object.fromEntries(pathNamesOf(route.path).map((name) => [name, properties[name]])),
  });
  return (path) => check({ ...path }) === true;
}

const propertiesOf = ({ params }: ActionContract): Properties =>
  (params as { properties?: Properties }).properties ?? {};

/** How requests of this route are read. Each parameter comes from one place: the path, else the query or the body. */
export function paramsReader(route: Route, contract: ActionContract, canExist: CanExist): ReadParams {
  const properties = propertiesOf(contract);
  const pathNames = pathNamesOf(route.path);

  const readRest = async (req: IncomingMessage, search: string): Promise<Json> => {
    if (readsQuery(route)) return parseQuery(search, properties);
    if (route.body === "csv") return { csv: await readCsv(req), ...pick(parseQuery(search, properties), route.query) };
    if (route.body === "raw") {
      return { body: (await readBody(req, maxJsonBytes)).toString("base64"), headers: plainHeaders(req) };
    }
    return readJson(req);
  };

  return async (req, { path, search }) => {
    // no resource has such an id, so this is not a mistake in a field
    if (!canExist(path)) throw notFound("resource");
    const params = await readRest(req, search);
    for (const name of pathNames) {
      if (Object.hasOwn(params, name)) throw unknownField(name);
      params[name] = path[name];
    }
    return params;
  };
}

function pick(query: Json, allowed: readonly string[] = []): Json {
  for (const name of Object.keys(query)) if (!allowed.includes(name)) throw unknownField(name);
  return query;
}

/** A query as an object, its values turned into the numbers and booleans that `properties` ask for, where they are ones. */
export function parseQuery(search: string, properties: Properties): Json {
  const query: Json = {};
  if (search === "") return query;
  for (const [name, value] of new URLSearchParams(search)) {
    if (forbiddenKeys.has(name)) throw unknownField(name);
    if (Object.hasOwn(query, name)) throw invalid(name, "DUPLICATE", "is given more than once");
    query[name] = coerce(value, Object.hasOwn(properties, name) ? properties[name]?.type : undefined);
  }
  return query;
}

/** What does not look like the wanted type stays text, for validation to name. */
function coerce(value: string, type: string | undefined): unknown {
  if (type === "boolean" && (value === "true" || value === "false")) return value === "true";
  if ((type === "integer" || type === "number") && /^-?\d{1,15}$/.test(value)) return Number(value);
  return value;
}

function plainHeaders({ headers }: IncomingMessage): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name !== "cookie" && typeof value === "string") plain[name] = value;
  }
  return plain;
}
