import type { Context, Service, ServiceSchema } from "moleculer";
import type { Delivery } from "../contracts/bus.ts";
import type { CloudEvent, Consumer } from "../contracts/events.ts";
import { inboxActions } from "../contracts/queues.ts";
import { configOf } from "../config.ts";
import { amqpConsumer, type AmqpConsumer } from "../lib/amqp.ts";
import { siftDeadQueue } from "../lib/dead-queue.ts";
import { messageOf } from "../lib/errors.ts";
import { reach } from "../lib/failpoints.ts";
import { ageSeconds, metricsOf } from "../lib/metrics.ts";
import { viewInbox, type InboxView } from "../lib/inbox-view.ts";
import { openInbox, type Inbox, type Waiting } from "../lib/inbox.ts";
import { Poller } from "../lib/poller.ts";
import { answers } from "./answers.ts";
import type { WithAuditLog } from "./audit-log.mixin.ts";
import type { WithDatabase } from "./db.mixin.ts";
import { mixin } from "./mixin.ts";
import { continueTrace, orderOf } from "./traced.ts";

type Consume = (this: Service, event: CloudEvent, delivery: Delivery) => Promise<void>;

export interface WithInbox {
  inbox: Inbox;
}

interface Members extends WithDatabase, WithAuditLog, WithInbox {
  inboxView: InboxView;
  consuming: Poller;
  /** Where events come over RabbitMQ. */
  messages: AmqpConsumer | null;
}

const batch = 100;
const idleMs = 500;

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
        inboxCounts() {
          return this.inboxView.counts();
        },
        deadLetters(range) {
          return this.inboxView.deadLetters(range);
        },
        inboxEvent({ id }) {
          return this.inboxView.find(id);
        },
        async redrive({ id, by }, ctx) {
          const note = this.auditLog.note(ctx, { action: "redrive", target: `event ${id}`, actor: by });
          const revived = await this.inboxView.redrive(id, note);
          const found = await clearDead(this, id);
          const redriven = revived || found;
          if (found && !revived) await this.db.transaction(note);
          this.consuming.wake();
          return redriven;
        },
        async inboxHasten() {
          await this.inboxView.hasten();
          await clearDead(this);
          this.consuming.wake();
          return null;
        },
      }),
    },
    started() {
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
      this.consuming = new Poller({
        name: `${this.name} consumer`,
        idleMs,
        pass: () => consumeDue(this, atOnce),
        onPass: () => metrics?.passed(this.name, "consumer"),
        onError: (error) => this.logger.warn("consumer failed", { service: this.name, error: messageOf(error) }),
      });
      const { amqpUrl } = configOf(this.broker);
      this.messages =
        amqpUrl === null
          ? null
          : amqpConsumer({
              url: amqpUrl,
              consumer: this.name as Consumer,
              log: this.logger,
              receive: (events) => takeIn(this, events),
            });
    },
    ready() {
      this.consuming.start();
    },
    async stopped() {
      await (this.messages as AmqpConsumer | null | undefined)?.close();
      await (this.consuming as Poller | undefined)?.stop();
    },
  });
}

async function takeIn(service: Members, events: CloudEvent[]): Promise<void> {
  await service.inbox.receive(events);
  await reach("consume.after-commit");
  service.consuming.wake();
}

/**
 * Takes out of RabbitMQ's dead letters what is dead no more. The `wanted` one is taken into the inbox where that never
 * had it, because it could not be read, or killed whoever held it; true if so. A server that is away changes nothing:
 * the row in the inbox is what counts, and the next redrive or `doctor --fix` takes the copy out.
 */
async function clearDead(service: Service & Members, wanted?: string): Promise<boolean> {
  const { amqpUrl } = configOf(service.broker);
  if (amqpUrl === null) return false;
  let isNew = false;
  const settled = async (events: CloudEvent[]): Promise<Set<string>> => {
    const lost = events.find(({ id }) => id === wanted);
    if (lost && (await service.inboxView.find(lost.id)) === null) {
      await service.inbox.receive([lost]);
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

async function consumeDue(service: Service & Members, atOnce: number): Promise<boolean> {
  const waiting = await service.inbox.due(batch);
  const subjects = [...Map.groupBy(waiting, ({ event }) => event.subject).values()];
  // subjects do not wait for each other; within one, a failure leaves the rest for a later pass
  const lane = async (): Promise<void> => {
    for (let subject = subjects.shift(); subject; subject = subjects.shift()) await consumeInOrder(service, subject);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return waiting.length > 0;
}

async function consumeInOrder(service: Service & Members, waiting: Waiting[]): Promise<void> {
  for (const one of waiting) {
    const { event } = one;
    const from = { name: `process ${event.type}`, kind: "consumer", traceparent: event.traceparent } as const;
    const applied = await continueTrace(service.broker, from, { orderId: orderOf(event) }, () =>
      consumeOne(service, one),
    );
    if (!applied) return;
  }
}

async function consumeOne(service: Service & Members, waiting: Waiting): Promise<boolean> {
  const { event } = waiting;
  try {
    const consume = (service.schema as { consumes?: Record<string, Consume> }).consumes?.[event.type];
    if (!consume) throw new Error(`${service.name} does not know events of type ${event.type}`);
    await consume.call(service, event, { record: (tx) => service.inbox.record(tx, event.id) });
    return true;
  } catch (error) {
    const outcome = await service.inbox.failed(waiting, messageOf(error));
    const fields = {
      service: service.name,
      event: event.id,
      type: event.type,
      attempts: waiting.attempts + 1,
      error: messageOf(error),
    };
    if (outcome === "waiting") {
      service.logger.warn("event will be tried again", fields);
      return false;
    }
    service.logger.error("event is a dead letter", fields);
    // For the eyes of those who watch the queues; the row in the inbox is what counts.
    await service.messages?.bury(event, messageOf(error));
    return false;
  }
}
