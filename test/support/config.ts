import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig, type Config } from "../../config.ts";

export { freePort } from "../../scripts/backing/process.ts";

/** Settings for a quiet node of its own: a temporary data directory, SQLite, unless the environment given says otherwise. */
export function testConfig(env: Record<string, string> = {}): Config {
  return readConfig({ DATA_DIR: mkdtempSync(join(tmpdir(), "hub-test-")), LOG_LEVEL: "fatal", PORT: "0", ...env });
}
