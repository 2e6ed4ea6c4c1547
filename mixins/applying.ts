import type { Service } from "moleculer";
import type { Delivery } from "../contracts/bus.ts";
import type { CloudEvent } from "../contracts/events.ts";
import { messageOf } from "../lib/errors.ts";
import { groupCommit, type GroupCommit } from "../lib/group-commit.ts";
import type { Inbox, Waiting } from "../lib/inbox.ts";
import { continueTrace, orderOf } from "./traced.ts";

const settleTogetherMs = 25;

export type Consume = (this: Service, event: CloudEvent, delivery: Delivery) => Promise<void>;

export interface ApplyingOptions {
  service: Service;
  inbox: Inbox;
  /** How many subjects at the same time. */
  atOnce: number;
  /** Called with an event that was given up, and why. */
  onDead: (event: CloudEvent, error: string) => Promise<void>;
}

/** Applies events by the handlers of a service: subjects side by side, each in its order. */
export class Applying {
  private readonly options: ApplyingOptions;
  private readonly settling: GroupCommit<string, void>;
  private readonly subjects: Subject[] = [];
  private readonly waitingForEnd: (() => void)[] = [];
  /** Of how many subjects an event is being applied; those that only wait to be settled take nobody's place. */
  private underWay = 0;
  /** How many subjects were begun and have not ended. */
  private begun = 0;
  private held = 0;

  constructor(options: ApplyingOptions) {
    this.options = options;
    this.settling = groupCommit<string, void>({
      most: 200,
      // nobody waits for it, and alone it would be a commit for each
      gatherMs: settleTogetherMs,
      // they wait in the inbox, and a refused one would only come again
      longest: Infinity,
      async run(eventIds) {
        await options.inbox.settle([...new Set(eventIds)]);
        return eventIds.map(() => undefined);
      },
    });
  }

  /** How many events were given to it and have not come to an end. */
  get inHand(): number {
    return this.held;
  }

  /** Resolves when each was applied, or is to be tried again, or was given up. Rejects when that cannot be stored. */
  async apply(waiting: readonly Waiting[]): Promise<void> {
    this.held += waiting.length;
    try {
      await Promise.all(
        [...Map.groupBy(waiting, ({ event }) => event.subject).values()].map(
          (events) =>
            new Promise<void>((done, fail) => {
              this.subjects.push({ events, done, fail });
              this.next();
            }),
        ),
      );
    } finally {
      this.held -= waiting.length;
    }
  }

  /** Resolves when nothing is being applied. */
  async ended(): Promise<void> {
    if (this.begun > 0) await new Promise<void>((resolve) => this.waitingForEnd.push(resolve));
    await this.settling.stop();
  }

  private next(): void {
    while (this.underWay < this.options.atOnce) {
      const subject = this.subjects.shift();
      if (!subject) break;
      this.underWay += 1;
      this.begun += 1;
      void this.applyInOrder(subject.events)
        .then(subject.done, subject.fail)
        .finally(() => {
          this.underWay -= 1;
          this.begun -= 1;
          this.next();
        });
    }
    if (this.begun === 0) for (const resolve of this.waitingForEnd.splice(0)) resolve();
  }

  /** A failure leaves the rest of the subject for a later time. */
  private async applyInOrder(waiting: readonly Waiting[]): Promise<void> {
    const { broker } = this.options.service;
    for (const one of waiting) {
      const { event } = one;
      const from = { name: `process ${event.type}`, kind: "consumer", traceparent: event.traceparent } as const;
      if (!(await continueTrace(broker, from, { orderId: orderOf(event) }, () => this.applyOne(one)))) return;
    }
  }

  private async applyOne(waiting: Waiting): Promise<boolean> {
    const { service, inbox, onDead } = this.options;
    const { event } = waiting;
    try {
      const consume = (service.schema as { consumes?: Record<string, Consume> }).consumes?.[event.type];
      if (!consume) throw new Error(`${service.name} does not know events of type ${event.type}`);
      await consume.call(service, event, this.deliveryOf(event.id));
      return true;
    } catch (error) {
      const outcome = await inbox.failed(waiting, messageOf(error));
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
      await onDead(event, messageOf(error));
      return false;
    }
  }

  /** With few at once, whole backlogs would wait for timers: four at once made 150 a second. */
  private async settle(eventId: string): Promise<void> {
    this.underWay -= 1;
    this.next();
    try {
      await this.settling.submit(eventId);
    } finally {
      this.underWay += 1;
    }
  }

  private deliveryOf(eventId: string): Delivery {
    const { inbox } = this.options;
    return {
      eventId,
      record: async (tx) => (await inbox.record(tx, [eventId])).has(eventId),
      async recordAll(tx, deliveries) {
        const fresh = new Set(await inbox.record(tx, [...new Set(deliveries.map((one) => one.eventId))]));
        // of two that were given the same event, one applies it
        return new Set(deliveries.filter((one) => fresh.delete(one.eventId)));
      },
      settled: () => this.settle(eventId),
    };
  }
}

interface Subject {
  events: readonly Waiting[];
  done: () => void;
  fail: (error: Error) => void;
}
