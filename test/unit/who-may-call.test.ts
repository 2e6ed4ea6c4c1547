import { contracts, contractOf, defineService } from "../../contracts/bus.ts";

describe("an action", () => {
  const declared = contracts["users.me"].access;
  afterEach(() => Object.assign(contracts["users.me"], { access: declared }));

  // the compiler sees both, but does not run before each start
  it.each([undefined, "everyone"])("that says %s of who may call it keeps its service from starting", (access) => {
    Object.assign(contracts["users.me"], { access });

    expect(() => defineService({ name: "users", actions: { me: () => null } as never })).toThrow(
      "action users.me does not say who may call it",
    );
  });

  it("that says it becomes one of its service, with its rule", () => {
    const { actions } = defineService({ name: "users", actions: { me: () => null } as never });

    expect(actions?.me).toMatchObject({ access: contractOf("users.me")?.access });
  });
});
