import { changeAccess, erase, isActiveAdmin, profileOf, register, type User } from "../../../services/users/user.ts";

const now = Date.UTC(2030, 0, 1);
const id = "0198c0de-0000-7000-8000-00000000000a";
const { user: ann, facts: registration } = register(
  { id, email: "ann@example.com", name: "Ann", locale: "en", roles: ["customer"], passwordHash: "$h" },
  now,
);
const boss: User = { ...ann, roles: ["customer", "admin"] };

describe("a user", () => {
  it("is active from the registration on, which is a fact", () => {
    expect(ann).toMatchObject({ status: "active", createdAt: now, eventSequence: 0 });
    expect(registration).toEqual([
      { type: "user.registered", data: { userId: id, email: "ann@example.com", name: "Ann", locale: "en" } },
    ]);
  });

  it("is shown without the password and the bookkeeping", () => {
    expect(Object.keys(profileOf(ann)).sort()).toEqual(
      ["id", "email", "name", "locale", "roles", "status", "createdAt"].sort(),
    );
    expect(profileOf(ann).createdAt).toBe("2030-01-01T00:00:00.000Z");
  });

  it("gets other roles, in a fixed order, and that is a fact", () => {
    const change = changeAccess(ann, { roles: ["admin", "customer"] }, 0);

    expect(change?.user.roles).toEqual(["customer", "admin"]);
    expect(change?.facts).toEqual([
      { type: "user.updated", data: { userId: id, roles: ["customer", "admin"], status: "active" } },
    ]);
  });

  it.each([
    ["nothing is asked for", {}],
    ["the roles are the same", { roles: ["admin", "customer"] as const }],
    ["the status is the same", { status: "active" as const }],
  ])("does not change when %s", (_title, change) => {
    expect(changeAccess(boss, change, 0)).toBeNull();
  });

  it.each([
    ["loses the role", { roles: ["customer"] as const }],
    ["is disabled", { status: "disabled" as const }],
  ])("is refused when the last administrator %s, and not when there is another", (_title, change) => {
    expect(() => changeAccess(boss, change, 0)).toThrow(
      expect.objectContaining({ kind: "conflict", code: "LAST_ADMIN" }) as Error,
    );
    expect(changeAccess(boss, change, 1)).not.toBeNull();
  });

  it("may take the role from an administrator who is disabled anyway", () => {
    expect(changeAccess({ ...boss, status: "disabled" }, { roles: ["customer"] }, 0)).not.toBeNull();
  });

  it("leaves nothing that tells of the person when erased", () => {
    const { user, facts } = erase(ann, 0);

    expect(user).toMatchObject({ email: `erased-${id}@erased.invalid`, name: "", passwordHash: "!", status: "erased" });
    expect(JSON.stringify(user).toLowerCase()).not.toContain("ann");
    expect(facts).toEqual([{ type: "user.erased", data: { userId: id } }]);
  });

  it("may not be erased as the last administrator", () => {
    expect(() => erase(boss, 0)).toThrow(expect.objectContaining({ code: "LAST_ADMIN" }) as Error);
    expect(erase(boss, 1).user.status).toBe("erased");
  });

  it("counts as an administrator only while active", () => {
    expect([boss, ann, { ...boss, status: "disabled" as const }].map(isActiveAdmin)).toEqual([true, false, false]);
  });
});
