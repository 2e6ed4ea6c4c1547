import type { Database } from "../../lib/database.ts";
import { newId } from "../../lib/ids.ts";
import { openOutbox } from "../../lib/outbox.ts";
import { ensureAdmin, changePassword, createAccount } from "../../services/users/accounts.ts";
import { migrations } from "../../services/users/migrations/index.ts";
import { changeAccess, erase, register, type Change } from "../../services/users/user.ts";
import { usersRepository, type UsersRepository } from "../../services/users/users.repository.ts";
import { describeStores } from "../support/stores.ts";

const now = Date.UTC(2030, 0, 1);

describeStores("the users", (store) => {
  let db: Database;
  let users: UsersRepository;

  beforeAll(async () => {
    db = await store().open("users", migrations);
    users = usersRepository(
      db,
      openOutbox(db, "users", () => {}),
    );
  });
  beforeEach(async () => {
    for (const table of ["users", "preferences", "addresses", "outbox"]) await db.execute(`DELETE FROM ${table}`);
  });

  const person = (email: string, roles: ("customer" | "admin")[] = ["customer"]): Change =>
    register({ id: newId(), email, name: "Ж 😀", locale: "zh", roles, passwordHash: "$argon2id$old" }, now);
  const stored = async (...args: Parameters<typeof person>) => {
    const change = person(...args);
    await users.insert(change);
    return change.user;
  };
  const events = () => db.select<{ type: string; sequence: number }>("SELECT type, sequence FROM outbox ORDER BY id");

  it("come back as they were stored, by id and by e-mail, with the fact of the registration", async () => {
    const user = await stored("ann@example.com");

    expect(await users.find(user.id)).toEqual({ ...user, eventSequence: 1 });
    expect(await users.findByEmail("ann@example.com")).toEqual({ ...user, eventSequence: 1 });
    expect(await users.findByEmail("ann@example.co")).toBeNull();
    expect(await users.find(newId())).toBeNull();
    expect((await events()).map(({ type, sequence }) => [type, Number(sequence)])).toEqual([["user.registered", 1]]);
  });

  it("refuse an e-mail that is in use, and keep nothing of the second account", async () => {
    const attempts = await Promise.allSettled(Array.from({ length: 6 }, () => users.insert(person("ann@example.com"))));

    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const attempt of attempts.filter(({ status }) => status === "rejected")) {
      expect(attempt).toMatchObject({ reason: { kind: "conflict", code: "EMAIL_TAKEN" } });
    }
    expect(await events()).toHaveLength(1);
  });

  it("are listed oldest first, in pages, without the erased ones", async () => {
    const ids: string[] = [];
    for (const name of ["a", "b", "c", "d"]) ids.push((await stored(`${name}@example.com`)).id);
    await users.change(ids[1] ?? "", erase, now);

    const first = await users.list({ limit: 2 });
    const second = await users.list({ limit: 2, cursor: first.nextCursor ?? "" });

    expect(first.items.map(({ id }) => id)).toEqual([ids[0], ids[2]]);
    expect(second.items.map(({ id }) => id)).toEqual([ids[3]]);
    expect(second.nextCursor).toBeNull();
    await expect(users.list({ limit: 2, cursor: "bm9wZQ" })).rejects.toMatchObject({ code: "VALIDATION_FAILED" });
  });

  it("keep at least one administrator however many are demoted at once", async () => {
    const admins = [];
    for (const name of ["a", "b", "c", "d"]) admins.push(await stored(`${name}@example.com`, ["customer", "admin"]));

    const demoted = await Promise.allSettled(
      admins.map(({ id }, i) =>
        i % 2 === 0
          ? users.change(id, (user, others) => changeAccess(user, { roles: ["customer"] }, others), now)
          : users.change(id, erase, now),
      ),
    );

    expect(demoted.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    expect(demoted.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "LAST_ADMIN" } });
    expect(await users.hasAdmin()).toBe(true);
  });

  it("get one first administrator when two nodes start at once", async () => {
    const deps = { users, now: () => now, newId };
    const created = await Promise.all(
      Array.from({ length: 5 }, () => ensureAdmin(deps, { email: "Admin@example.com", password: "plum tart 77" })),
    );

    expect(created.filter(Boolean)).toHaveLength(1);
    expect(await users.findByEmail("admin@example.com")).toMatchObject({
      roles: ["customer", "admin"],
      status: "active",
    });
    expect(await events()).toHaveLength(1);
  });

  it("get no administrator over the account of somebody who has the e-mail already", async () => {
    await stored("admin@example.com");
    const asked = ensureAdmin(
      { users, now: () => now, newId },
      { email: "admin@example.com", password: "plum tart 77" },
    );

    await expect(asked).rejects.toMatchObject({ code: "EMAIL_TAKEN" });
    expect((await users.findByEmail("admin@example.com"))?.roles).toEqual(["customer"]);
  });

  it("let one of two changes of a password by the same old one win", async () => {
    const deps = { users, now: () => now, newId };
    const { id } = await createAccount(deps, { email: "ann@example.com", password: "plum tart 77", name: "Ann" });
    const change = (newPassword: string) =>
      changePassword(deps, { userId: id, currentPassword: "plum tart 77", newPassword });

    const done = await Promise.allSettled([change("first new one"), change("second new one")]);

    expect(done.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(done.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "INVALID_CREDENTIALS" } });
  });

  it("leave an anonymous row when erased, and nothing in the other tables", async () => {
    const { id } = await stored("ann@example.com");
    await users.setPreferences(id, { events: { "order.paid": ["sms"] } });
    await db.execute("UPDATE outbox SET published_at = 1");
    const done = await users.change(id, erase, now);

    expect(done?.change?.facts).toHaveLength(1);
    expect(await users.find(id)).toBeNull();
    expect(await users.findByEmail(`erased-${id}@erased.invalid`)).toBeNull();
    expect(await users.change(id, erase, now)).toBeNull();
    expect(await users.rename(id, { name: "Back" })).toBeNull();
    expect(await users.setPreferences(id, { events: {} })).toBe(false);
    expect(await users.setPassword(id, "$argon2id$new", "!")).toBe(false);
    expect(await db.select("SELECT * FROM preferences")).toEqual([]);
    const rows = [...(await db.select("SELECT * FROM users")), ...(await db.select("SELECT * FROM outbox"))];
    expect(JSON.stringify(rows)).not.toMatch(/ann@|Ж|old/);
    // events keep their numbers: consumers know of both
    expect(rows).toMatchObject([
      { status: "erased" },
      { type: "user.registered", sequence: 1 },
      { type: "user.erased", sequence: 2 },
    ]);
    await users.insert(person("ann@example.com"));
  });

  it("remember which channels each event goes over", async () => {
    const { id } = await stored("ann@example.com");

    expect(await users.preferences(id)).toEqual({ events: {} });
    await Promise.all([1, 2, 3].map(() => users.setPreferences(id, { events: { "order.paid": ["sms", "in_app"] } })));
    expect(await users.preferences(id)).toEqual({ events: { "order.paid": ["sms", "in_app"] } });
    await users.setPreferences(id, { events: {} });
    expect(await users.preferences(id)).toEqual({ events: {} });
  });
});
