import type { Identity } from "../../contracts/bus.ts";
import type { Revocation, Session } from "../../contracts/auth.ts";
import { newId } from "../../lib/ids.ts";
import authService from "../../services/auth/auth.service.ts";
import usersService from "../../services/users/users.service.ts";
import { neighbour, startBroker, type TestBroker } from "../support/broker.ts";
import { testConfig } from "../support/config.ts";
import { dropDatabases, testDatabaseUrl, uniquePrefix } from "../support/stores.ts";
import { eventually } from "../support/wait.ts";

const password = "plum tart 77";

describe.each(["SQLite", "MySQL"])("users and auth together on %s", (store) => {
  const prefix = uniquePrefix();
  let node: TestBroker;
  let boss: Identity;
  let counter = 0;

  beforeAll(async () => {
    const env: Record<string, string> =
      store === "SQLite" ? {} : { DATABASE_URL: testDatabaseUrl(), DATABASE_PREFIX: prefix };
    const neighbours = ["orders", "notify"].map((name) => neighbour(name, { receive: () => null }));
    node = await startBroker([usersService, authService, ...neighbours], testConfig(env));
    await node.broker.call("users.ensureAdmin", { email: "boss@example.com", password });
    const { user } = await login("boss@example.com");
    boss = { id: user.id, roles: user.roles, sessionId: newId() };
  });
  afterAll(async () => {
    await node.stop();
    if (store === "MySQL") await dropDatabases(testDatabaseUrl(), prefix);
  });

  const login = (email: string): Promise<Session> => node.broker.call("auth.login", { email, password });
  const register = (): Promise<Session> =>
    node.broker.call("auth.register", { email: `person${(counter += 1)}@example.com`, password, name: "Ann" });
  const refresh = ({ refreshToken }: Session): Promise<Session> => node.broker.call("auth.refresh", { refreshToken });
  const revocationsOf = async (subject: string): Promise<Revocation[]> =>
    (await node.broker.call("auth.revocations", { after: 0 })).filter((revocation) => revocation.subject === subject);
  const refused = { code: 401, type: "INVALID_REFRESH_TOKEN" };

  it("sign in whom they registered, however the e-mail is spelt", async () => {
    const { user } = await register();

    expect((await login(user.email.toUpperCase())).user).toEqual(user);
    await expect(login(`not-${user.email}`)).rejects.toMatchObject({ code: 401, type: "INVALID_CREDENTIALS" });
  });

  it("have refused a disabled user everywhere by the time the administrator has the answer", async () => {
    const session = await register();
    const { id, email } = session.user;
    await node.broker.call("users.update", { id, status: "disabled" }, node.as(boss));

    expect(await revocationsOf(id)).not.toEqual([]);
    await expect(refresh(session)).rejects.toMatchObject(refused);
    await expect(login(email)).rejects.toMatchObject({ type: "INVALID_CREDENTIALS" });

    await node.broker.call("users.update", { id, status: "active" }, node.as(boss));
    const again = await login(email);
    await eventually(async () => (await revocationsOf(id)).length === 4);
    expect((await refresh(again)).user.status).toBe("active");
  });

  it("end the sessions of an erased user", async () => {
    const session = await register();
    const { id } = session.user;
    await node.broker.call("users.eraseMe", {}, node.as({ id, roles: ["customer"], sessionId: newId() }));

    await expect(refresh(session)).rejects.toMatchObject(refused);
    await expect(login(session.user.email)).rejects.toMatchObject({ type: "INVALID_CREDENTIALS" });
    await eventually(async () => (await revocationsOf(id)).length === 2);
  });

  it("end sessions by the event when auth was away while the roles changed", async () => {
    const session = await register();
    const { id } = session.user;
    const broker = node.broker;
    await broker.destroyService("auth");
    await node.broker.call("users.update", { id, roles: ["support"] }, node.as(boss));

    broker.createService(authService);
    await broker.waitForServices("auth");
    await eventually(async () => (await revocationsOf(id)).length === 1);

    await expect(refresh(session)).rejects.toMatchObject(refused);
    expect((await login(session.user.email)).user.roles).toEqual(["support"]);
  });
});
