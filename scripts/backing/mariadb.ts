import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { createConnection } from "mysql2/promise";
import { findProgram, freePort, serverDirectory, startProcess, type PrivateServer } from "./process.ts";

const run = promisify(execFile);
const deadlineMs = 60_000;

/** A MariaDB or MySQL server with an empty data directory of its own; anybody on this machine may use it. */
export async function startMariaDb(server: string): Promise<PrivateServer> {
  const directory = serverDirectory("mariadb");
  try {
    const { stdout } = await run(server, ["--no-defaults", "--version"]);
    const isMariaDb = /mariadb/i.test(stdout);
    await initialise(server, directory, isMariaDb);
    const port = await freePort();
    const url = `mysql://root@127.0.0.1:${port}`;
    const owned = await startProcess({
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
      probe: () => pingDatabase(url),
      deadlineMs,
    });
    return Object.assign(owned, { url });
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
  if (installer === null) throw new Error(`${server} is there but mariadb-install-db is not`);
  // root without a password, on connections over TCP too
  const args = ["--no-defaults", ...common(directory), "--auth-root-authentication-method=normal", "--skip-test-db"];
  await run(installer, args, { timeout: deadlineMs });
}

export async function pingDatabase(url: string): Promise<void> {
  const connection = await createConnection({ uri: url, connectTimeout: 5_000 });
  await connection.query("SELECT 1");
  await connection.end();
}
