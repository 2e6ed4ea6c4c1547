import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { createConnection, type Connection, type RowDataPacket } from "mysql2/promise";
import { serviceNames } from "../../contracts/bus.ts";
import { startPrivateBacking, type PrivateBacking } from "../../scripts/backing/index.ts";
import { startHub, withDemo, type Hub } from "../support/hub.ts";
import { Shop } from "../support/shop.ts";

// The database users of docker-compose.yml, made by its own script on a real server.

const script = resolve(import.meta.dirname, "../../deploy/mysql/users.sh");
const password = "a0password1of2the3test";
// the payment sandbox keeps its own books
const withDatabase = [...serviceNames.filter((name) => name !== "gateway"), "sandbox"];
const others = withDatabase.flatMap((user) =>
  withDatabase.filter((name) => name !== user).map((name) => [user, name] as const),
);

/** What the script tells a server, taken by a `mysql` that only repeats it. */
async function statements(): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), "hub-mysql-"));
  try {
    writeFileSync(join(directory, "mysql"), "#!/bin/sh\nexec cat\n");
    chmodSync(join(directory, "mysql"), 0o755);
    const { stdout } = await promisify(execFile)(script, {
      env: { PATH: `${directory}:${process.env.PATH}`, MYSQL_ROOT_PASSWORD: "root", MYSQL_PASSWORD: password },
    });
    return stdout.split("\n").filter((line) => line !== "");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe("a database user for each service", () => {
  let servers: PrivateBacking<"mysql">;
  let hub: Hub;
  const connections: Connection[] = [];

  const as = async (service: string): Promise<Connection> => {
    const { port } = new URL(servers.mysql.url);
    const connection = await createConnection(`mysql://hub_${service}:${password}@127.0.0.1:${port}`);
    connections.push(connection);
    return connection;
  };
  const rows = async (connection: Connection, sql: string): Promise<unknown[]> =>
    (await connection.query<RowDataPacket[]>(sql))[0].map((row) => Object.values(row)[0] as unknown);

  beforeAll(async () => {
    servers = await startPrivateBacking(["mysql"]);
    const root = await createConnection(servers.mysql.url);
    connections.push(root);
    for (const statement of await statements()) await root.query(statement);
    const { port } = new URL(servers.mysql.url);
    hub = await startHub("MySQL", {
      ...withDemo,
      DATABASE_URL: `mysql://hub_{service}:${password}@127.0.0.1:${port}`,
      DATABASE_PREFIX: "hub_",
    });
  });
  afterAll(async () => {
    await Promise.all(connections.map((connection) => connection.end()));
    await (hub as Hub | undefined)?.dispose();
    await servers.stop();
  });

  it("is enough for the whole system: an order is placed and paid", async () => {
    const shop = await Shop.open(hub);
    const ann = await hub.rest.signUp();
    const order = await shop.placed(ann, await shop.product(2));
    expect((await shop.pay(ann, order.id)).body).toMatchObject({ status: "SUCCEEDED" });
    await shop.told(ann, order.id, ["order.created", "order.paid", "payment.succeeded"]);
    const used = await rows(await as("orders"), "SELECT CURRENT_USER()");
    expect(used).toEqual(["hub_orders@%"]);
  });

  it.each(withDatabase)("shows %s its own database and no other", async (service) => {
    const connection = await as(service);
    const seen = (await rows(connection, "SHOW DATABASES")).filter((name) => name !== "information_schema");
    expect(seen).toEqual([`hub_${service}`]);
    expect((await rows(connection, `SELECT COUNT(*) FROM hub_${service}.schema_migrations`))[0]).toBeGreaterThan(0);
  });

  it.each(others)("refuses %s what is in %s", async (user, other) => {
    const connection = await as(user);
    const denied = { code: expect.stringMatching(/^ER_(TABLE|DB)ACCESS_DENIED_ERROR$/) as string };
    await expect(connection.query(`SELECT * FROM hub_${other}.schema_migrations`)).rejects.toMatchObject(denied);
    await expect(connection.query(`USE hub_${other}`)).rejects.toMatchObject(denied);
    await expect(connection.query(`CREATE TABLE hub_${other}.mine (id INT)`)).rejects.toMatchObject(denied);
  });
});
