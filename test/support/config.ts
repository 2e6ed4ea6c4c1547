import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig, type Config } from "../../config.ts";

export { freePort } from "../../scripts/backing/process.ts";

/**
 * Settings for a quiet node of its own: a temporary data directory, SQLite, no pages for browsers, unless the environment
 * given says otherwise.
 */
export function testConfig(env: Record<string, string> = {}): Config {
  const dataDir = mkdtempSync(join(tmpdir(), "hub-test-"));
  return readConfig({ DATA_DIR: dataDir, WEB_DIR: join(dataDir, "web"), LOG_LEVEL: "fatal", PORT: "0", ...env });
}
