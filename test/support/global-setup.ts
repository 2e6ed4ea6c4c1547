import type { BackingServer } from "../../scripts/backing/process.ts";
import { startBacking } from "../../scripts/backing/index.ts";
import { ensureWeb } from "../../scripts/web/ensure.ts";

declare global {
  // what the teardown of the same run ends
  var testServer: BackingServer | undefined;
}

/** Gives the rings that need one a database server: TEST_DATABASE_URL, else DATABASE_URL, else a private one. */
export default async function setUp(): Promise<void> {
  const problem = await ensureWeb();
  if (problem !== null) throw new Error(problem);
  process.env.TEST_RUN = process.pid.toString(36);
  if (process.env.TEST_DATABASE_URL) return;
  globalThis.testServer = (await startBacking(["mysql"])).mysql;
  process.env.TEST_DATABASE_URL = globalThis.testServer.url;
}
