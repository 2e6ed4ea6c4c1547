import type { ServiceBroker } from "moleculer";
import { subscriptions, type CloudEvent, type Consumer } from "../contracts/events.ts";
import { messageOf } from "./errors.ts";
import type { Publish } from "./outbox.ts";

const consumers = Object.keys(subscriptions) as Consumer[];

export const listensTo = (consumer: Consumer, event: CloudEvent): boolean =>
  (subscriptions[consumer] as readonly string[]).includes(event.type);

/**
 * The relay's outlet without a message broker: each consumer's service is called with the events it subscribes to, and
 * answers once they are committed to its inbox. An event counts as published when all its consumers have it.
 */
export function deliverByCall(broker: ServiceBroker): Publish {
  return async (events) => {
    const missed = new Set<string>();
    const errors: string[] = [];
    await Promise.all(
      consumers.map(async (consumer) => {
        const wanted = events.filter((event) => listensTo(consumer, event));
        if (wanted.length === 0) return;
        try {
          await broker.call(`${consumer}.receive`, { events: wanted }, { timeout: 10_000, retries: 0 });
        } catch (error) {
          for (const { id } of wanted) missed.add(id);
          errors.push(`${consumer}: ${messageOf(error)}`);
        }
      }),
    );
    return {
      published: events.filter(({ id }) => !missed.has(id)).map(({ id }) => id),
      ...(errors.length > 0 ? { error: errors.join("; ") } : {}),
    };
  };
}
