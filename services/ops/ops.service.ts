import type { Service } from "moleculer";
import { configOf } from "../../config.ts";
import { defineService, type AppBroker } from "../../contracts/bus.ts";
import type { DoctorReport, LiveView, NodeView, QueueDepth } from "../../contracts/ops.ts";
import { leaving } from "../../lib/errors.ts";
import { longestPeakMs } from "../../lib/giving-way.ts";
import { Kept } from "../../lib/kept.ts";
import { liveOf } from "../../lib/live-settings.ts";
import { metricsOf } from "../../lib/metrics.ts";
import { defaultLimit } from "../../lib/page.ts";
import { queueDepths } from "../../lib/queue-depths.ts";
import { signedIn } from "../../middlewares/guard.middleware.ts";
import { auditLogMixin, type WithAuditLog } from "../../mixins/audit-log.mixin.ts";
import { dbMixin, type WithDatabase } from "../../mixins/db.mixin.ts";
import { mixin } from "../../mixins/mixin.ts";
import { sweeperMixin } from "../../mixins/sweeper.mixin.ts";
import { readAuditLog } from "./audit-log.ts";
import { listDeadLetters, redrive } from "./dead-letters.ts";
import { examine } from "./doctor.ts";
import { explainOrder } from "./explain-order.ts";
import { hasten } from "./hasten.ts";
import { healDeliveries, lookEveryMs, waitingOver } from "./heal-deliveries.ts";
import { looksRepository, type LooksRepository } from "./looks.repository.ts";
import { countQueues } from "./count-queues.ts";
import { liveView, type GatewayAnswer } from "./live-view.ts";
import { migrations } from "./migrations/index.ts";
import { nodeViews, type RegistryNode } from "./nodes.ts";
import { peersOver, senders, type Peers } from "./peers.ts";
import { settingsRepository, type SettingsRepository } from "./settings.repository.ts";

interface Vars extends WithDatabase, WithAuditLog {
  settings: SettingsRepository;
  looks: LooksRepository;
  sentAgain: Map<string, number>;
  peers: Peers;
  stopping: AbortController;
  /** The examination under way: two at once would only slow each other down. */
  examination: Promise<DoctorReport> | null;
  secondLooksAfterMs: readonly number[];
  views: Kept<LiveView>;
  depths: (() => Promise<QueueDepth[]>) | null;
  /** The same for who watches: up to a few seconds old. The doctor looks for itself. */
  shownDepths: (() => Promise<QueueDepth[]>) | null;
}

const now = Date.now;

/** Counting takes RabbitMQ a connection and a question for each queue: too much to do it anew for each console. */
const depthsKeptMs = 3_000;

async function seenByGateways(broker: AppBroker): Promise<LiveView> {
  const nodes = broker.registry.getNodeList({ onlyAvailable: true, withServices: true });
  const gateways = nodeViews(nodes as unknown as RegistryNode[], now()).filter(({ services }) =>
    services.includes("gateway"),
  );
  const ask = ({ id }: NodeView): Promise<GatewayAnswer> =>
    broker.call("gateway.rates", {}, { nodeID: id }).then(
      (rates) => ({ node: id, rates }),
      () => ({ node: id, rates: null }),
    );
  return liveView(await Promise.all(gateways.map(ask)), now());
}

/** A payment or a message of a running system settles in less than these together. */
const secondLooksAfterMs = [1_000, 2_000, 3_000];

/** A stop does not wait for an examination: whoever asked may ask another node. */
const interruptible = mixin<Vars>({
  methods: {
    interrupt() {
      this.stopping.abort(leaving());
    },
  },
});

export default defineService<"ops", Vars>({
  name: "ops",
  mixins: [
    interruptible,
    dbMixin(migrations),
    auditLogMixin(),
    sweeperMixin([
      {
        name: "lost events",
        everyMs: lookEveryMs,
        async pass(this: Vars & Service) {
          const { amqpUrl } = configOf(this.broker);
          // without RabbitMQ events go by calls, which answer when the inbox has them
          if (amqpUrl === null) return false;
          const { looks, peers, sentAgain, logger, stopping } = this;
          let more = false;
          for (const sender of senders) {
            // while nodes start; whoever can be asked looks
            if (!this.broker.registry.actions.isAvailable(`${sender}.outboxPublishedIn`)) continue;
            const deps = { looks, peers, sentAgain, log: logger, stopping: stopping.signal };
            more = (await healDeliveries({ ...deps, waitingFor: waitingOver(amqpUrl) }, sender)) || more;
          }
          return more;
        },
      },
    ]),
  ],
  actions: {
    nodes() {
      const nodes = this.broker.registry.getNodeList({ onlyAvailable: false, withServices: true });
      return { items: nodeViews(nodes as unknown as RegistryNode[], now()) };
    },
    live() {
      // the same for everybody, and a new second comes once a second: however many consoles watch, it is made once
      return this.views.read("live", () => seenByGateways(this.broker));
    },
    doctor() {
      const { peers, depths, secondLooksAfterMs } = this;
      this.examination ??= examine({
        peers,
        depths,
        now,
        secondLooksAfterMs,
        longestPeakMs,
        stopping: this.stopping.signal,
      }).finally(() => (this.examination = null));
      return this.examination;
    },
    explain(ctx) {
      return explainOrder(peersOver(ctx), ctx.params.id, now);
    },
    deadLetters(ctx) {
      const { limit = defaultLimit, cursor } = ctx.params;
      return listDeadLetters(peersOver(ctx), { limit, cursor });
    },
    async redrive(ctx) {
      const by = signedIn(ctx).id;
      const redriven = await redrive(peersOver(ctx), ctx.params.id, by);
      this.logger.info("dead letter redriven", { ...redriven, by });
      return redriven;
    },
    auditLog(ctx) {
      return readAuditLog(peersOver(ctx), { limit: defaultLimit, ...ctx.params });
    },
    async outbox(ctx) {
      const peers = peersOver(ctx);
      const items = await Promise.all(
        senders.map(async (service) => ({ service, ...(await peers.outbox(service, "outboxState", {})) })),
      );
      return { items, ...(await countQueues(this.shownDepths)) };
    },
    async config() {
      return { values: liveOf(this.broker).values, ...(await this.settings.read()) };
    },
    async setConfig(ctx) {
      const by = signedIn(ctx).id;
      const { after } = await this.settings.change(ctx.params, by, now(), (detail) =>
        this.auditLog.note(ctx, { action: "settings.change", target: "settings", detail: { ...detail } }),
      );
      const live = liveOf(this.broker);
      live.lay("set", after);
      return { values: live.values, ...(await this.settings.read()) };
    },
    settings() {
      return this.settings.read();
    },
    async hasten() {
      const result = await hasten({ peers: this.peers, stopping: this.stopping.signal });
      this.logger.info("services told to do now what is due", result);
      return result;
    },
  },

  started() {
    this.settings = settingsRepository(this.db);
    this.looks = looksRepository(this.db);
    this.sentAgain = new Map();
  },
  created() {
    this.stopping = new AbortController();
    this.examination = null;
    this.secondLooksAfterMs = secondLooksAfterMs;
    this.views = new Kept({ maxEntries: 1 });
    this.peers = peersOver(this.broker);
    const { amqpUrl } = configOf(this.broker);
    this.depths = amqpUrl === null ? null : () => queueDepths(amqpUrl);
    this.shownDepths = null;
    if (amqpUrl === null) return;
    const shown = new Kept<QueueDepth[]>({ maxEntries: 1, keptMs: depthsKeptMs });
    const shownDepths = () => shown.read("queues", () => queueDepths(amqpUrl));
    this.shownDepths = shownDepths;
    metricsOf(this.broker)?.onScrape("queue", {}, async () =>
      (await shownDepths()).map(({ name, messages }) => ({
        gauge: "hub_queue_messages",
        value: messages,
        labels: { queue: name },
      })),
    );
  },
});
