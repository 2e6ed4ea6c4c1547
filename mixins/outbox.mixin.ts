import type { ServiceSchema } from "moleculer";
import { configOf } from "../config.ts";
import { amqpPublisher, type AmqpPublisher } from "../lib/amqp.ts";
import { deliverByCall } from "../lib/delivery.ts";
import { messageOf } from "../lib/errors.ts";
import { openOutbox, type Outbox } from "../lib/outbox.ts";
import { Poller } from "../lib/poller.ts";
import type { WithDatabase } from "./db.mixin.ts";
import { mixin } from "./mixin.ts";

export interface WithOutbox {
  outbox: Outbox;
}

const batch = 200;

/** How long a row may wait when a wake-up was lost: after a restart, or written by a node that died. */
const idleMs = 500;

/** Gives a service, after its database, an outbox as `this.outbox` and a relay that ships what is in it. */
export function outboxMixin(): Partial<ServiceSchema> {
  return mixin<WithDatabase & WithOutbox & { relay: Poller; publisher: AmqpPublisher | null }>({
    started() {
      const { amqpUrl } = configOf(this.broker);
      this.publisher = amqpUrl === null ? null : amqpPublisher(amqpUrl, this.name, this.logger);
      const publish = this.publisher?.publish ?? deliverByCall(this.broker);
      this.outbox = openOutbox(this.db, this.name, () => this.relay.wake());
      this.relay = new Poller({
        name: `${this.name} relay`,
        idleMs,
        pass: async () => (await this.outbox.relay(batch, publish)) === batch,
        onError: (error) => this.logger.warn("relay failed", { service: this.name, error: messageOf(error) }),
      });
      this.relay.start();
    },
    async stopped() {
      await (this.relay as Poller | undefined)?.stop();
      await (this.publisher as AmqpPublisher | null | undefined)?.close();
    },
  });
}
