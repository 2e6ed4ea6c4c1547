import type { Context, Service, ServiceSchema } from "moleculer";
import type { Delivery } from "../contracts/bus.ts";
import type { CloudEvent, Consumer } from "../contracts/events.ts";
import { inboxActions } from "../contracts/queues.ts";
import { configOf } from "../config.ts";
import { amqpConsumer, type AmqpConsumer } from "../lib/amqp.ts";
import { messageOf } from "../lib/errors.ts";
import { viewInbox, type InboxView } from "../lib/inbox-view.ts";
import { openInbox, type Inbox, type Waiting } from "../lib/inbox.ts";
import { Poller } from "../lib/poller.ts";
import { answers } from "./answers.ts";
import type { WithDatabase } from "./db.mixin.ts";
import { mixin } from "./mixin.ts";

type Consume = (this: Service, event: CloudEvent, delivery: Delivery) => Promise<void>;

export interface WithInbox {
  inbox: Inbox;
}

interface Members extends WithDatabase, WithInbox {
  inboxView: InboxView;
  consuming: Poller;
  /** Where events come over RabbitMQ. */
  messages: AmqpConsumer | null;
}

const batch = 100;
const idleMs = 500;

/**
 * Feeds a service the events it subscribes to, from an inbox in its own database: at least once, each subject in
 * order, again after growing delays when a handler throws, and into the dead letters after the last of them.
 */
export function consumerMixin(): Partial<ServiceSchema> {
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
        async redrive({ id, by }) {
          const redriven = await this.inboxView.redrive(id);
          if (redriven) this.logger.info("dead letter redriven", { service: this.name, event: id, by });
          this.consuming.wake();
          return redriven;
        },
        async inboxHasten() {
          await this.inboxView.hasten();
          this.consuming.wake();
          return null;
        },
      }),
    },
    started() {
      this.inbox = openInbox(this.db);
      this.inboxView = viewInbox(this.db);
      this.consuming = new Poller({
        name: `${this.name} consumer`,
        idleMs,
        pass: () => consumeDue(this),
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
  service.consuming.wake();
}

async function consumeDue(service: Service & Members): Promise<boolean> {
  const waiting = await service.inbox.due(batch);
  const bySubject = Map.groupBy(waiting, ({ event }) => event.subject);
  // subjects do not wait for each other; within one, a failure leaves the rest for a later pass
  await Promise.all([...bySubject.values()].map((subject) => consumeInOrder(service, subject)));
  return waiting.length > 0;
}

async function consumeInOrder(service: Service & Members, waiting: Waiting[]): Promise<void> {
  for (const one of waiting) {
    if (!(await consumeOne(service, one))) return;
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
