import type { Context, Service, ServiceSchema } from "moleculer";
import type { CloudEvent, Consumer } from "../contracts/events.ts";
import { inboxActions } from "../contracts/queues.ts";
import { configOf } from "../config.ts";
import type { AmqpConsumer } from "../lib/amqp.ts";
import { siftDeadQueue } from "../lib/dead-queue.ts";
import { messageOf } from "../lib/errors.ts";
import { reach } from "../lib/failpoints.ts";
import { ageSeconds, metricsOf } from "../lib/metrics.ts";
import { viewInbox, type InboxView } from "../lib/inbox-view.ts";
import { openInbox, type Inbox } from "../lib/inbox.ts";
import { Poller } from "../lib/poller.ts";
import { answers } from "./answers.ts";
import { Applying } from "./applying.ts";
import type { WithAuditLog } from "./audit-log.mixin.ts";
import type { WithDatabase } from "./db.mixin.ts";
import { mixin } from "./mixin.ts";

export interface WithInbox {
  inbox: Inbox;
  /** Takes what was told of an erased person out of the inbox, and soon out of RabbitMQ's dead letters. */
  forgetTold(subject: string): Promise<void>;
}

interface Members extends WithDatabase, WithAuditLog, WithInbox {
  inboxView: InboxView;
  applying: Applying;
  /** From when the service is whole until it is to stop. */
  mayApply: boolean;
  consuming: Poller;
  /** Where events come over RabbitMQ. */
  messages: AmqpConsumer | null;
  clearing: Poller;
  /** Can be called again. */
  stopConsuming(): Promise<void>;
}

const batch = 100;
const idleMs = 500;
const gatherMs = 15;
/** How often RabbitMQ's dead letters are looked at for what is dead no more; a server that was away is asked again then. */
const clearEveryMs = 60_000;
/** With more than these under way, events wait in the inbox, where any node may take them. */
const mostInHand = 300;

/**
 * After the audit log's mixin. Feeds a service the events it subscribes to, from an inbox in its own database: at least
 * once, each subject in order, again after growing delays when a handler throws, and into the dead letters after the
 * last of them. `atOnce`: of how many subjects at the same time; for handlers that do not share transactions few enough
 * to leave connections to the requests.
 */
export function consumerMixin({ atOnce = batch }: { atOnce?: number } = {}): Partial<ServiceSchema> {
  return mixin<Members>({
    actions: {
      /** Takes events into the inbox; answers when they are committed there. */
      receive: {
        access: "internal",
        retryPolicy: { enabled: true },
        async handler(ctx: Context<{ events: CloudEvent[] }>) {
          await takeIn(this, ctx.params.events);
        },
      },
      ...answers<Members, typeof inboxActions>(inboxActions, {
        inboxState() {
          return this.inboxView.state();
        },
        inboxOf({ subjects }) {
          return this.inboxView.of(subjects);
        },
        inboxMissing({ ids }) {
          return this.inboxView.missing(ids);
        },
        inboxCounts({ after }) {
          return this.inboxView.counts(after);
        },
        deadLetters(range) {
          return this.inboxView.deadLetters(range);
        },
        inboxEvent({ id }) {
          return this.inboxView.find(id);
        },
        async redrive({ id, by }, ctx) {
          const deed = { action: "redrive", target: `event ${id}`, actor: by } as const;
          const note = this.auditLog.note(ctx, deed);
          if (await this.inboxView.redrive(id, note)) {
            // the copy in RabbitMQ goes soon: whoever waited for that might ask again, and be told that nothing was dead
            this.clearing.wake();
            this.consuming.wake();
            return true;
          }
          if (await this.auditLog.isNoted(ctx, deed)) return true;
          const found = await clearDead(this, id);
          if (found) await this.db.transaction(note);
          this.consuming.wake();
          return found;
        },
        async inboxHasten() {
          await this.inboxView.hasten();
          await clearDead(this);
          this.consuming.wake();
          return null;
        },
      }),
    },
    methods: {
      async forgetTold(subject: string) {
        await this.inbox.forget(subject);
        this.clearing.wake();
      },
      async stopConsuming() {
        this.mayApply = false;
        await (this.messages as AmqpConsumer | null | undefined)?.close();
        await (this.consuming as Poller | undefined)?.stop();
        await (this.applying as Applying | undefined)?.ended();
        await (this.clearing as Poller | undefined)?.stop();
      },
    },
    async started() {
      this.inbox = openInbox(this.db);
      this.inboxView = viewInbox(this.db);
      const metrics = metricsOf(this.broker);
      metrics?.onScrape("inbox", { service: this.name }, async () => {
        const { waiting, oldestMs, dead } = await this.inbox.backlog();
        return [
          { gauge: "hub_inbox_rows", value: waiting },
          { gauge: "hub_inbox_oldest_seconds", value: ageSeconds(oldestMs, Date.now()) ?? 0 },
          { gauge: "hub_dead_letters", value: dead },
        ];
      });
      this.applying = new Applying({
        service: this,
        inbox: this.inbox,
        atOnce,
        // for the eyes of those who watch the queues; the row in the inbox is what counts
        onDead: async (event, error) => this.messages?.bury(event, error),
      });
      this.consuming = new Poller({
        name: `${this.name} consumer`,
        idleMs,
        gatherMs,
        pass: async () => {
          const due = await this.inbox.due(batch);
          await this.applying.apply(due);
          return due.length > 0;
        },
        onPass: () => metrics?.passed(this.name, "consumer"),
        onError: (error) => this.logger.warn("consumer failed", { service: this.name, error: messageOf(error) }),
      });
      this.clearing = new Poller({
        name: `${this.name} dead letters`,
        idleMs: clearEveryMs,
        pass: () => clearDead(this),
        onError: (error) =>
          this.logger.warn("dead letters cannot be read", { service: this.name, error: messageOf(error) }),
      });
      const { amqpUrl } = configOf(this.broker);
      this.messages =
        amqpUrl === null
          ? null
          : (await import("../lib/amqp.ts")).amqpConsumer({
              url: amqpUrl,
              consumer: this.name as Consumer,
              log: this.logger,
              receive: (events) => takeIn(this, events),
            });
    },
    ready() {
      this.mayApply = true;
      this.consuming.start();
      if (this.messages) this.clearing.start();
    },
    async stopped() {
      await this.stopConsuming();
    },
  });
}

/** Keeps events, and applies at once those that it may. */
async function takeIn(service: Service & Members, events: CloudEvent[]): Promise<void> {
  const { inbox, applying, consuming, logger } = service;
  const next = await inbox.receive(events, service.mayApply && applying.inHand < mostInHand);
  await reach("consume.after-commit");
  if (next.length < events.length) lookAgain(consuming);
  applying.apply(next).catch((error: unknown) => {
    // they are anybody's again when their claim ends
    logger.warn("consumer failed", { service: service.name, error: messageOf(error) });
  });
}

/** Events wait for an earlier one of their subject, which often another node has just now, and nobody says when it is done. */
function lookAgain(consuming: Poller): void {
  for (const ms of [0, 20, 60, 150]) setTimeout(() => consuming.wake(), ms).unref();
}

/**
 * Takes out of RabbitMQ's dead letters what is dead no more. The `wanted` one is taken into the inbox where that never
 * had it, because it could not be read, or killed whoever held it; true if so. A server that is away changes nothing:
 * the row in the inbox is what counts, and the copy is taken out later.
 */
async function clearDead(service: Service & Members, wanted?: string): Promise<boolean> {
  const { amqpUrl } = configOf(service.broker);
  if (amqpUrl === null) return false;
  let isNew = false;
  const settled = async (events: CloudEvent[]): Promise<Set<string>> => {
    const lost = events.find(({ id }) => id === wanted);
    if (lost && (await service.inboxView.find(lost.id)) === null) {
      await service.inbox.receive([lost], false);
      isNew = true;
    }
    return new Set(await service.inboxView.settled(events.map(({ id }) => id)));
  };
  try {
    await siftDeadQueue({ url: amqpUrl, consumer: service.name as Consumer, settled });
  } catch (error) {
    service.logger.warn("dead letters cannot be taken out", { service: service.name, error: messageOf(error) });
  }
  return isNew;
}
