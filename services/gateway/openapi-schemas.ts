import { Session } from "../../contracts/auth.ts";
import { StockLevel } from "../../contracts/inventory.ts";
import { Mail, Notification } from "../../contracts/notify.ts";
import { Order, OrderAddress, OrderLine, OrderStatus } from "../../contracts/orders.ts";
import { Payment, TimelineEntry } from "../../contracts/payments.ts";
import { ImportReport, Product } from "../../contracts/products.ts";
import { Address, NotificationPreferences, Profile } from "../../contracts/users.ts";

export type Schema = Record<string, unknown>;

/** What the document names once and refers to everywhere. */
const named: Readonly<Record<string, object>> = {
  Session,
  Profile,
  Address,
  NotificationPreferences,
  Product,
  ImportReport,
  StockLevel,
  Order,
  OrderLine,
  OrderAddress,
  Payment,
  TimelineEntry,
  Notification,
  Mail,
};

const nameOf = new Map(Object.entries(named).map(([name, schema]) => [schema, name]));

const text = { type: "string" };

const problem = (): Schema => ({
  type: "object",
  description: "RFC 9457. Refusals may have further members, such as `sku` and `available`.",
  required: ["type", "title", "status", "detail", "code", "requestId"],
  properties: {
    type: { type: "string", format: "uri" },
    title: text,
    status: { type: "integer" },
    detail: text,
    code: { type: "string", pattern: "^[A-Z][A-Z0-9_]*$", description: "stable; what a program should look at" },
    requestId: text,
    orderStatus: {
      ...membersOf(OrderStatus),
      description: "of refusals whose reason is the state of an order",
    },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["field", "code", "message"],
        properties: { field: text, code: text, message: text },
        additionalProperties: false,
      },
    },
  },
});

export function componentSchemas(): Record<string, Schema> {
  const components = Object.fromEntries(
    Object.entries(named).map(([name, schema]) => [name, membersOf(schema as Schema)]),
  );
  return { Problem: problem(), ...components };
}

/** A contract's schema for the document: named ones by reference, choices of constants as an enumeration. */
export function documentSchema(schema: object): Schema {
  const name = nameOf.get(schema);
  return name === undefined ? membersOf(schema as Schema) : { $ref: `#/components/schemas/${name}` };
}

function membersOf(schema: Schema): Schema {
  const constants = constantsOf(schema);
  if (constants) {
    const { anyOf: _, ...rest } = schema;
    return { ...plain(rest), type: "string", enum: constants };
  }
  return plain(schema);
}

function constantsOf({ anyOf }: Schema): string[] | null {
  if (!Array.isArray(anyOf)) return null;
  const constants = (anyOf as Schema[]).map((branch) => branch.const);
  return constants.every((constant) => typeof constant === "string") ? constants : null;
}

const plain = (schema: Schema): Schema =>
  Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, part(value)]));

function part(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(part);
  return typeof value === "object" && value !== null ? documentSchema(value) : value;
}
