import { dropDatabases, runPrefix, testDatabaseUrl } from "./stores.ts";

/** Drops the databases of tests that were interrupted, and ends the server that was started for this run. */
export default async function tearDown(): Promise<void> {
  await dropDatabases(testDatabaseUrl(), runPrefix());
  await globalThis.testServer?.stop();
}
