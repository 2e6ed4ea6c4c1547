import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import amqplib from "amqplib";
import {
  findProgram,
  freePort,
  serverDirectory,
  startServer,
  type BackingServer,
  type OwnedServer,
} from "./process.ts";

const deadlineMs = 60_000;

const howToGetOne =
  "set AMQP_URL to a RabbitMQ 3.10+ server, or install one (Debian, Ubuntu: apt-get install rabbitmq-server)";

/** A RabbitMQ server with an empty data directory of its own, reachable from this machine alone. */
export async function startRabbitMq(): Promise<BackingServer> {
  const command = findServer();
  const directory = serverDirectory("rabbitmq");
  try {
    const [port, distribution, mapper] = [await freePort(), await freePort(), await freePort()];
    for (const part of ["data", "log"]) mkdirSync(join(directory, part));
    writeFileSync(join(directory, "rabbitmq.conf"), configuration(port));
    writeFileSync(join(directory, "enabled_plugins"), "[].\n");
    const environment = {
      HOME: directory,
      RABBITMQ_NODENAME: `hub-${port}@localhost`,
      RABBITMQ_DIST_PORT: String(distribution),
      ERL_EPMD_PORT: String(mapper),
      RABBITMQ_MNESIA_BASE: join(directory, "data"),
      RABBITMQ_LOG_BASE: join(directory, "log"),
      RABBITMQ_CONFIG_FILE: join(directory, "rabbitmq"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "enabled_plugins"),
    };
    const portMapper = await startPortMapper(mapper);
    const url = `amqp://guest:guest@127.0.0.1:${port}`;
    const { stop } = await startServer({
      name: "RabbitMQ",
      directory,
      command: "env",
      args: [...Object.entries(environment).map(([name, value]) => `${name}=${value}`), command],
      probe: async () => {
        const connection = await amqplib.connect(url, { timeout: 5_000 });
        await connection.close();
      },
      deadlineMs,
    });
    return { url, stop: () => stop().finally(portMapper.stop) };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Erlang would start one that outlives the server; this one ends with us. */
function startPortMapper(port: number): Promise<OwnedServer> {
  return startServer({
    name: "Erlang's port mapper",
    directory: serverDirectory("epmd"),
    command: "epmd",
    args: ["-port", String(port), "-address", "127.0.0.1"],
    probe: () => connects(port),
    deadlineMs,
  });
}

function connects(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => resolve(void socket.end()));
    socket.once("error", reject);
  });
}

/** The server itself: the command on the path changes to another user, who may not write to our directory. */
function findServer(): string {
  const libraries = "/usr/lib/rabbitmq/lib";
  const version = findProgram(["rabbitmq-server"]) === null ? undefined : readdirSync(libraries).sort().at(-1);
  if (version === undefined) throw new Error(`no RabbitMQ server was found for the tests: ${howToGetOne}`);
  return join(libraries, version, "sbin", "rabbitmq-server");
}

const configuration = (port: number): string =>
  [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    "log.console = false",
    "vm_memory_high_watermark.absolute = 512MB",
    "disk_free_limit.absolute = 50MB",
    "",
  ].join("\n");
