import { productInMemory } from "../../../services/products/product-in-memory.ts";

function setUp() {
  const memory = { details: '{"sku":"A","priceCents":1}' as string | undefined, available: 3 as number | undefined };
  const peek = productInMemory({ details: () => memory.details, available: () => memory.available });
  return { memory, peek: () => peek({ sku: "A" }, null) };
}

describe("a product in memory", () => {
  it("is one object for as long as nothing changes", () => {
    const { memory, peek } = setUp();
    const first = peek();
    // read anew, and the same
    memory.details = ['{"sku":"A",', '"priceCents":1}'].join("");

    expect(peek()).toBe(first);
    expect(first).toEqual({ sku: "A", priceCents: 1, available: 3 });
  });

  it("changes with its details and with its level", () => {
    const { memory, peek } = setUp();
    peek();
    memory.available = 0;
    expect(peek()).toEqual({ sku: "A", priceCents: 1, available: 0 });
    memory.details = '{"sku":"A","priceCents":2}';
    expect(peek()).toEqual({ sku: "A", priceCents: 2, available: 0 });
  });

  it("is nothing while either is missing", () => {
    const { memory, peek } = setUp();
    peek();
    memory.available = undefined;
    expect(peek()).toBeUndefined();
    Object.assign(memory, { details: undefined, available: 3 });
    expect(peek()).toBeUndefined();
  });
});
