import fc from "fast-check";
import {
  brokenBodies,
  forbiddenFields,
  hostileHeaders,
  hostileTexts,
  hostileValues,
  pollutingBodies,
} from "./hostile.ts";

/** The parts of JSON Schema that the document's requests are described with. */
export interface Schema {
  $ref?: string;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  items?: Schema;
  maxItems?: number;
  minItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
}

export interface Operation {
  method: string;
  path: string;
  parameters: { name: string; in: string; schema: Schema }[];
  body: { type: string; schema: Schema } | null;
}

/** What a client sends; without a token, with that of a customer, or with that of an administrator. */
export interface Sent {
  path: string;
  who: "nobody" | "customer" | "admin";
  body?: string;
  headers: Record<string, string>;
}

/** Ids of things that exist, by what a parameter is called. */
export type Known = (operation: Operation, name: string) => readonly string[];

/** What has broken things here before comes more often than its share of the dictionary. */
const hostileText = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom("\u0000", "a\u0000b", "'", "\ud800") },
  { weight: 2, arbitrary: fc.constantFrom(...hostileTexts) },
);
const hostileValue = fc.oneof(fc.constantFrom(...hostileValues), fc.jsonValue({ maxDepth: 3 }));

/** A value that fits, as far as chance lets it. */
export function fitting(schema: Schema, known: readonly string[] = []): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => fitting(one, known)));
  switch (schema.type) {
    case "integer":
    case "number":
      return fc.integer({ min: schema.minimum ?? -1_000, max: Math.min(schema.maximum ?? 1_000, 2 ** 31 - 1) });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array(fitting(schema.items ?? {}, known), { minLength: schema.minItems ?? 0, maxLength: 4 });
    case "object": {
      const { properties = {}, required = [] } = schema;
      const parts = Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, fitting(part, known)]));
      return fc.record(parts, { requiredKeys: required, noNullPrototype: true });
    }
    case "string":
      return textThatFits(schema, known);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function textThatFits({ format, pattern, minLength = 0, maxLength = 40 }: Schema, known: readonly string[]) {
  if (known.length > 0) return fc.constantFrom(...known);
  if (format === "uuid") return fc.uuid();
  if (format === "email") return fc.emailAddress();
  if (format === "date-time") return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern, "u"));
  return fc.string({ minLength, maxLength: Math.min(maxLength, 60), unit: "binary" });
}

/** An object with one part that it should not have, or without one that it should. */
function spoilt(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return hostileValue;
  const names = Object.keys(value);
  const extra = fc
    .constantFrom(...Object.entries(forbiddenFields))
    .map(([name, forbidden]) => ({ ...value, [name]: forbidden }));
  if (names.length === 0) return extra;
  const name = fc.constantFrom(...names);
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(name, hostileValue).map(([key, part]) => ({ ...value, [key]: part })) },
    {
      weight: 1,
      arbitrary: name.map((gone) => Object.fromEntries(Object.entries(value).filter(([key]) => key !== gone))),
    },
    { weight: 1, arbitrary: extra },
  );
}

const jsonBody = (schema: Schema, known: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 2, arbitrary: fitting(schema, known).map((value) => JSON.stringify(value)) },
    {
      weight: 5,
      arbitrary: fitting(schema, known)
        .chain(spoilt)
        .map((value) => JSON.stringify(value)),
    },
    { weight: 1, arbitrary: fc.constantFrom(...brokenBodies, ...pollutingBodies) },
    { weight: 1, arbitrary: hostileValue.map((value) => JSON.stringify(value)) },
  );

const plainBody = fc.oneof(
  hostileText,
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.constantFrom(...brokenBodies),
);

function bodyOf({ body }: Operation, known: readonly string[]): fc.Arbitrary<Pick<Sent, "body" | "headers">> {
  if (!body) {
    return fc.oneof(
      { weight: 6, arbitrary: fc.constant({ headers: {} }) },
      {
        weight: 1,
        arbitrary: plainBody.map((text) => ({ body: text, headers: { "content-type": "application/json" } })),
      },
    );
  }
  const text = body.type === "application/json" ? jsonBody(body.schema, known) : plainBody;
  return text.map((sent) => ({ body: sent, headers: { "content-type": body.type } }));
}

/** Of more, Node says 431 before anybody knows which operation is meant. */
const longestInUrl = 1_000;

/** Percent-encoded byte by byte, as `encodeURIComponent` refuses half a surrogate pair. */
const encoded = (text: string): string =>
  [...Buffer.from(text.slice(0, longestInUrl))].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

/** Everything that may be sent to an operation: what fits, what nearly does, and what should never come. */
export function requestTo(operation: Operation, known: Known): fc.Arbitrary<Sent> {
  const named = (where: string) => operation.parameters.filter((parameter) => parameter.in === where);
  const valueOf = (name: string, schema: Schema): fc.Arbitrary<string> =>
    fc.oneof(
      { weight: 3, arbitrary: fitting(schema, known(operation, name)).map(String) },
      { weight: 1, arbitrary: hostileText },
    );
  const path = fc
    .tuple(...named("path").map(({ name, schema }) => valueOf(name, schema).map((value) => [name, value] as const)))
    .map((values) =>
      values.reduce((text, [name, value]) => text.replace(`{${name}}`, () => encoded(value)), operation.path),
    );
  const another = fc.tuple(
    fc.constantFrom("", ...named("query").map(({ name }) => name), ...hostileTexts.slice(0, 30)),
    fc.oneof(hostileText, fc.integer().map(String)),
  );
  const asked = named("query");
  const fits = asked.map(({ name, schema }) =>
    fc.option(
      fitting(schema, known(operation, name)).map((value) => [name, String(value)] as const),
      { freq: 2 },
    ),
  );
  // one at a time: beside a second mistake the first is often not looked at
  const mistake =
    asked.length === 0
      ? another
      : fc.oneof(
          { weight: 3, arbitrary: fc.tuple(fc.constantFrom(...asked.map(({ name }) => name)), hostileText) },
          { weight: 1, arbitrary: another },
        );
  const query = fc.tuple(fc.tuple(...fits), fc.option(mistake)).map(([some, wrong]) =>
    [...some.filter((one) => one !== null && one[0] !== wrong?.[0]), wrong]
      .filter((one) => one !== null)
      .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
      .join("&"),
  );
  return fc
    .record({
      path,
      query,
      body: bodyOf(operation, known(operation, "")),
      who: fc.oneof(
        { weight: 1, arbitrary: fc.constant("nobody" as const) },
        { weight: 3, arbitrary: fc.constant("customer" as const) },
        { weight: 6, arbitrary: fc.constant("admin" as const) },
      ),
      headers: fc.option(fc.constantFrom(...hostileHeaders), { freq: 5, nil: {} }),
    })
    .map(({ path: where, query: search, body, who, headers }) => ({
      ...body,
      path: search === "" ? where : `${where}?${search}`,
      who,
      headers: { ...body.headers, ...headers },
    }));
}
