import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { openDatabase, type Database, type StoreConfig } from "../../lib/database.ts";
import { migrate, type Migration } from "../../lib/migrations.ts";

/** The server that the test run found or started; see test/support/global-setup.ts. */
export function testDatabaseUrl(): string {
  const url = process.env.TEST_DATABASE_URL;
  if (!url) throw new Error("TEST_DATABASE_URL is unset: run the tests with npm test or npm run jest");
  return url;
}

export interface TestStore {
  config: StoreConfig;
  open(service: string, migrations: readonly Migration[]): Promise<Database>;
  /** Closes what was opened and deletes the data. */
  dispose(): Promise<void>;
}

let counter = 0;

/** What the names of all databases of this test run begin with. */
export const runPrefix = (): string => `t${process.env.TEST_RUN ?? "0"}_`;

/** A prefix for the databases of one test; at most 30 characters. */
export const uniquePrefix = (): string =>
  `${runPrefix()}${process.pid.toString(36)}_${Date.now().toString(36)}_${(counter += 1)}_`;

export function sqliteStore(): TestStore {
  const dataDir = mkdtempSync(join(tmpdir(), "hub-test-"));
  return testStore({ dialect: "sqlite", dataDir }, async () => rmSync(dataDir, { recursive: true, force: true }));
}

export function mysqlStore(): TestStore {
  const databasePrefix = uniquePrefix();
  const url = testDatabaseUrl();
  return testStore({ dialect: "mysql", url, databasePrefix, poolSize: 10 }, () => dropDatabases(url, databasePrefix));
}

export async function dropDatabases(url: string, prefix: string): Promise<void> {
  const connection = await createConnection(url);
  try {
    const [rows] = await connection.query(
      "SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA WHERE LEFT(SCHEMA_NAME, ?) = ?",
      [prefix.length, prefix],
    );
    for (const { name } of rows as { name: string }[]) await connection.query(`DROP DATABASE \`${name}\``);
  } finally {
    await connection.end();
  }
}

function testStore(config: StoreConfig, remove: () => Promise<void>): TestStore {
  const opened: Database[] = [];
  return {
    config,
    async open(service, migrations) {
      const db = await openDatabase(config, service);
      opened.push(db);
      await migrate(db, migrations);
      return db;
    },
    async dispose() {
      await Promise.all(opened.map((db) => db.close()));
      await remove();
    },
  };
}

/** Runs one suite against both stores: what holds for one must hold for the other. */
export function describeStores(name: string, suite: (store: () => TestStore) => void): void {
  describe.each([
    ["SQLite", sqliteStore],
    ["MySQL", mysqlStore],
  ] as const)(`${name} on %s`, (_store, make) => {
    let store: TestStore;
    beforeAll(() => {
      store = make();
    });
    afterAll(() => store.dispose());
    suite(() => store);
  });
}
