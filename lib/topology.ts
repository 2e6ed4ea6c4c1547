import type { Channel } from "amqplib";
import { subscriptions, type Consumer } from "../contracts/events.ts";

// Everything that has to exist on RabbitMQ, in one place. Publishers and consumers both declare all of it, so that an
// event finds the queue of a consumer that has not started yet.

/** The topic exchange of all events; the routing key is the event's type. */
export const exchange = "hub.events";

export const queueOf = (consumer: Consumer): string => `hub.${consumer}`;

/** What could not be read or applied, with the reason in its headers, for a person to look at and send again. */
export const deadQueueOf = (consumer: Consumer): string => `hub.${consumer}.dead`;

export interface QueueDeclaration {
  name: string;
  /** Routing keys of `exchange` that lead to it. */
  bindings: readonly string[];
  arguments: Record<string, string | number>;
}

/** Stated in full, because the defaults differ between the versions of the server in use. */
const quorum = { "x-queue-type": "quorum", "x-overflow": "reject-publish" };

/**
 * How often the server may hand a message out again: after so many nodes died holding it, it is what kills them. An
 * event that cannot be applied is no matter of the server's, its tries are counted in the inbox.
 */
const deliveryLimit = 100;

/** A redrive looks through all dead letters and puts the others back: that is no reason to drop them. */
const looksAtTheDead = 1_000_000;

export const consumers = Object.keys(subscriptions) as Consumer[];

export const queues: readonly QueueDeclaration[] = consumers.flatMap((consumer) => [
  {
    name: queueOf(consumer),
    bindings: subscriptions[consumer],
    arguments: {
      ...quorum,
      "x-delivery-limit": deliveryLimit,
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": deadQueueOf(consumer),
      "x-dead-letter-strategy": "at-least-once",
    },
  },
  { name: deadQueueOf(consumer), bindings: [], arguments: { ...quorum, "x-delivery-limit": looksAtTheDead } },
]);

/** Makes what is missing; what is there stays as it is. Rejects where a queue is there with other arguments. */
export async function declareTopology(
  channel: Pick<Channel, "assertExchange" | "assertQueue" | "bindQueue">,
): Promise<void> {
  await channel.assertExchange(exchange, "topic", { durable: true });
  for (const { name, bindings, arguments: args } of queues) {
    await channel.assertQueue(name, { durable: true, arguments: args });
    for (const key of bindings) await channel.bindQueue(name, exchange, key);
  }
}
