import type { Service } from "moleculer";
import type { Actions, ActionName, Identity } from "../../contracts/bus.ts";
import { contracts } from "../../contracts/bus.ts";
import type { NewAddress, Profile } from "../../contracts/users.ts";
import { newId } from "../../lib/ids.ts";
import { compileSchema } from "../../lib/validator.ts";
import type { WithDatabase } from "../../mixins/db.mixin.ts";
import usersService from "../../services/users/users.service.ts";
import { neighbour, startBroker, type TestBroker } from "../support/broker.ts";

const password = "plum tart 77";
const home: NewAddress = { name: "Ann", line1: "1 Elm Road", city: "Leeds", postalCode: "LS1 1AA", country: "GB" };

describe("the users service", () => {
  let node: TestBroker;
  let authDown = false;
  const auth = neighbour("auth", {
    revokeUser: () => {
      if (authDown) throw new Error("auth is away");
      return null;
    },
    receive: () => null,
    sessionsOf: () => [{ session: 1 }],
    // a page is full, and what follows it is asked for
    auditEntries: ({ before }: { before: string | null }) =>
      before === null
        ? Array.from({ length: 100 }, (_, i) => ({ id: `5${i + 100}` }))
        : before > "5"
          ? [{ id: "4" }]
          : [],
  });
  const others = ["inventory", "ops"].map((name) => neighbour(name, { auditEntries: () => [] }));
  const orders = neighbour("orders", {
    ofCustomer: ({ customerId }: { customerId: string }) => [{ order: customerId }],
    historiesOf: () => [{ step: 1 }],
    auditEntries: () => [],
    receive: () => null,
  });
  const payments = neighbour("payments", { ofCustomer: () => [{ payment: 1 }], auditEntries: () => [] });
  const notify = neighbour("notify", {
    ...{ ofUser: () => [], messagesOf: () => [{ to: "ann" }], auditEntries: () => [], receive: () => null },
  });

  beforeAll(async () => {
    node = await startBroker([usersService, auth, orders, payments, notify, ...others]);
  });
  afterAll(() => node.stop());
  beforeEach(() => {
    authDown = false;
    auth.asked.length = 0;
  });

  let counter = 0;
  const newEmail = (): string => `person${(counter += 1)}@example.com`;
  const create = (email = newEmail()): Promise<Profile> => call("users.create", { email, password, name: "Ann" });
  const identity = ({ id, roles }: Profile): Identity => ({ id, roles, sessionId: newId() });

  /** A call whose answer must be what the contract says, field by field. */
  async function call<N extends ActionName>(
    name: N,
    params: Actions[N]["params"],
    user?: Profile,
  ): Promise<Actions[N]["result"]> {
    const result = await node.broker.call(name, params, user && { meta: { user: identity(user) } });
    expect(compileSchema(contracts[name].result)(structuredClone(result))).toBe(true);
    return result;
  }

  /** An administrator; the roles in the token are what the guard sees. */
  async function newAdmin(): Promise<Profile> {
    const { id } = await create();
    const boss = { meta: { user: { id, roles: ["admin" as const], sessionId: newId() } } };
    return node.broker.call("users.update", { id, roles: ["customer", "admin"] }, boss);
  }
  const events = (type: string, subject: string) =>
    (node.broker.getLocalService("users") as Service & WithDatabase).db.select<{ data: string }>(
      "SELECT data FROM outbox WHERE type = ? AND subject = ?",
      [type, subject],
    );
  const revoked = (): unknown[] =>
    auth.asked.filter(({ action }) => action === "revokeUser").map(({ params }) => params);

  describe("accounts", () => {
    it("are created as active customers under the normalised e-mail, and announced", async () => {
      const created = await call("users.create", { email: "Zoe@Example.com", password, name: "Zoë", locale: "zh" });

      expect(created).toMatchObject({ email: "zoe@example.com", roles: ["customer"], status: "active", locale: "zh" });
      expect(await call("users.byEmail", { email: " ZOE@example.com " })).toEqual(created);
      expect(await call("users.byId", { id: created.id })).toEqual(created);
      expect(await events("user.registered", created.id)).toHaveLength(1);
    });

    it("are refused for an e-mail in use, whatever its spelling", async () => {
      const { email } = await create();

      await expect(create(email.toUpperCase())).rejects.toMatchObject({ code: 409, type: "EMAIL_TAKEN" });
    });

    it("are refused with an easily guessed password", async () => {
      const weak = node.broker.call("users.create", { email: newEmail(), password: "password1", name: "Ann" });

      await expect(weak).rejects.toMatchObject({
        code: 422,
        type: "WEAK_PASSWORD",
        data: { errors: [{ field: "password", code: "WEAK_PASSWORD" }] },
      });
    });

    it("are found by their e-mail and password, and by nothing else", async () => {
      const user = await create();

      expect(await call("users.checkPassword", { email: user.email.toUpperCase(), password })).toEqual(user);
      expect(await call("users.checkPassword", { email: user.email, password: "wrong" })).toBeNull();
      expect(await call("users.checkPassword", { email: "nobody@example.com", password })).toBeNull();
      expect(await call("users.checkPassword", { email: user.email, password: "x".repeat(1024) })).toBeNull();
    });

    it("wait to be found by their password in a short queue, behind which the next are refused at once", async () => {
      const outcomes: string[] = [];
      const attempts = Array.from({ length: 150 }, () =>
        node.broker.call("users.checkPassword", { email: "nobody@example.com", password }, { timeout: 60_000 }).then(
          () => outcomes.push("checked"),
          ({ name }: Error) => outcomes.push(name),
        ),
      );
      await Promise.all(attempts);

      expect(outcomes.slice(0, 47)).toEqual(Array.from({ length: 47 }, () => "QueueIsFullError"));
      expect(outcomes.slice(47)).toEqual(Array.from({ length: 103 }, () => "checked"));
    });

    it("change their password with the current one, or when somebody else has checked who asks", async () => {
      const { id: userId, email } = await create();
      const change = (currentPassword: string | null, newPassword: string) =>
        call("users.changePassword", { userId, currentPassword, newPassword });

      await expect(change("wrong", "pear pie 88")).rejects.toMatchObject({ code: 401, type: "INVALID_CREDENTIALS" });
      await expect(change(password, "password1")).rejects.toMatchObject({ type: "WEAK_PASSWORD" });
      await change(password, "pear pie 88");
      expect(await call("users.checkPassword", { email, password })).toBeNull();
      await change(null, "fig flan 99");
      expect(await call("users.checkPassword", { email, password: "fig flan 99" })).toMatchObject({ id: userId });
    });

    it("change their name and language", async () => {
      const user = await create();

      expect(await call("users.updateMe", { name: "Bea" }, user)).toEqual({ ...user, name: "Bea" });
      expect(await call("users.updateMe", { locale: "zh" }, user)).toEqual({ ...user, name: "Bea", locale: "zh" });
      expect(await call("users.me", {}, user)).toEqual({ ...user, name: "Bea", locale: "zh" });
      await expect(call("users.updateMe", { roles: ["admin"] } as never, user)).rejects.toMatchObject({ code: 422 });
    });
  });

  describe("administration", () => {
    it("changes roles and status, announces it and ends the sessions", async () => {
      const boss = await newAdmin();
      const user = await create();
      auth.asked.length = 0;

      const updated = await call("users.update", { id: user.id, roles: ["support"], status: "disabled" }, boss);

      expect(updated).toEqual({ ...user, roles: ["support"], status: "disabled" });
      expect(await call("users.get", { id: user.id }, boss)).toEqual(updated);
      expect(await call("users.checkPassword", { email: user.email, password })).toBeNull();
      const [event] = await events("user.updated", user.id);
      expect(JSON.parse(event?.data ?? "")).toEqual({ userId: user.id, roles: ["support"], status: "disabled" });
      expect(revoked()).toEqual([{ userId: user.id }]);
    });

    it("ends no session and announces nothing when nothing changes", async () => {
      const boss = await newAdmin();
      const user = await create();
      auth.asked.length = 0;

      expect(await call("users.update", { id: user.id, roles: ["customer"], status: "active" }, boss)).toEqual(user);
      expect(await events("user.updated", user.id)).toEqual([]);
      expect(revoked()).toEqual([]);
    });

    it("succeeds while auth is away, because the event will end the sessions", async () => {
      const boss = await newAdmin();
      const user = await create();
      authDown = true;

      expect(await call("users.update", { id: user.id, status: "disabled" }, boss)).toMatchObject({
        status: "disabled",
      });
      expect(await events("user.updated", user.id)).toHaveLength(1);
    });

    it("is open to administrators only", async () => {
      const user = await create();
      for (const name of ["users.list", "users.get", "users.update"] as const) {
        await expect(call(name, { id: user.id }, user)).rejects.toMatchObject({
          code: expect.any(Number) as number,
        });
      }
      await expect(call("users.update", { id: user.id, roles: ["admin"] }, user)).rejects.toMatchObject({ code: 403 });
      await expect(node.broker.call("users.me")).rejects.toMatchObject({ code: 401 });
    });

    it("lists users by age in pages", async () => {
      const boss = await newAdmin();
      const user = await create();
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page: Actions["users.list"]["result"] = await call("users.list", { limit: 3, cursor }, boss);
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);

      expect(seen).toEqual([...seen].sort());
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toEqual(expect.arrayContaining([boss.id, user.id]));
    });

    it("finds somebody by their e-mail address, however it is spelt, and nobody by one that is not known", async () => {
      const boss = await newAdmin();
      const user = await create();

      const found = await call("users.list", { email: ` ${user.email.toUpperCase()}` }, boss);

      expect(found.items.map(({ id }) => id)).toEqual([user.id]);
      expect(await call("users.list", { email: "nobody@example.com" }, boss)).toEqual({ items: [], nextCursor: null });
    });

    it("does not know users that do not exist", async () => {
      const boss = await newAdmin();

      await expect(call("users.get", { id: newId() }, boss)).rejects.toMatchObject({ code: 404 });
      await expect(call("users.update", { id: newId(), status: "disabled" }, boss)).rejects.toMatchObject({
        code: 404,
      });
    });
  });

  describe("addresses", () => {
    it("are added, changed field by field, and removed", async () => {
      const user = await create();
      const added = await call("users.addAddress", { ...home, line2: "Flat 2", phone: "+44 113 496 0000" }, user);

      const changed = await call("users.changeAddress", { id: added.id, city: "York" }, user);

      expect(added).toEqual({ ...home, id: added.id, line2: "Flat 2", region: null, phone: "+44 113 496 0000" });
      expect(changed).toEqual({ ...added, city: "York" });
      expect(await call("users.changeAddress", { id: added.id, city: "York" }, user)).toEqual(changed);
      expect(await call("users.changeAddress", { id: added.id }, user)).toEqual(changed);
      expect(await call("users.addresses", {}, user)).toEqual({ items: [changed], nextCursor: null });
      expect(await call("users.address", { userId: user.id, addressId: added.id })).toEqual(changed);
      expect(await call("users.removeAddress", { id: added.id }, user)).toBeNull();
      expect(await call("users.addresses", {}, user)).toEqual({ items: [], nextCursor: null });
    });

    it("of others are as if they did not exist", async () => {
      const [ann, bob] = [await create(), await create()];
      const { id } = await call("users.addAddress", home, ann);

      const changed = await node.broker
        .call("users.changeAddress", { id, city: "York" }, { meta: { user: identity(bob) } })
        .catch((error: Error) => error);
      const unknown = await node.broker
        .call("users.changeAddress", { id: newId(), city: "York" }, { meta: { user: identity(bob) } })
        .catch((error: Error) => error);

      expect(changed).toMatchObject({ code: 404, type: "NOT_FOUND" });
      expect(unknown).toMatchObject({ code: 404, type: "NOT_FOUND", message: (changed as Error).message });
      await expect(call("users.removeAddress", { id }, bob)).rejects.toMatchObject({ code: 404 });
      expect(await call("users.address", { userId: bob.id, addressId: id })).toBeNull();
      expect(await call("users.addresses", {}, bob)).toEqual({ items: [], nextCursor: null });
      expect((await call("users.addresses", {}, ann)).items).toHaveLength(1);
    });

    it("are at most fifty, also when they come at once", async () => {
      const user = await create();

      const added = await Promise.allSettled(Array.from({ length: 53 }, () => call("users.addAddress", home, user)));

      expect(added.filter(({ status }) => status === "fulfilled")).toHaveLength(50);
      expect(added.find(({ status }) => status === "rejected")).toMatchObject({
        reason: { code: 409, type: "TOO_MANY_ADDRESSES" },
      });
      expect((await call("users.addresses", { limit: 100 }, user)).items).toHaveLength(50);
    });
  });

  describe("how to reach somebody", () => {
    it("names the phone of the newest address that has one, and what they prefer", async () => {
      const user = await create();
      expect(await call("users.contact", { id: user.id })).toMatchObject({ phone: null, preferences: { events: {} } });
      await call("users.addAddress", { ...home, phone: "11111111" }, user);
      await call("users.addAddress", { ...home, phone: "22222222" }, user);
      await call("users.addAddress", home, user);
      const preferences = { events: { "order.paid": ["sms" as const], "order.shipped": [] } };
      expect(await call("users.setPreferences", preferences, user)).toEqual(preferences);

      expect(await call("users.preferences", {}, user)).toEqual(preferences);
      expect(await call("users.contact", { id: user.id })).toEqual({
        userId: user.id,
        email: user.email,
        name: user.name,
        locale: user.locale,
        phone: "22222222",
        preferences,
      });
    });

    it("refuses preferences for what nobody is told of", async () => {
      const user = await create();
      const unknown = { events: { "user.updated": ["sms"] } } as never;

      await expect(call("users.setPreferences", unknown, user)).rejects.toMatchObject({ code: 422 });
    });
  });

  describe("what is held about a person", () => {
    it("is given to them, from every service that holds some", async () => {
      const user = await create();
      const address = await call("users.addAddress", home, user);

      const { auditLog, ...rest } = await call("users.exportMe", {}, user);
      expect(auditLog).toHaveLength(101);
      expect(rest).toEqual({
        profile: user,
        addresses: [address],
        notificationPreferences: { events: {} },
        orders: [{ order: user.id }],
        payments: [{ payment: 1 }],
        notifications: [],
        orderHistory: [{ step: 1 }],
        messages: [{ to: "ann" }],
        sessions: [{ session: 1 }],
      });
      expect(notify.asked).toContainEqual({ action: "ofUser", params: { userId: user.id } });
    });

    it("is gone once they are erased, everywhere", async () => {
      const boss = await newAdmin();
      const user = await create();
      const { id: addressId } = await call("users.addAddress", { ...home, phone: "11111111" }, user);
      auth.asked.length = 0;

      expect(await call("users.eraseMe", {}, user)).toBeNull();

      expect(revoked()).toEqual([{ userId: user.id }]);
      expect(await events("user.erased", user.id)).toHaveLength(1);
      expect(await call("users.byId", { id: user.id })).toBeNull();
      expect(await call("users.byEmail", { email: user.email })).toBeNull();
      expect(await call("users.contact", { id: user.id })).toBeNull();
      expect(await call("users.checkPassword", { email: user.email, password })).toBeNull();
      expect(await call("users.address", { userId: user.id, addressId })).toBeNull();
      expect((await call("users.list", { limit: 100 }, boss)).items.map(({ id }) => id)).not.toContain(user.id);
      const refusals = [
        call("users.get", { id: user.id }, boss),
        call("users.update", { id: user.id, status: "active" }, boss),
        call("users.me", {}, user),
        call("users.updateMe", { name: "Back" }, user),
        call("users.exportMe", {}, user),
        call("users.addresses", {}, user),
        call("users.addAddress", home, user),
        call("users.preferences", {}, user),
        call("users.setPreferences", { events: {} }, user),
        call("users.eraseMe", {}, user),
        call("users.changePassword", { userId: user.id, currentPassword: null, newPassword: "pear pie 88" }),
      ];
      for (const refusal of await Promise.allSettled(refusals)) {
        expect(refusal).toMatchObject({ status: "rejected", reason: { code: 404, type: "NOT_FOUND" } });
      }
      expect((await create(user.email)).id).not.toBe(user.id);
    });

    it("is erased while auth is away", async () => {
      const user = await create();
      authDown = true;

      expect(await call("users.eraseMe", {}, user)).toBeNull();
    });
  });
});

describe("the first administrator", () => {
  let node: TestBroker;
  beforeAll(async () => {
    const auth = neighbour("auth", { revokeUser: () => null, receive: () => null });
    node = await startBroker([usersService, auth, neighbour("notify", { receive: () => null })]);
  });
  afterAll(() => node.stop());

  it("is created once, and can neither leave nor be made less while alone", async () => {
    const account = { email: "Boss@example.com", password };
    const created = await Promise.all([1, 2].map(() => node.broker.call("users.ensureAdmin", account)));
    const boss = await node.broker.call("users.byEmail", { email: "boss@example.com" });
    const user: Identity = { id: boss?.id ?? "", roles: boss?.roles ?? [], sessionId: newId() };

    expect(created.sort()).toEqual([false, true]);
    expect(boss?.roles).toEqual(["customer", "admin"]);
    expect(await node.broker.call("users.ensureAdmin", { ...account, email: "other@example.com" })).toBe(false);
    const attempts = [
      node.broker.call("users.eraseMe", {}, { meta: { user } }),
      node.broker.call("users.update", { id: user.id, roles: ["support"] }, { meta: { user } }),
      node.broker.call("users.update", { id: user.id, status: "disabled" }, { meta: { user } }),
    ];
    for (const attempt of await Promise.allSettled(attempts)) {
      expect(attempt).toMatchObject({ status: "rejected", reason: { code: 409, type: "LAST_ADMIN" } });
    }
    expect(await node.broker.call("users.checkPassword", account)).toEqual(boss);
  });
});
