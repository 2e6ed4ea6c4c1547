import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import type { Config } from "../config.ts";
import type { AppBroker } from "../contracts/bus.ts";
import { brokerOptions } from "../moleculer.config.ts";
import { lockDataDir, prepareDataDir, StartError } from "./data-dir.ts";
import { openDatabase } from "./database.ts";
import { messageOf } from "./errors.ts";
import { leave, type Drains } from "./leave.ts";
import { followSettings, liveOf, parseLiveSettings } from "./live-settings.ts";
import { delay } from "./time.ts";

export interface Node {
  broker: AppBroker;
  start(): Promise<void>;
  /** Lets what is under way finish, then ends everything; safe to call twice. */
  stop(): Promise<void>;
}

/** One Moleculer node with the services that `config` names. */
export async function createNode(config: Config): Promise<Node> {
  prepareDataDir(config.dataDir);
  if (config.failpoints.length > 0) (await import("./armed-failpoints.ts")).armFailpoints(config.failpoints);
  // Without a transporter a node is a whole system: its SQLite files and its socket belong to one process.
  const unlock = config.transporter === null ? lockDataDir(config.dataDir) : () => {};
  // Moleculer would end the process on a signal by itself, and not let the gateway go first.
  const broker = new ServiceBroker({
    ...brokerOptions(config),
    skipProcessEventRegistration: true,
  }) as unknown as AppBroker & ServiceBroker;
  let stopping: Promise<void> | null = null;
  try {
    readLiveSettings(broker, config);
    if (config.services.includes("gateway")) await assertPortFree("PORT", config);
    if (config.metrics) await assertPortFree("METRICS_PORT", config.metrics);
    // a node of a cluster waits for its servers: see its start, and the database mixin
    if (config.transporter === null) await assertStoreAnswers(config);
    for (const name of config.services) broker.createService(await serviceSchema(name));
    await loadWhatIsAskedFor(config);
  } catch (error) {
    unlock();
    throw error;
  }

  const settings = followSettings({
    live: liveOf(broker),
    file: config.liveConfigFile,
    ask: async () => {
      if (!isRunning(broker, "ops")) throw new Error("nobody can be asked");
      return (await broker.call("ops.settings")).set;
    },
    log: broker.logger,
  });
  const stop = async (): Promise<void> => {
    for (const service of broker.services) (service as Drains).interrupt?.();
    await settings.stop();
    await leave(broker, { isAlone: config.transporter === null });
    await broker.stop();
    unlock();
  };
  return {
    broker,
    async start() {
      await start(broker, config);
      settings.start();
    },
    stop: () => (stopping ??= stop()),
  };
}

/**
 * Moleculer would start no service before the transporter is there, and so a node without one would not even answer
 * that it lives. Resolves when the services are started and the node has joined the others.
 */
async function start(broker: ServiceBroker, { transporter }: Config): Promise<void> {
  const { transit, registry, logger } = broker as unknown as Joining;
  if (transporter === null || !transit) return broker.start();
  const connect = transit.connect.bind(transit);
  let joined: Promise<void> | undefined;
  transit.connect = async () => {
    joined = connect();
    const isThere = joined.then(() => true);
    if (!(await Promise.race([isThere, delay(transporterMs).then(() => false)]))) {
      logger.warn("waiting for the transporter", { host: new URL(transporter).host });
      // what was started meanwhile is not known to the others
      joined = joined.then(() => registry.discoverer.sendLocalNodeInfo());
    }
  };
  await broker.start();
  await joined;
}

const transporterMs = 2_000;

interface Joining {
  transit?: { connect(): Promise<void> };
  registry: { discoverer: { sendLocalNodeInfo(): Promise<void> } };
  logger: { warn(what: string, fields: object): void };
}

const isRunning = ({ registry }: { registry: unknown }, name: string): boolean =>
  (registry as { hasService(name: string): boolean }).hasService(name);

function readLiveSettings(broker: object, { liveConfigFile }: Config): void {
  if (liveConfigFile === null) return;
  try {
    liveOf(broker).lay("file", parseLiveSettings(readFileSync(liveConfigFile, "utf8")));
  } catch (error) {
    throw new StartError(`LIVE_CONFIG_FILE ${liveConfigFile} cannot be used: ${messageOf(error)}`);
  }
}

/** Before anything listens, so that nobody who asks has to wait for modules to be read. */
async function loadWhatIsAskedFor({ store, amqpUrl, smtpUrl }: Config): Promise<void> {
  await (store.dialect === "mysql" ? import("mysql2") : import("./sqlite-dialect.ts"));
  if (amqpUrl !== null) await import("./amqp.ts");
  if (smtpUrl !== null) await import("nodemailer");
}

async function serviceSchema(name: string): Promise<ServiceSchema> {
  const module = (await import(`../services/${name}/${name}.service.ts`)) as { default: ServiceSchema };
  return module.default;
}

/** Moleculer only warns when a service cannot start; what is plain to see beforehand is said in one sentence. */
async function assertPortFree(name: string, { host, port }: { host: string; port: number }): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "another program listens there" : messageOf(error);
      reject(new StartError(`${name} ${port} on ${host} cannot be used: ${why}`));
    });
    probe.listen({ host, port }, resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
}

async function assertStoreAnswers({ store, services }: Config): Promise<void> {
  const first = services.find((name) => name !== "gateway" && name !== "ops");
  if (store.dialect === "sqlite" || first === undefined) return;
  try {
    await (await openDatabase(store, first)).close();
  } catch (error) {
    const { host } = new URL(store.url);
    throw new StartError(`DATABASE_URL: the server at ${host} cannot be used: ${messageOf(error)}`);
  }
}
