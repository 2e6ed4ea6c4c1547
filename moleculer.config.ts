import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type BrokerOptions, Errors } from "moleculer";
import { attachConfig, loadConfig, type Config } from "./config.ts";
import { contractOf } from "./contracts/bus.ts";
import { callLoad } from "./lib/call-load.ts";
import { LocalTransporter, localSocketPath } from "./lib/local-transporter.ts";
import { codeOf } from "./lib/errors.ts";
import { attachLiveSettings, liveSettings } from "./lib/live-settings.ts";
import { structuredLogger } from "./lib/logger.ts";
import { attachMemoryReads, memoryReads } from "./lib/memory-reads.ts";
import { attachMetrics, createMetrics } from "./lib/metrics.ts";
import { TieredCacher } from "./lib/tiered-cacher.ts";
import { compileSchema, SchemaValidator } from "./lib/validator.ts";
import { WatchfulDiscoverer } from "./lib/watchful-discoverer.ts";
import { deadline } from "./middlewares/deadline.middleware.ts";
import { elsewhere } from "./middlewares/elsewhere.middleware.ts";
import { domainErrors } from "./middlewares/domain-errors.middleware.ts";
import { requestContext } from "./middlewares/request-context.middleware.ts";
import { guard } from "./middlewares/guard.middleware.ts";
import { countCalls } from "./middlewares/metrics.middleware.ts";

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "package.json"), "utf8")) as { version: string };

/** Broker options for a node: only what differs from Moleculer's defaults, with its reason. */
export function brokerOptions(config: Config): BrokerOptions {
  const live = liveSettings(config);
  const logger = structuredLogger(config);
  live.follow(({ logLevel }) => logger.setLevel(logLevel));
  const metrics = config.metrics && createMetrics({ nodeId: config.nodeId, version });
  const callsOfNode = callLoad();
  const reads = memoryReads((action, tookMs) => {
    metrics?.action({ action, outcome: "ok" }, tookMs / 1000);
    callsOfNode.note(action, tookMs);
  });
  return {
    nodeID: config.nodeId,
    namespace: config.namespace,
    // what an operator wants to know of every node
    metadata: { startedAt: Date.now(), version },
    logger,
    // Alone in one process, other processes on this machine (the REPL) join over a socket in the data directory.
    transporter: transporterOf(config),
    // The default waits for ever. What is down is said within 3 s; the rest is for the way, and for a loop that comes late.
    // Actions that hash passwords or read files set their own.
    requestTimeout: 2_600,
    // A dead node is noticed in less than 4 s; the defaults take up to a minute.
    heartbeatInterval: 1,
    heartbeatTimeout: 3,
    registry: { discoverer: new WatchfulDiscoverer() },
    // A stop waits for the calls in flight.
    tracking: { enabled: true, shutdownTimeout: 8_000 },
    circuitBreaker: {
      enabled: true,
      threshold: 0.5,
      minRequestCount: 20,
      windowTime: 30,
      halfOpenTime: 2_000,
      // The default counts an error only by a numeric code of 500 or more, and so misses plain errors. Who says that it
      // has too much to do works: with no requests at all for a while it would do less, not more.
      check: (error: Error) => !isClientError(error) && codeOf(error) !== "OVERLOADED",
    },
    // On only for actions marked retryable: a time-out may have taken effect, and repeating it would take it twice.
    retryPolicy: {
      enabled: false,
      retries: 2,
      delay: 50,
      maxDelay: 500,
      check: (error: unknown) => (error as { retryable?: boolean } | null)?.retryable === true,
    },
    // How soon a service notices that one it waits for has come; the default is a second.
    dependencyInterval: 50,
    validator: new SchemaValidator(),
    cacher: new TieredCacher({
      redisUrl: config.redisUrl,
      acceptorOf: answersOf,
      onRead: metrics ? (level) => metrics.cacheRead(level) : undefined,
    }),
    // each inside of the next
    middlewares: [
      elsewhere,
      deadline,
      domainErrors,
      guard,
      requestContext({
        tracing: config.tracing,
        node: { id: config.nodeId, version, namespace: config.namespace },
      }),
      ...(metrics && config.metrics ? [countCalls(metrics, config.metrics)] : []),
      callsOfNode.middleware,
    ],
    // how much a node does, for whoever watches: see `top` in the REPL
    internalServices: { $node: { name: "$node", actions: { load: () => callsOfNode.read() } } },
    created(broker) {
      attachConfig(broker, config);
      attachLiveSettings(broker, live);
      attachMemoryReads(broker, reads);
      if (!metrics) return;
      attachMetrics(broker, metrics);
      metrics.onScrape("nodes", {}, () => [
        { gauge: "hub_nodes", value: broker.registry.getNodeList({ onlyAvailable: true, withServices: false }).length },
      ]);
    },
  };
}

function transporterOf({ transporter, dataDir }: Config): BrokerOptions["transporter"] {
  if (transporter === null) return new LocalTransporter({ path: localSocketPath(dataDir) });
  if (!transporter.startsWith("nats:")) return transporter as "Redis";
  return { type: "NATS", options: { url: transporter, ...natsOptions } };
}

const natsOptions = {
  // Moleculer tries for ever; every second, so that the system is whole again soon after the server
  reconnectTimeWait: 1_000,
  // a connection on which nobody answers is found dead after 2 pings; by default they go every 2 minutes
  pingInterval: 3_000,
  // the first connection, too; Moleculer itself would try every 5 s
  waitOnFirstConnect: true,
};

/** What the second level of the cache gives is believed only where it fits the contract. */
function answersOf(action: string): (value: unknown) => boolean {
  const contract = contractOf(action);
  if (!contract) return () => false;
  const check = compileSchema(contract.result);
  return (value) => check(value) === true;
}

function isClientError(error: Error): boolean {
  if (error instanceof Errors.ValidationError) return true;
  const code: unknown = (error as { code?: unknown }).code;
  return typeof code === "number" && code >= 400 && code < 500;
}

/** For `moleculer-runner --config moleculer.config.ts`. */
export default (): BrokerOptions => brokerOptions(loadConfig());
