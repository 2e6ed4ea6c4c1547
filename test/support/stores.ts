import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { createConnection, type Connection } from "mysql2/promise";
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
    for (const { name } of rows as { name: string }[]) await dropDatabase(connection, name);
  } finally {
    await connection.end();
  }
}

/**
 * Dropped tables may still be on disk when MariaDB removes the directory they were in (ER_DB_DROP_RMDIR, under load);
 * what is left of the database is dropped by asking again.
 */
async function dropDatabase(connection: Connection, name: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await connection.query(`DROP DATABASE IF EXISTS \`${name}\``);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== "ER_DB_DROP_RMDIR") throw error;
      // a file that a trigger left behind stays (MariaDB 10.11); it goes with the server of the test run
      if (attempt === 10) return;
      await setTimeout(100 * attempt);
    }
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
