import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "./config.ts";
import { RestClient } from "./rest.ts";
import { dropDatabases, testDatabaseUrl, uniquePrefix } from "./stores.ts";
import { eventually } from "./wait.ts";

export const adminCredentials = { email: "boss@example.com", password: "a-long-test-password" };

const root = resolve(import.meta.dirname, "../..");

/** The whole system as a process of its own, as `npm start` runs it; its shop is empty where the demo is not asked for. */
export interface Hub {
  rest: RestClient;
  url: string;
  pid: number;
  /** The environment it runs in, for scripts that work on it; what is changed here holds from the next restart. */
  env: Record<string, string | undefined>;
  /** Everything it wrote so far. */
  output(): string;
  /** Ends it by `signal`; resolves with its exit code, null when the signal ended it. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
  isRunning(): boolean;
  /** Resolves when it has ended, by itself or not, and all that it wrote is in `output`. */
  ended(): Promise<void>;
  /** Starts it again on the same data; rejects when it ends before it is ready. */
  restart(): Promise<void>;
  /** Ends it and deletes its data. */
  dispose(): Promise<void>;
}

export type StoreName = "SQLite" | "MySQL";

/** For tests that go shopping in it; loading it takes longer than the start without it. */
export const withDemo = { DEMO_CATALOGUE: "on" };

export async function startHub(store: StoreName, env: Record<string, string> = {}): Promise<Hub> {
  const dataDir = mkdtempSync(join(tmpdir(), "hub-e2e-"));
  const port = await freePort();
  const prefix = uniquePrefix();
  const url = `http://127.0.0.1:${port}`;
  const settings: Record<string, string | undefined> = {
    ...process.env,
    PORT: String(port),
    DATA_DIR: dataDir,
    ADMIN_EMAIL: adminCredentials.email,
    ADMIN_PASSWORD: adminCredentials.password,
    DEMO_CATALOGUE: "off",
    LOG_LEVEL: "warn",
    DATABASE_URL: store === "MySQL" ? testDatabaseUrl() : "",
    DATABASE_PREFIX: prefix,
    ...env,
  };
  let child: ChildProcess;
  let ended: Promise<void>;
  let output = "";

  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const start = async (): Promise<void> => {
    child = spawn(process.execPath, ["scripts/start.ts"], {
      cwd: root,
      env: settings,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    ended = new Promise((done) => child.once("close", () => done()));
    await eventually(async () => {
      if (!isRunning()) throw new Error(`the system ended with ${child.exitCode ?? child.signalCode}:\n${output}`);
      return fetch(`${url}/health/ready`).then(
        ({ status }) => status === 200,
        () => false,
      );
    }, 60_000);
  };
  const kill = (signal: NodeJS.Signals): Promise<number | null> =>
    new Promise((done) => {
      if (!isRunning()) return done(child.exitCode);
      child.once("exit", (code) => done(code));
      child.kill(signal);
    });

  await start();
  const rest = await RestClient.to(url);
  return {
    rest,
    url,
    env: settings,
    get pid() {
      return child.pid ?? 0;
    },
    output: () => output,
    isRunning,
    ended: () => ended,
    kill,
    restart: start,
    async dispose() {
      await kill("SIGKILL");
      rmSync(dataDir, { recursive: true, force: true });
      if (store === "MySQL") await dropDatabases(testDatabaseUrl(), prefix);
    },
  };
}
