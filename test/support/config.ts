import { mkdtempSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig, type Config } from "../../config.ts";

/** Settings for a quiet node of its own: a temporary data directory, SQLite, unless the environment given says otherwise. */
export function testConfig(env: Record<string, string> = {}): Config {
  return readConfig({ DATA_DIR: mkdtempSync(join(tmpdir(), "hub-test-")), LOG_LEVEL: "fatal", PORT: "0", ...env });
}

/** A port that nothing listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
