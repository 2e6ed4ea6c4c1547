import { createServer } from "node:net";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import type { Config } from "../config.ts";
import type { AppBroker } from "../contracts/bus.ts";
import { brokerOptions } from "../moleculer.config.ts";
import { lockDataDir, prepareDataDir, StartError } from "./data-dir.ts";
import { openDatabase } from "./database.ts";
import { messageOf } from "./errors.ts";
import { delay } from "./time.ts";

export interface Node {
  broker: AppBroker;
  start(): Promise<void>;
  /** Lets what is under way finish, then ends everything; safe to call twice. */
  stop(): Promise<void>;
}

/** What a service offers to the stop of its node, beyond Moleculer's own hooks. */
export interface Drains {
  /** Refuses new work and resolves when the work under way is done. */
  drain?(): Promise<void>;
}

/** One Moleculer node with the services that `config` names. */
export async function createNode(config: Config): Promise<Node> {
  prepareDataDir(config.dataDir);
  // Without a transporter a node is a whole system: its SQLite files and its socket belong to one process.
  const unlock = config.transporter === null ? lockDataDir(config.dataDir) : () => {};
  // Moleculer would end the process on a signal by itself, and not let the gateway go first.
  const broker = new ServiceBroker({
    ...brokerOptions(config),
    skipProcessEventRegistration: true,
  }) as unknown as AppBroker & ServiceBroker;
  let stopping: Promise<void> | null = null;
  try {
    await assertPortFree(config);
    // a node of a cluster waits for its servers: see its start, and the database mixin
    if (config.transporter === null) await assertStoreAnswers(config);
    for (const name of config.services) broker.createService(await serviceSchema(name));
  } catch (error) {
    unlock();
    throw error;
  }

  const stop = async (): Promise<void> => {
    // Services stop in parallel; requests under way still need them, so the gateway goes first.
    for (const service of broker.services) await (service as Drains).drain?.();
    await broker.stop();
    unlock();
  };
  return {
    broker,
    start: () => start(broker, config),
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

async function serviceSchema(name: string): Promise<ServiceSchema> {
  const module = (await import(`../services/${name}/${name}.service.ts`)) as { default: ServiceSchema };
  return module.default;
}

/** Moleculer only warns when a service cannot start; what is plain to see beforehand is said in one sentence. */
async function assertPortFree({ host, port, services }: Config): Promise<void> {
  if (!services.includes("gateway") || port === 0) return;
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "another program listens there" : messageOf(error);
      reject(new StartError(`PORT ${port} on ${host} cannot be used: ${why}`));
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
