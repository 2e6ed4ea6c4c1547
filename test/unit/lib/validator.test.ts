import { Type } from "@sinclair/typebox";
import { contractOf, contracts } from "../../../contracts/bus.ts";
import { closed, Email, Sku } from "../../../contracts/shapes.ts";
import { PlaceOrder } from "../../../contracts/orders.ts";
import { compileSchema } from "../../../lib/validator.ts";

// a node compiles a schema when it first needs it, and not all of them before it starts
it.each(Object.keys(contracts))("can compile what %s takes and gives", (name) => {
  const { params = {}, result = {} } = contractOf(name) ?? {};

  for (const schema of [params, result]) expect(() => compileSchema(schema)(undefined)).not.toThrow();
});

describe("checking by a schema", () => {
  const check = compileSchema(PlaceOrder);

  it("lets what fits pass", () => {
    expect(check({ items: [{ sku: "85123A", quantity: 2 }], note: "Zoë 🎁" })).toBe(true);
  });

  it.each([
    [{}, "items", "REQUIRED", "is required"],
    [{ items: [] }, "items", "TOO_FEW", "must have at least 1 entries"],
    [{ items: [{ sku: "A", quantity: 0 }] }, "items[0].quantity", "TOO_SMALL", "must be at least 1"],
    [{ items: [{ sku: "A", quantity: 100_001 }] }, "items[0].quantity", "TOO_LARGE", "must be at most 100000"],
    [{ items: [{ sku: "A", quantity: 1.5 }] }, "items[0].quantity", "WRONG_TYPE", "must be of type integer"],
    [{ items: [{ sku: "A", quantity: "1" }] }, "items[0].quantity", "WRONG_TYPE", "must be of type integer"],
    [
      { items: [{ sku: "A", quantity: 1, priceCents: 1 }] },
      "items[0].priceCents",
      "UNKNOWN_FIELD",
      "is not a known field",
    ],
    [{ items: [{ sku: "A", quantity: 1 }], addressId: "1" }, "addressId", "WRONG_FORMAT", "must be a valid UUID"],
    [
      { items: [{ sku: "-A", quantity: 1 }] },
      "items[0].sku",
      "WRONG_FORMAT",
      "has characters or a form that are not allowed",
    ],
    [{ items: "A" }, "items", "WRONG_TYPE", "must be of type array"],
  ])("names the field of %j", (value, field, code, message) => {
    expect(check(value)).toEqual([{ field, code, message }]);
  });

  it("refuses keys that reach for the prototype", () => {
    const hostile: unknown = JSON.parse('{"items":[{"sku":"A","quantity":1,"__proto__":{"admin":true}}]}');
    expect(check(hostile)).toMatchObject([{ field: "items[0].__proto__", code: "UNKNOWN_FIELD" }]);
  });

  it("says one thing of a choice, not one for each branch", () => {
    const choice = compileSchema(Type.Object({ sort: Type.Union([Type.Literal("a"), Type.Literal("b")]) }, closed));
    expect(choice({ sort: "c" })).toEqual([
      { field: "sort", code: "NOT_ALLOWED", message: "is not one of the allowed values" },
    ]);
  });

  it("says what is wrong with a thing that may also be null", () => {
    const limit = Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]);
    const level = Type.Union([Type.Union([Type.Literal("warn"), Type.Literal("info")]), Type.Null()]);
    const optional = compileSchema(Type.Partial(Type.Object({ limit, level }), closed));

    expect(optional({ limit: null, level: null })).toBe(true);
    expect(optional({ limit: 0 })).toEqual([{ field: "limit", code: "TOO_SMALL", message: "must be at least 1" }]);
    expect(optional({ limit: "1" })).toMatchObject([{ field: "limit", code: "WRONG_TYPE" }]);
    expect(optional({ level: "loud" })).toMatchObject([{ field: "level", code: "NOT_ALLOWED" }]);
  });

  it("puts defaults in", () => {
    const value = {};
    compileSchema(Type.Object({ limit: Type.Optional(Type.Integer({ default: 20 })) }, closed))(value);
    expect(value).toEqual({ limit: 20 });
  });

  it("reports at most twenty of many mistakes", () => {
    const items = Array.from({ length: 200 }, () => ({ sku: "A", quantity: 0 }));
    expect(check({ items })).toHaveLength(20);
  });

  it.each(["ann@example.com", "a.b+c@sub.example.org"])("takes %s for an e-mail", (email) => {
    expect(compileSchema(Type.Object({ email: Email }))({ email })).toBe(true);
  });

  it.each(["", " A", "A ", "A\n", "💥", "a".repeat(41)])("refuses the stock code %j", (sku) => {
    expect(compileSchema(Type.Object({ sku: Sku }))({ sku })).not.toBe(true);
  });
});
