import { contracts } from "../../contracts/bus.ts";
import type { ActionContract } from "../../contracts/action.ts";

const cached = (Object.entries(contracts) as [string, ActionContract][]).filter(([, { cache }]) => cache);

describe("a cached action", () => {
  it.each(cached)("%s is told apart by every parameter it has, and is the same for everyone", (_name, contract) => {
    const { cache, params, access } = contract;

    expect(cache?.keys).toEqual(Object.keys((params as unknown as { properties: object }).properties));
    expect(["public", "internal"]).toContain(access);
  });

  it("has no keys, prices to order at, or revocations in it: those come from the database", () => {
    const names = cached.map(([name]) => name);

    expect(names).not.toContain("products.quote");
    expect(names.filter((name) => /^(auth|orders|payments|inventory)\./.test(name))).toEqual([]);
  });
});
