import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import amqplib from "amqplib";
import { freePort, serverDirectory, startProcess, type OwnedProcess, type PrivateServer } from "./process.ts";

const run = promisify(execFile);
const deadlineMs = 60_000;

/** A RabbitMQ server of our own, and what its operator does to it. */
export interface PrivateRabbitMq extends PrivateServer {
  /** Runs `rabbitmqctl` on it; answers with what that wrote. */
  control(...args: readonly string[]): Promise<string>;
}

/** A RabbitMQ server with an empty data directory of its own, reachable from this machine alone. */
export async function startRabbitMq(installed: string): Promise<PrivateRabbitMq> {
  const command = serverOf(installed);
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
      // Erlang's threads would go on looking for work for a while before they sleep, on cores that others need
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+sbwt none +sbwtdcpu none +sbwtdio none",
      RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "enabled_plugins"),
    };
    const portMapper = await startPortMapper(mapper);
    const url = `amqp://guest:guest@127.0.0.1:${port}`;
    const owned = await startProcess({
      name: "RabbitMQ",
      directory,
      command,
      args: [],
      env: environment,
      probe: () => pingRabbitMq(url),
      deadlineMs,
    });
    const { stop } = owned;
    const control = async (...args: readonly string[]): Promise<string> => {
      const { stdout } = await run(join(dirname(command), "rabbitmqctl"), args, {
        env: { ...process.env, ...environment },
        timeout: deadlineMs,
      });
      return stdout;
    };
    return Object.assign(owned, { url, control, stop: () => stop().finally(portMapper.stop) });
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

export async function pingRabbitMq(url: string): Promise<void> {
  const connection = await amqplib.connect(url, { timeout: 5_000 });
  await connection.close();
}

/** Erlang would start one that outlives the server; this one ends with us. */
function startPortMapper(port: number): Promise<OwnedProcess> {
  return startProcess({
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

/** Debian's command on the path changes to another user, who may not write to our directory: the server behind it. */
function serverOf(installed: string): string {
  const libraries = "/usr/lib/rabbitmq/lib";
  const version = existsSync(libraries) ? readdirSync(libraries).sort().at(-1) : undefined;
  return version === undefined ? installed : join(libraries, version, "sbin", "rabbitmq-server");
}

const configuration = (port: number): string =>
  [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    "log.console = false",
    "vm_memory_high_watermark.absolute = 512MB",
    "disk_free_limit.absolute = 50MB",
    "",
  ].join("\n");
