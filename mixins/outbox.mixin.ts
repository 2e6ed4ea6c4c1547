import type { ServiceSchema } from "moleculer";
import { configOf } from "../config.ts";
import { outboxActions } from "../contracts/queues.ts";
import type { AmqpPublisher } from "../lib/amqp.ts";
import { auditPage } from "../lib/audit.ts";
import { mostCallsUnderWay } from "../lib/calls-under-way.ts";
import { deliverByCall } from "../lib/delivery.ts";
import { messageOf } from "../lib/errors.ts";
import { givingWay } from "../lib/giving-way.ts";
import { ageSeconds, metricsOf } from "../lib/metrics.ts";
import { viewOutbox, type OutboxView } from "../lib/outbox-view.ts";
import { openOutbox, type Outbox } from "../lib/outbox.ts";
import { Poller } from "../lib/poller.ts";
import { delay } from "../lib/time.ts";
import { answers } from "./answers.ts";
import type { WithDatabase } from "./db.mixin.ts";
import { mixin } from "./mixin.ts";
import { tracedPublish } from "./traced.ts";

export interface WithOutbox {
  outbox: Outbox;
}

interface Members extends WithDatabase, WithOutbox {
  outboxView: OutboxView;
  relay: Poller;
  publisher: AmqpPublisher | null;
}

const batch = 200;

/** How long a row may wait when a wake-up was lost: after a restart, or written by a node that died. */
const idleMs = 500;
/** What is committed within so long leaves together. */
const gatherMs = 15;
/** How soon the relay looks again whether requests still go first. */
const waitMs = 50;

/**
 * Gives a service, after its database, an outbox as `this.outbox` and a relay that ships what is in it; at a peak after
 * the requests, unless it `isUrgent`.
 */
export function outboxMixin({ isUrgent = false } = {}): Partial<ServiceSchema> {
  return mixin<Members>({
    actions: answers<Members, typeof outboxActions>(outboxActions, {
      outboxState() {
        return this.outboxView.state();
      },
      outboxOf({ subjects }) {
        return this.outboxView.of(subjects);
      },
      outboxPublished({ after, limit }) {
        return this.outboxView.published(after, limit);
      },
      outboxPublishedIn(span) {
        return this.outboxView.publishedIn(span);
      },
      outboxSince({ after, limit }) {
        return this.outboxView.since(after, limit);
      },
      outboxCounts({ after }) {
        return this.outboxView.counts(after);
      },
      async outboxRepublish({ ids }) {
        const republished = await this.outboxView.republish(ids);
        if (republished > 0) this.logger.info("events are sent once more", { service: this.name, republished });
        this.relay.wake();
        return republished;
      },
      outboxAudit({ cursor }) {
        return auditPage([this.outboxView.sequences], cursor);
      },
      async outboxHasten() {
        await this.outboxView.hasten();
        this.relay.wake();
        return null;
      },
    }),
    async started() {
      const { amqpUrl } = configOf(this.broker);
      const metrics = metricsOf(this.broker);
      this.publisher =
        amqpUrl === null ? null : (await import("../lib/amqp.ts")).amqpPublisher(amqpUrl, this.name, this.logger);
      const publish = tracedPublish(this.broker, this.publisher?.publish ?? deliverByCall(this.broker));
      this.outboxView = viewOutbox(this.db);
      this.outbox = openOutbox(this.db, this.name, (entries) => {
        this.relay.wake();
        metrics?.facts(entries.map(({ fact }) => fact));
      });
      const way = givingWay({ underWay: () => mostCallsUnderWay(this.broker) });
      this.relay = new Poller({
        name: `${this.name} relay`,
        idleMs,
        gatherMs,
        pass: async (signal, woken) => {
          if (!isUrgent && way.mustWait()) {
            await delay(waitMs, signal);
            this.relay.wake();
            return true;
          }
          const mayBeMore = (await this.outbox.relay(batch, publish, { looksFirst: !woken })) === batch;
          if (!mayBeMore) way.isDone();
          return mayBeMore;
        },
        onPass: () => metrics?.passed(this.name, "relay"),
        onError: (error) => this.logger.warn("relay failed", { service: this.name, error: messageOf(error) }),
      });
      metrics?.onScrape("outbox", { service: this.name }, async () => {
        const { rows, oldestMs } = await this.outbox.backlog();
        return [
          { gauge: "hub_outbox_rows", value: rows },
          { gauge: "hub_outbox_oldest_seconds", value: ageSeconds(oldestMs, Date.now()) ?? 0 },
        ];
      });
      this.relay.start();
    },
    async stopped() {
      await (this.relay as Poller | undefined)?.stop();
      await (this.publisher as AmqpPublisher | null | undefined)?.close();
    },
  });
}
