import { isCommit } from "../../chaos/faults/database.ts";
import { startProxy, type Proxy } from "../../chaos/proxy.ts";
import { openDatabase, type Database } from "../../lib/database.ts";
import { isOutage } from "../../lib/database-errors.ts";
import { delay } from "../../lib/time.ts";
import auth from "../../services/auth/auth.service.ts";
import { startBroker } from "../support/broker.ts";
import { testConfig } from "../support/config.ts";
import { dropDatabases, testDatabaseUrl, uniquePrefix } from "../support/stores.ts";
import { eventually } from "../support/wait.ts";

describe("a database whose connections break", () => {
  const databasePrefix = uniquePrefix();
  let proxy: Proxy;
  let db: Database;

  beforeAll(async () => {
    const server = new URL(testDatabaseUrl());
    const port = Number(server.port || 3306);
    proxy = await startProxy(() => [port]);
    server.port = String(proxy.port);
    db = await openDatabase({ dialect: "mysql", url: server.href, databasePrefix, poolSize: 2 }, "orders");
    await db.execute("CREATE TABLE things (id INTEGER PRIMARY KEY)");
  });
  beforeEach(() => db.execute("DELETE FROM things"));
  afterEach(() => proxy.set({ kind: "pass" }));
  afterAll(async () => {
    await proxy.stop();
    await db.close();
    await dropDatabases(testDatabaseUrl(), databasePrefix);
  });

  const insert = (): Promise<number> =>
    db.transaction((tx) => db.execute("INSERT INTO things (id) VALUES (1)", [], tx));
  const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => null,
      (error: unknown) => error,
    );

  it.each([
    ["COMMIT", "requests", 0],
    ["the reply to COMMIT", "replies", 1],
  ] as const)("is an outage when %s is lost, and works again at once", async (_what, side, kept) => {
    await insert();
    await db.execute("DELETE FROM things");
    await proxy.set({ kind: "lose", side, of: isCommit, share: 1 });
    const failure = await failureOf(insert());
    const struck = proxy.struck;
    await proxy.set({ kind: "pass" });

    expect(struck).toBe(1);
    expect(isOutage(failure)).toBe(true);
    // the name by which the gateway knows what to answer
    expect((failure as Error).name).toBe("SequelizeConnectionError");
    expect(await db.select("SELECT id FROM things")).toHaveLength(kept);
    await expect(db.ping()).resolves.toBeUndefined();
  });

  it("is an outage when a new connection breaks before it is set up", async () => {
    await proxy.set({ kind: "lose", side: "requests", of: /SET SESSION/, share: 1 });
    const url = new URL(testDatabaseUrl());
    url.port = String(proxy.port);
    const failure = await failureOf(
      openDatabase({ dialect: "mysql", url: url.href, databasePrefix, poolSize: 1 }, "orders"),
    );

    expect(isOutage(failure)).toBe(true);
  });

  it("is an outage when a statement's connection is ended by an operator, and works again at once", async () => {
    const failure = await failureOf(
      db.transaction(async (tx) => {
        const [own] = await db.select<{ id: number }>("SELECT CONNECTION_ID() AS id", [], tx);
        await db.execute(`KILL ${Number(own?.id)}`);
        await db.select("SELECT id FROM things", [], tx);
      }),
    );

    expect(isOutage(failure)).toBe(true);
    await expect(db.ping()).resolves.toBeUndefined();
  });

  it.each([
    ["in changing rows", "UPDATE things SET id = 2 WHERE id = 1"],
    ["in reading rows", "SELECT id FROM things WHERE id = 1 FOR UPDATE"],
  ])("loses the locks it took %s when its node stands still, on MariaDB", async (_how, statement) => {
    const [server] = await db.select<{ version: string }>("SELECT VERSION() AS version");
    // MySQL has nothing like it: there the others wait until their own statements give up
    if (!server?.version.includes("MariaDB")) return;
    await insert();
    const failure = failureOf(
      db.transaction(async (tx) => {
        await db.execute(statement, [], tx);
        await delay(4_000);
        await db.execute("UPDATE things SET id = 3 WHERE id = 2", [], tx);
      }),
    );
    await delay(100);

    expect(await db.execute("DELETE FROM things WHERE id = 1", [])).toBe(1);
    expect(isOutage(await failure)).toBe(true);
    await expect(db.ping()).resolves.toBeUndefined();
  });

  it("lets errors of statements be what they are", async () => {
    const failure = await failureOf(db.select("SELECT id FROM nowhere"));
    expect(isOutage(failure)).toBe(false);
    expect((failure as Error).name).toBe("SequelizeDatabaseError");
  });

  it("keeps others from what one does exclusively, for longer than MariaDB lets a transaction say nothing", async () => {
    const told: string[] = [];
    const work = (name: string, ms: number) => () =>
      db.exclusively("counting", async () => {
        told.push(`${name} begins`);
        await delay(ms);
        told.push(`${name} ends`);
      });
    const first = work("first", 3_000)();
    await delay(100);
    await Promise.all([first, work("second", 0)()]);

    expect(told).toEqual(["first begins", "first ends", "second begins", "second ends"]);
  });

  it("is waited for by a node of a cluster that had begun to start", async () => {
    const url = new URL(testDatabaseUrl());
    url.port = String(proxy.port);
    const config = {
      ...testConfig({ DATABASE_URL: url.href, DATABASE_PREFIX: databasePrefix }),
      transporter: "nats://127.0.0.1:4222",
    };
    await proxy.set({ kind: "lose", side: "requests", of: /FROM signing_keys/, share: 1 });
    const starting = startBroker([auth], config);
    await eventually(() => proxy.struck >= 2);
    await proxy.set({ kind: "pass" });
    const node = await starting;

    expect((await node.broker.call("auth.keys")).keys).toHaveLength(1);
    await node.stop();
  });
});
