import { ServiceBroker, type Context } from "moleculer";
import type { Access } from "../../contracts/action.ts";
import type { Meta } from "../../contracts/bus.ts";
import { guard, mayUse } from "../../middlewares/guard.middleware.ts";
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

describe("an action that only the owner may call", () => {
  const broker = new ServiceBroker({ logger: false, middlewares: [guard] });
  const open = (access: Access, handler: (ctx: Context<{ of: string }, Meta>) => unknown) => ({ access, handler });
  const note = (ctx: Context<{ of: string }, Meta>): string =>
    mayUse(ctx, ctx.params.of) ? "open" : "somebody else's";
  broker.createService({
    name: "notes",
    actions: {
      mine: open("owner", note),
      seen: open("owner-or-staff", note),
      forgetful: open("owner", () => "the note of whoever"),
    },
  });
  beforeAll(() => broker.start());
  afterAll(() => broker.stop());
  const ask = (action: string, of: string, role: "customer" | "support" | "admin" = "customer") =>
    broker.call(`notes.${action}`, { of }, { meta: { user: { id: "ann", roles: [role], sessionId: "1" } } });

  it("is open to the owner", async () => {
    expect([await ask("mine", "ann"), await ask("seen", "ann")]).toEqual(["open", "open"]);
  });

  it.each(["customer", "support", "admin"] as const)(
    "is closed to another %s, unless it is open to staff",
    async (role) => {
      expect(await ask("mine", "bob", role)).toBe("somebody else's");
      expect(await ask("seen", "bob", role)).toBe(role === "customer" ? "somebody else's" : "open");
    },
  );

  it("is closed to who is not signed in", async () => {
    await expect(broker.call("notes.mine", { of: "ann" })).rejects.toMatchObject({ type: "UNAUTHENTICATED" });
  });

  it("gives nobody an answer for which it did not ask who the owner is", async () => {
    await expect(ask("forgetful", "ann")).rejects.toThrow("notes.forgetful did not ask who owns what it is about");
  });
});
