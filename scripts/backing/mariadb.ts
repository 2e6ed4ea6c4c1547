import { execFile } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { createConnection } from "mysql2/promise";
import { messageOf } from "../../lib/errors.ts";
import { findProgram, freePort, serverDirectory, startServer, type BackingServer } from "./process.ts";

const run = promisify(execFile);
const deadlineMs = 60_000;
const installMs = 10 * 60_000;

const howToGetOne =
  "set DATABASE_URL to a MySQL 8 or MariaDB 10.6+ server, or install one (Debian, Ubuntu: apt-get install mariadb-server)";

/** The server that DATABASE_URL names, if it answers; else a private one. */
export async function findOrStart(): Promise<BackingServer> {
  const url = process.env.DATABASE_URL?.replace(/^mariadb:/, "mysql:");
  if (url && (await answers(url))) return { url, stop: async () => {} };
  return startMariaDb();
}

/** A MariaDB or MySQL server with an empty data directory of its own; anybody on this machine may use it. */
export async function startMariaDb(): Promise<BackingServer> {
  const server = await findOrInstall();
  const directory = serverDirectory("mariadb");
  try {
    const { stdout } = await run(server, ["--no-defaults", "--version"]);
    const isMariaDb = /mariadb/i.test(stdout);
    await initialise(server, directory, isMariaDb);
    const port = await freePort();
    const url = `mysql://root@127.0.0.1:${port}`;
    const { stop } = await startServer({
      name: isMariaDb ? "MariaDB" : "MySQL",
      directory,
      command: server,
      args: [
        "--no-defaults",
        ...common(directory),
        `--socket=${join(directory, "server.sock")}`,
        `--pid-file=${join(directory, "server.pid")}`,
        "--bind-address=127.0.0.1",
        `--port=${port}`,
        "--max-connections=500",
        "--performance-schema=OFF",
        // a commit that was answered is on the disk, as it has to be in production
        "--innodb-flush-log-at-trx-commit=1",
        "--innodb-buffer-pool-size=64M",
        // the X protocol would listen on a port of its own, the same for every server
        ...(isMariaDb ? [] : ["--mysqlx=OFF", "--skip-log-bin"]),
      ],
      probe: () => ping(url),
      deadlineMs,
    });
    return { url, stop };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

const isRoot = (): boolean => process.getuid?.() === 0;

const common = (directory: string): string[] => [
  `--datadir=${join(directory, "data")}`,
  // servers refuse to run as root unless told to
  ...(isRoot() ? ["--user=root"] : []),
];

async function initialise(server: string, directory: string, isMariaDb: boolean): Promise<void> {
  if (!isMariaDb) {
    await run(server, ["--no-defaults", ...common(directory), "--initialize-insecure"], { timeout: deadlineMs });
    return;
  }
  const installer = findProgram(["mariadb-install-db", "mysql_install_db"]);
  if (installer === null) throw new Error(`${server} is there but mariadb-install-db is not: ${howToGetOne}`);
  // root without a password, on connections over TCP too
  const args = ["--no-defaults", ...common(directory), "--auth-root-authentication-method=normal", "--skip-test-db"];
  await run(installer, args, { timeout: deadlineMs });
}

async function findOrInstall(): Promise<string> {
  const names = ["mariadbd", "mysqld"];
  const found = findProgram(names);
  if (found !== null) return found;
  if (!isRoot() || !existsSync("/etc/debian_version")) {
    throw new Error(`no database server was found for the tests: ${howToGetOne}`);
  }
  process.stderr.write("no database server was found for the tests: installing mariadb-server with apt-get\n");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    await run("apt-get", ["update", "-qq"], { timeout: installMs, env });
    await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "mariadb-server"], {
      timeout: installMs,
      env,
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    throw new Error(`mariadb-server cannot be installed (${messageOf(error)}): ${howToGetOne}`, { cause: error });
  }
  const installed = findProgram(names);
  if (installed === null) throw new Error(`mariadb-server was installed, but brought no server: ${howToGetOne}`);
  return installed;
}

async function ping(url: string): Promise<void> {
  const connection = await createConnection({ uri: url, connectTimeout: 5_000 });
  await connection.query("SELECT 1");
  await connection.end();
}

const answers = (url: string): Promise<boolean> =>
  ping(url).then(
    () => true,
    () => false,
  );
