import type * as Prometheus from "prom-client";
import type { Fact } from "../contracts/events.ts";
import { load } from "./load.ts";
import { delay } from "./time.ts";

/** How callers of one kind come to share transactions. */
export interface GroupMeter {
  taken(items: number): void;
  waiting(items: number): void;
}

/** A node's metrics. Names and labels are promises: dashboards and alert rules are written against them. */
export interface Metrics {
  request(labels: { method: string; route: string; status: string }, seconds: number): void;
  problem(code: string): void;
  action(labels: { action: string; outcome: "ok" | "refused" | "failed" }, seconds: number): void;
  refusal(action: string, code: string): void;
  /** Counts what was committed: orders' ways, and the money of payments and refunds. */
  facts(facts: readonly Fact[]): void;
  groups(kind: string): GroupMeter;
  cacheRead(level: CacheLevel): void;
  /** Rows that went from a table to its archive, or were deleted where nothing asks for them any more. */
  archived(service: string, table: string, rows: number): void;
  /** A loop has finished a pass without an error. */
  passed(service: string, loop: string): void;
  /** Asked at every scrape. What it does not answer in time, or at all, is left out of that scrape. */
  onScrape(what: Sampled, labels: Labels, sample: () => Promise<Samples> | Samples): void;
  /** Everything in Prometheus' text format. */
  scrape(): Promise<string>;
  readonly contentType: string;
}

export type CacheLevel = "process" | "shared" | "source";
type Labels = Record<string, string>;

/** What is asked for when somebody looks: the gauges that each kind of source fills, with their further labels. */
const sampled = {
  outbox: {
    hub_outbox_rows: "Events that have not left their service",
    hub_outbox_oldest_seconds: "Age of the oldest event that has not left its service",
  },
  inbox: {
    hub_inbox_rows: "Events that a consumer has and has not applied",
    hub_inbox_oldest_seconds: "Age of the oldest event that a consumer has not applied",
    hub_dead_letters: "Events that a consumer gave up on",
  },
  pool: {
    hub_database_connections_used: "Connections of a service's pool that are in use",
    hub_database_connections_idle: "Connections of a service's pool that are not in use",
    hub_database_connections_awaited: "Callers that wait for a connection of a service's pool",
  },
  queue: { hub_queue_messages: "Messages in a queue of RabbitMQ" },
  nodes: { hub_nodes: "Nodes of the cluster that this one knows to be there" },
} as const;
export type Sampled = keyof typeof sampled;

const labelsOf: Record<Sampled, readonly string[]> = {
  outbox: ["service"],
  inbox: ["service"],
  pool: ["service"],
  queue: ["queue"],
  nodes: [],
};

/** Values by gauge, for the source's own labels or for those given beside the value; null: there is nothing to say. */
export type Samples = readonly { gauge: string; value: number | null; labels?: Labels }[];

interface Source {
  what: Sampled;
  labels: Labels;
  sample: () => Promise<Samples> | Samples;
  underWay: Promise<void> | null;
}

/** From a hit of the cache to the longest time-out of an action. */
const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const groupSizes = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Prometheus waits 10 s by default, and a database that hangs must not cost it the other figures. */
const sampleWithinMs = 3_000;

export function createMetrics({ nodeId, version }: { nodeId: string; version: string }): Metrics {
  // Only where something is counted, because it brings a part of OpenTelemetry along; at once, as options of a broker are.
  const { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } = load("prom-client") as typeof Prometheus;
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ name, help, labelNames, registers });

  const requests = new Histogram({
    name: "hub_http_request_duration_seconds",
    help: "From a request's head to the end of its answer; status is the class, such as 2xx, or aborted",
    labelNames: ["method", "route", "status"],
    buckets: durations,
    registers,
  });
  const problems = counter("hub_http_problems_total", "Answers that were no success, by their stable code", ["code"]);
  const actions = new Histogram({
    name: "hub_action_duration_seconds",
    help: "Actions that ran on this node; refused is the caller's doing, failed is ours",
    labelNames: ["action", "outcome"],
    buckets: durations,
    registers,
  });
  const refusals = counter("hub_action_refusals_total", "Refusals by action and stable code", ["action", "code"]);
  const facts = counter("hub_facts_total", "Facts committed, by type: an order's way from order.created on", ["type"]);
  const money = counter("hub_money_minor_units_total", "Money captured and refunded, in minor units", [
    "kind",
    "currency",
  ]);
  const groupItems = new Histogram({
    name: "hub_group_commit_items",
    help: "How many callers shared a transaction",
    labelNames: ["kind"],
    buckets: groupSizes,
    registers,
  });
  const groupWaiting = gauge("hub_group_commit_waiting", "Callers that wait for a transaction to share", ["kind"]);
  const cacheReads = counter("hub_cache_reads_total", "Reads of what is cached, by who answered", ["level"]);
  const archivedRows = counter(
    "hub_archived_rows_total",
    "Rows that a sweep took out of a table because of their age",
    ["service", "table"],
  );
  const loops = gauge("hub_loop_last_pass_timestamp_seconds", "When a loop last finished a pass without an error", [
    "service",
    "loop",
  ]);
  const failedSamples = counter("hub_scrape_failures_total", "Figures that a scrape had to leave out", ["source"]);
  gauge("hub_node_info", "Which node this is", ["node", "version"]).set({ node: nodeId, version }, 1);

  const gauges = new Map<string, Prometheus.Gauge>();
  for (const [what, named] of Object.entries(sampled)) {
    for (const [name, help] of Object.entries(named)) gauges.set(name, gauge(name, help, labelsOf[what as Sampled]));
  }
  const sources: Source[] = [];

  const clear = ({ what, labels }: Source): void => {
    for (const name of Object.keys(sampled[what])) {
      // a source without labels of its own brings them with its values, and is the only one of its kind
      if (Object.keys(labels).length > 0) gauges.get(name)?.remove(labels);
      else gauges.get(name)?.reset();
    }
  };
  const ask = async (source: Source): Promise<void> => {
    const samples = await source.sample();
    clear(source);
    for (const { gauge: name, value, labels = {} } of samples) {
      if (value !== null) gauges.get(name)?.set({ ...source.labels, ...labels }, value);
    }
  };
  const sampleAll = async (): Promise<void> => {
    const late = new AbortController();
    const overdue = delay(sampleWithinMs, late.signal).then(() => "late" as const);
    await Promise.all(
      sources.map(async (source) => {
        source.underWay ??= ask(source).finally(() => (source.underWay = null));
        const outcome = await Promise.race([source.underWay.catch(() => "failed" as const), overdue]);
        if (outcome === undefined) return;
        failedSamples.inc({ source: source.what });
        clear(source);
      }),
    );
    late.abort();
  };

  return {
    request: (labels, seconds) => requests.observe(labels, seconds),
    problem: (code) => problems.inc({ code }),
    action: (labels, seconds) => actions.observe(labels, seconds),
    refusal: (action, code) => refusals.inc({ action, code }),
    facts(committed) {
      for (const { type, data } of committed) {
        facts.inc({ type });
        if (type === "payment.succeeded") money.inc({ kind: "captured", currency: data.currency }, data.amountCents);
        if (type === "payment.refunded") money.inc({ kind: "refunded", currency: data.currency }, data.amountCents);
      }
    },
    groups: (kind) => ({
      taken: (items) => groupItems.observe({ kind }, items),
      waiting: (items) => groupWaiting.set({ kind }, items),
    }),
    cacheRead: (level) => cacheReads.inc({ level }),
    archived: (service, table, rows) => archivedRows.inc({ service, table }, rows),
    passed: (service, loop) => loops.setToCurrentTime({ service, loop }),
    onScrape(what, labels, sample) {
      failedSamples.inc({ source: what }, 0);
      sources.push({ what, labels, sample, underWay: null });
    },
    async scrape() {
      await sampleAll();
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}

const metricsOfBrokers = new WeakMap<object, Metrics>();

export const attachMetrics = (broker: object, metrics: Metrics): void => void metricsOfBrokers.set(broker, metrics);

/** This node's metrics; undefined where METRICS_PORT is not set, and then nothing is counted. */
export const metricsOf = (broker: object): Metrics | undefined => metricsOfBrokers.get(broker);

/** Seconds between a time and now; null where there is none. */
export const ageSeconds = (sinceMs: number | null, nowMs: number): number | null =>
  sinceMs === null ? null : Math.max(0, nowMs - sinceMs) / 1000;
