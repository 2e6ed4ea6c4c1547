import { Type, type TSchema } from "@sinclair/typebox";

// The small atoms that the other contracts are made of. Every object refuses fields it does not name.

export const closed = { additionalProperties: false } as const;

export const Id = Type.String({ format: "uuid" });
export const Time = Type.String({ format: "date-time", description: "RFC 3339 in UTC with milliseconds" });
export const Cents = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: "minor units" });
export const Currency = Type.String({ pattern: "^[A-Z]{3}$", description: "ISO 4217" });
/** No blank at the end: MySQL would take `A` and `A ` for the same. */
export const Sku = Type.String({
  minLength: 1,
  maxLength: 40,
  pattern: "^[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9._-])?$",
  description: "stock code; upper and lower case differ",
});
export const Email = Type.String({ format: "email", maxLength: 254 });
export const Locale = Type.Union([Type.Literal("en"), Type.Literal("zh")]);
export const Role = Type.Union([Type.Literal("customer"), Type.Literal("support"), Type.Literal("admin")]);

/** Text people write: no control characters but tab and newline, and not only blanks. */
export const line = (maxLength: number) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: "^[^\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$",
  });
export const text = (maxLength: number) =>
  Type.String({ maxLength, pattern: "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f]*$" });

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const Nothing = Type.Null({ description: "no content" });
export const NoParams = Type.Object({}, closed);
export const ById = Type.Object({ id: Id }, closed);
export const Ids = Type.Object({ ids: Type.Array(Id, { maxItems: 1000 }) }, closed);

/** The two query parameters that every list takes. */
export const pageParams = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
};

export const pageOf = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), nextCursor: nullable(Type.String()) }, closed);
export const listOf = <T extends TSchema>(item: T) => Type.Object({ items: Type.Array(item) }, closed);

/** How an audit goes through another service's rows: those of `orderIds`, or a page of all after an id. */
export const BriefsOf = Type.Object(
  {
    orderIds: Type.Optional(Type.Array(Id, { maxItems: 500 })),
    after: Type.Optional(Id),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 500 })),
  },
  closed,
);
