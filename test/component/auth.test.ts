import { createPublicKey, type KeyObject } from "node:crypto";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import { contracts, type ActionName, type Actions, type Identity, type Meta } from "../../contracts/bus.ts";
import type { Revocation, Session } from "../../contracts/auth.ts";
import type { CloudEvent } from "../../contracts/events.ts";
import type { Contact, Profile } from "../../contracts/users.ts";
import { publicKeyOf, verifyAccessToken, type AccessToken } from "../../lib/access-token.ts";
import { DomainError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { liveOf } from "../../lib/live-settings.ts";
import { toIso } from "../../lib/time.ts";
import { compileSchema } from "../../lib/validator.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import authService from "../../services/auth/auth.service.ts";
import { neighbour, startBroker, type TestBroker } from "../support/broker.ts";
import { testConfig } from "../support/config.ts";
import { eventually } from "../support/wait.ts";

const password = "plum tart 77";

/** The users service as auth sees it, in memory. */
function people() {
  const known = new Map<string, { profile: Profile; password: string }>();
  const byEmail = (email: string) => [...known.values()].find(({ profile }) => profile.email === email.toLowerCase());
  const weak = (candidate: string): void => {
    if (candidate === "password") throw new DomainError("invalid", "WEAK_PASSWORD", "Too weak.");
  };
  const add = (email: string, secret: string): Profile => {
    const profile: Profile = {
      id: newId(),
      email,
      name: "Ann",
      locale: "en",
      roles: ["customer"],
      status: "active",
      createdAt: toIso(Date.now()),
    };
    known.set(profile.id, { profile, password: secret });
    return profile;
  };
  const service = neighbour("users", {
    create(account: { email: string; password: string }) {
      weak(account.password);
      if (byEmail(account.email)) throw new DomainError("conflict", "EMAIL_TAKEN", "Taken.");
      return add(account.email, account.password);
    },
    checkPassword(asked: { email: string; password: string }) {
      const found = byEmail(asked.email);
      return found?.password === asked.password && found.profile.status === "active" ? found.profile : null;
    },
    changePassword(change: { userId: string; currentPassword: string | null; newPassword: string }) {
      const found = known.get(change.userId);
      if (found?.profile.status !== "active") throw new DomainError("not_found", "NOT_FOUND", "No such user.");
      if (change.currentPassword !== null && change.currentPassword !== found.password) {
        throw new DomainError("unauthenticated", "INVALID_CREDENTIALS", "Wrong.");
      }
      weak(change.newPassword);
      found.password = change.newPassword;
      return null;
    },
    byId: ({ id }: { id: string }) => known.get(id)?.profile ?? null,
    byEmail: ({ email }: { email: string }) => byEmail(email)?.profile ?? null,
    contact({ id }: { id: string }): Contact | null {
      const profile = known.get(id)?.profile;
      if (!profile) return null;
      const { email, name, locale } = profile;
      return { userId: id, email, name, locale, phone: null, preferences: { events: {} } };
    },
  });
  return {
    service,
    add,
    change(id: string, change: Partial<Profile>): void {
      const found = known.get(id);
      if (found) known.set(id, { ...found, profile: { ...found.profile, ...change } });
    },
    remove: (id: string) => known.delete(id),
  };
}

function listener(heard: Revocation[]): ServiceSchema {
  return {
    name: "gateway",
    events: {
      "auth.revoked"(ctx: { params: Revocation }) {
        heard.push(ctx.params);
      },
    },
  };
}

describe("the auth service", () => {
  let node: TestBroker;
  let notifyDown = false;
  const users = people();
  const heard: Revocation[] = [];
  const notify = neighbour("notify", {
    sendPasswordReset() {
      if (notifyDown) throw new Error("no mail today");
      return null;
    },
  });

  beforeAll(async () => {
    const config = testConfig({
      LOGIN_FAILURES_PER_ADDRESS: "6",
      LOGIN_FAILURES_PER_ACCOUNT: "4",
      REGISTER_RATE_LIMIT: "3",
    });
    node = await startBroker([authService, users.service, notify, listener(heard)], config);
  });
  afterAll(() => node.stop());
  beforeEach(() => {
    notifyDown = false;
    heard.length = 0;
    notify.asked.length = 0;
  });

  let counter = 0;
  const newPerson = (): Profile => users.add(`person${(counter += 1)}@example.com`, password);
  const newAddress = (): string => `192.0.2.${(counter += 1)}`;

  /** A call whose answer must be what the contract says, field by field. */
  async function call<N extends ActionName>(
    name: N,
    params: Actions[N]["params"],
    meta: Meta = {},
  ): Promise<Actions[N]["result"]> {
    const result = await node.broker.call(name, params, { meta });
    expect(compileSchema(contracts[name].result)(structuredClone(result))).toBe(true);
    return result;
  }
  const login = (email: string, secret = password, clientAddress = newAddress()): Promise<Session> =>
    call("auth.login", { email, password: secret }, { clientAddress });
  const refresh = (refreshToken: string): Promise<Session> => call("auth.refresh", { refreshToken });

  async function read({ accessToken }: Session): Promise<AccessToken> {
    const { keys } = await call("auth.keys", {});
    const byId = new Map<string, KeyObject>(keys.map((key) => [key.kid, publicKeyOf(key)]));
    const token = verifyAccessToken(accessToken, (kid) => byId.get(kid), Date.now());
    return token ?? Promise.reject(new Error("this access token is not valid"));
  }
  const identity = async (session: Session): Promise<Meta> => {
    const { userId, roles, sessionId } = await read(session);
    return { user: { id: userId, roles, sessionId } satisfies Identity };
  };
  /** What a gateway that knows every revocation says of a token. */
  const isDead = async (session: Session): Promise<boolean> => {
    const { userId, sessionId, issuedAtMs } = await read(session);
    const revocations = await call("auth.revocations", { after: 0 });
    return revocations.some(
      ({ subject, issuedBefore }) => (subject === userId || subject === sessionId) && issuedAtMs < issuedBefore,
    );
  };
  const invalidRefresh = { code: 401, type: "INVALID_REFRESH_TOKEN" };
  const invalidCredentials = { code: 401, type: "INVALID_CREDENTIALS" };

  describe("signing in", () => {
    it("registers an account and opens a session", async () => {
      const account = { email: "new@example.com", password, name: "New" };
      const session = await call("auth.register", account, { clientAddress: newAddress() });

      expect(session).toMatchObject({ user: { email: "new@example.com" }, tokenType: "Bearer", expiresIn: 900 });
      expect(await read(session)).toMatchObject({ userId: session.user.id, roles: ["customer"] });
      await expect(call("auth.register", account, { clientAddress: newAddress() })).rejects.toMatchObject({
        code: 409,
        type: "EMAIL_TAKEN",
      });
    });

    it("passes on that a password is too weak", async () => {
      const account = { email: "weak@example.com", password: "password", name: "New" };

      await expect(call("auth.register", account)).rejects.toMatchObject({ code: 422, type: "WEAK_PASSWORD" });
    });

    it("opens sessions of their own with tokens that differ", async () => {
      const user = newPerson();
      const [one, two] = [await login(user.email), await login(user.email.toUpperCase())];

      expect(one.user).toEqual(user);
      expect((await read(one)).sessionId).not.toBe((await read(two)).sessionId);
      expect(one.accessToken).not.toBe(two.accessToken);
      expect(one.refreshToken).not.toBe(two.refreshToken);
      expect((await read(one)).issuedAtMs).toBeLessThanOrEqual(Date.now());
    });

    it("refuses a wrong password, an unknown e-mail and a disabled account with the same words", async () => {
      const [user, disabled] = [newPerson(), newPerson()];
      users.change(disabled.id, { status: "disabled" });
      const answers = await Promise.allSettled([
        login(user.email, "wrong"),
        login("nobody@example.com"),
        login(disabled.email),
        login(user.email, "x".repeat(1024)),
        login("x".repeat(320)),
      ]);
      const [first] = answers;

      for (const answer of answers) {
        expect(answer).toMatchObject({ status: "rejected", reason: invalidCredentials });
        expect(answer).toEqual(first);
      }
    });

    it("publishes public keys only", async () => {
      const { keys } = await call("auth.keys", {});

      expect(keys).toHaveLength(1);
      expect(Object.keys(keys[0] ?? {}).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
      expect(createPublicKey({ key: keys[0] ?? {}, format: "jwk" }).type).toBe("public");
    });
  });

  describe("limits", () => {
    const limited = { code: 429, type: "RATE_LIMITED", data: { retryAfterSeconds: expect.any(Number) as number } };

    it("stop an address after its failures, over however many accounts, and not another one", async () => {
      const clientAddress = newAddress();
      for (let i = 0; i < 6; i += 1) {
        await expect(login(newPerson().email, "wrong", clientAddress)).rejects.toMatchObject(invalidCredentials);
      }
      const { email } = newPerson();

      await expect(login(email, password, clientAddress)).rejects.toMatchObject(limited);
      expect((await login(email)).user.email).toBe(email);
    });

    it("stop an account after its failures, from however many addresses, existing or not, however it is spelt", async () => {
      for (const email of [newPerson().email, "nobody-at-all@example.com"]) {
        for (let i = 0; i < 4; i += 1) await expect(login(email, "wrong")).rejects.toMatchObject(invalidCredentials);

        await expect(login(email)).rejects.toMatchObject(limited);
        await expect(login(` ${email.toUpperCase()}`)).rejects.toMatchObject(limited);
      }
    });

    it("do not count successes", async () => {
      const clientAddress = newAddress();
      const { email } = newPerson();

      const sessions = await Promise.all(Array.from({ length: 15 }, () => login(email, password, clientAddress)));

      expect(sessions).toHaveLength(15);
    });

    it("tell many guesses at once no more than the first few", async () => {
      const { email } = newPerson();
      const guesses = [...Array.from({ length: 30 }, (_, i) => `guess ${i}`), password];

      const answers = await Promise.allSettled(guesses.map((guess) => login(email, guess)));

      const codes = answers.map((answer) => (answer as { reason?: { code: number } }).reason?.code);
      expect(codes.filter((code) => code === 401).length).toBeLessThanOrEqual(4);
      await expect(login(email)).rejects.toMatchObject(limited);
    });

    it("stop registrations from one address, taken e-mails and weak passwords included", async () => {
      const clientAddress = newAddress();
      const register = (email: string, secret = password) =>
        call("auth.register", { email, password: secret, name: "Ann" }, { clientAddress });
      await register("one@example.org");
      await expect(register("one@example.org")).rejects.toMatchObject({ type: "EMAIL_TAKEN" });
      await expect(register("two@example.org", "password")).rejects.toMatchObject({ type: "WEAK_PASSWORD" });

      await expect(register("two@example.org")).rejects.toMatchObject(limited);
      expect(await login("one@example.org", password, clientAddress)).toBeDefined();
    });

    it("stop guessing the current password in a session", async () => {
      const meta = await identity(await login(newPerson().email));
      const change = (currentPassword: string) =>
        call("auth.changePassword", { currentPassword, newPassword: "pear pie 88" }, meta);
      for (let i = 0; i < 4; i += 1) await expect(change("wrong")).rejects.toMatchObject(invalidCredentials);

      await expect(change(password)).rejects.toMatchObject(limited);
    });
  });

  it("opens no account while registration is closed; who has one signs in", async () => {
    const { email } = newPerson();
    liveOf(node.broker).lay("set", { registrationOpen: false });
    const account = { email: "late@example.com", password, name: "Late" };

    await expect(call("auth.register", account, { clientAddress: newAddress() })).rejects.toMatchObject({
      code: 409,
      type: "REGISTRATION_CLOSED",
    });
    expect((await login(email)).user.email).toBe(email);

    liveOf(node.broker).lay("set", {});
    expect((await call("auth.register", account, { clientAddress: newAddress() })).user.email).toBe(account.email);
  });

  describe("refreshing", () => {
    it("rotates the refresh token and takes the roles of now", async () => {
      const user = newPerson();
      const first = await login(user.email);
      users.change(user.id, { roles: ["customer", "support"] });

      const second = await refresh(first.refreshToken);

      expect(second.refreshToken).not.toBe(first.refreshToken);
      expect(second.user.roles).toEqual(["customer", "support"]);
      expect(await read(second)).toMatchObject({
        roles: ["customer", "support"],
        sessionId: (await read(first)).sessionId,
      });
      expect((await refresh(second.refreshToken)).user.id).toBe(user.id);
    });

    it("answers refreshes at once with the same successor, which works", async () => {
      const { refreshToken } = await login(newPerson().email);

      const sessions = await Promise.all(Array.from({ length: 8 }, () => refresh(refreshToken)));

      const successors = new Set(sessions.map((session) => session.refreshToken));
      expect(successors.size).toBe(1);
      expect(await refresh([...successors][0] ?? "")).toBeDefined();
    });

    it("refuses what was never a token, and an access token", async () => {
      const session = await login(newPerson().email);

      await expect(refresh("never")).rejects.toMatchObject(invalidRefresh);
      await expect(refresh(session.accessToken.slice(0, 512))).rejects.toMatchObject(invalidRefresh);
    });

    it("ends the session of a user who is disabled or gone", async () => {
      const [disabled, gone] = [newPerson(), newPerson()];
      const sessions = [await login(disabled.email), await login(gone.email)];
      users.change(disabled.id, { status: "disabled" });
      users.remove(gone.id);

      for (const session of sessions) {
        await expect(refresh(session.refreshToken)).rejects.toMatchObject(invalidRefresh);
        expect(await isDead(session)).toBe(true);
      }
      users.change(disabled.id, { status: "active" });
      await expect(refresh(sessions[0]?.refreshToken ?? "")).rejects.toMatchObject(invalidRefresh);
    });
  });

  describe("signing out", () => {
    it("ends one session, at once for every gateway, and does not mind an unknown one", async () => {
      const user = newPerson();
      const [left, stays] = [await login(user.email), await login(user.email)];

      expect(await call("auth.logout", { refreshToken: left.refreshToken })).toBeNull();
      expect(await call("auth.logout", { refreshToken: left.refreshToken })).toBeNull();
      expect(await call("auth.logout", { refreshToken: "never" })).toBeNull();

      await expect(refresh(left.refreshToken)).rejects.toMatchObject(invalidRefresh);
      expect([await isDead(left), await isDead(stays)]).toEqual([true, false]);
      expect(heard).toMatchObject([{ subject: (await read(left)).sessionId }]);
      expect(await call("auth.revocations", { after: (heard[0]?.sequence ?? 0) - 1 })).toEqual(heard);
    });

    it("ends all sessions of a user and nobody else's; a new one begins at once", async () => {
      const user = newPerson();
      const [one, two, others] = [await login(user.email), await login(user.email), await login(newPerson().email)];

      expect(await call("auth.logoutAll", {}, await identity(one))).toBeNull();
      const later = await login(user.email);

      expect([await isDead(one), await isDead(two), await isDead(later), await isDead(others)]).toEqual([
        true,
        true,
        false,
        false,
      ]);
      await expect(refresh(two.refreshToken)).rejects.toMatchObject(invalidRefresh);
      expect(await refresh(later.refreshToken)).toBeDefined();
      await expect(call("auth.logoutAll", {})).rejects.toMatchObject({ code: 401 });
    });
  });

  describe("changing the password", () => {
    it("ends the other sessions and keeps this one", async () => {
      const user = newPerson();
      const [mine, other] = [await login(user.email), await login(user.email)];

      await call(
        "auth.changePassword",
        { currentPassword: password, newPassword: "pear pie 88" },
        await identity(mine),
      );

      expect([await isDead(mine), await isDead(other)]).toEqual([false, true]);
      await expect(refresh(other.refreshToken)).rejects.toMatchObject(invalidRefresh);
      expect(await refresh(mine.refreshToken)).toBeDefined();
      await expect(login(user.email)).rejects.toMatchObject(invalidCredentials);
      expect(await login(user.email, "pear pie 88")).toBeDefined();
    });

    it("changes and ends nothing when it is refused", async () => {
      const user = newPerson();
      const [mine, other] = [await login(user.email), await login(user.email)];
      const change = async (currentPassword: string, newPassword: string) =>
        call("auth.changePassword", { currentPassword, newPassword }, await identity(mine));

      await expect(change("wrong", "pear pie 88")).rejects.toMatchObject(invalidCredentials);
      await expect(change(password, "password")).rejects.toMatchObject({ code: 422, type: "WEAK_PASSWORD" });
      expect(await isDead(other)).toBe(false);
      expect(await login(user.email)).toBeDefined();
    });
  });

  describe("a forgotten password", () => {
    const invalidReset = { code: 422, type: "INVALID_RESET_TOKEN", data: { errors: [{ field: "token" }] } };
    const sent = () => notify.asked.map(({ params }) => params as { contact: Contact; token: string; minutes: number });

    async function tokenFor(email: string): Promise<string> {
      const before = sent().length;
      expect(await call("auth.forgotPassword", { email })).toBeNull();
      return eventually(() => sent()[before]?.token);
    }
    const reset = (token: string, newPassword = "pear pie 88") => call("auth.resetPassword", { token, newPassword });

    it("is replaced with the token from the e-mail, once, and all sessions end", async () => {
      const user = newPerson();
      const session = await login(user.email);
      const [token, another] = [await tokenFor(user.email), await tokenFor(user.email)];

      expect(sent()[0]).toMatchObject({ contact: { userId: user.id, email: user.email }, minutes: 30 });
      expect(await reset(token)).toBeNull();

      expect(await isDead(session)).toBe(true);
      await expect(refresh(session.refreshToken)).rejects.toMatchObject(invalidRefresh);
      await expect(reset(token)).rejects.toMatchObject(invalidReset);
      await expect(reset(another)).rejects.toMatchObject(invalidReset);
      expect(await login(user.email, "pear pie 88")).toBeDefined();
    });

    it("gets the same answer, and no e-mail, for an unknown or disabled account", async () => {
      const [disabled, known] = [newPerson(), newPerson()];
      users.change(disabled.id, { status: "disabled" });

      expect(await call("auth.forgotPassword", { email: "nobody@example.com" })).toBeNull();
      expect(await call("auth.forgotPassword", { email: disabled.email })).toBeNull();
      await tokenFor(known.email);

      expect(sent().map(({ contact }) => contact.userId)).toEqual([known.id]);
    });

    it("fills nobody's mailbox", async () => {
      const [victim, other] = [newPerson(), newPerson()];
      for (let i = 0; i < 9; i += 1) await call("auth.forgotPassword", { email: victim.email });
      await tokenFor(other.email);
      await eventually(() => sent().filter(({ contact }) => contact.userId === victim.id).length >= 5);

      expect(sent().filter(({ contact }) => contact.userId === victim.id)).toHaveLength(5);
    });

    it("gets the same answer while no mail can be sent", async () => {
      notifyDown = true;

      expect(await call("auth.forgotPassword", { email: newPerson().email })).toBeNull();
      await eventually(() => notify.asked.length > 0);
    });

    it("keeps its token when the new one is too weak", async () => {
      const token = await tokenFor(newPerson().email);

      await expect(reset(token, "password")).rejects.toMatchObject({ type: "WEAK_PASSWORD" });
      expect(await reset(token)).toBeNull();
    });

    it("cannot be replaced with an unknown token, or when the account is gone", async () => {
      const user = newPerson();
      const token = await tokenFor(user.email);
      users.remove(user.id);

      await expect(reset("never")).rejects.toMatchObject(invalidReset);
      await expect(reset(token)).rejects.toMatchObject(invalidReset);
    });

    it("makes a token void when it is changed otherwise", async () => {
      const user = newPerson();
      const token = await tokenFor(user.email);
      const meta = await identity(await login(user.email));
      await call("auth.changePassword", { currentPassword: password, newPassword: "fig flan 99" }, meta);

      await expect(reset(token)).rejects.toMatchObject(invalidReset);
    });
  });

  describe("what happens to users", () => {
    const event = (type: "user.updated" | "user.erased", user: Profile): CloudEvent => ({
      specversion: "1.0",
      id: newId(),
      source: "/hub/users",
      type,
      subject: user.id,
      time: toIso(Date.now() + 1),
      datacontenttype: "application/json",
      sequence: 2,
      data: type === "user.erased" ? { userId: user.id } : { userId: user.id, roles: user.roles, status: "disabled" },
    });
    const deliver = (one: CloudEvent) => node.broker.call("auth.receive" as never, { events: [one] } as never);

    it.each(["user.updated", "user.erased"] as const)("ends their sessions by %s, once", async (type) => {
      const user = newPerson();
      const session = await login(user.email);
      const happened = event(type, user);
      await deliver(happened);
      await eventually(() => heard.length > 0);
      await deliver(happened);

      expect(await isDead(session)).toBe(true);
      await expect(refresh(session.refreshToken)).rejects.toMatchObject(invalidRefresh);
      const later = await eventually(() => login(user.email));
      await deliver(event("user.updated", newPerson()));
      await eventually(() => heard.length > 1);
      expect(await isDead(later)).toBe(false);
      expect(heard.filter(({ subject }) => subject === user.id)).toHaveLength(1);
    });

    it("ends them at once when the users service asks", async () => {
      const user = newPerson();
      const session = await login(user.email);

      expect(await call("auth.revokeUser", { userId: user.id })).toBeNull();

      expect(await isDead(session)).toBe(true);
      expect(heard).toMatchObject([{ subject: user.id }]);
    });
  });
});

describe("auth over restarts", () => {
  it("goes on with the same keys and refresh tokens", async () => {
    const users = people();
    const config = testConfig();
    const { email } = users.add("ann@example.com", password);
    const first = await startBroker([authService, users.service], config);
    const session = await first.broker.call("auth.login", { email, password });
    const { keys } = await first.broker.call("auth.keys");
    await first.stop();

    const second = await startBroker([authService, people().service], config);
    const after = await second.broker.call("auth.keys");
    await second.stop();
    const third = await startBroker([authService, users.service], config);
    const refreshed = await third.broker.call("auth.refresh", { refreshToken: session.refreshToken });
    await third.stop();

    expect(after.keys).toEqual(keys);
    expect(refreshed.user.email).toBe(email);
  });

  it("finishes what it has to send before it stops", async () => {
    const users = people();
    const notify = neighbour("notify", { sendPasswordReset: () => null });
    const { email } = users.add("ann@example.com", password);
    const node = await startBroker([authService, users.service, notify]);
    await node.broker.call("auth.forgotPassword", { email });
    await (node.broker.getLocalService("auth") as unknown as { drain(): Promise<void> }).drain();

    expect(notify.asked).toHaveLength(1);
    await node.stop();
  });

  it("does not start with another SECRET_KEY than the one its keys were made with", async () => {
    const config = testConfig();
    await (await startBroker([authService], config)).stop();
    const broker = new ServiceBroker({ ...brokerOptions({ ...config, secretKey: "x".repeat(40) }), transporter: null });
    broker.createService(authService);

    await expect(broker.start()).rejects.toThrow(/SECRET_KEY does not open the signing key/);
    await broker.stop();
  });
});
