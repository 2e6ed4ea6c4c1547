import { withChannel } from "./amqp-channel.ts";
import { queues } from "./topology.ts";

const withinMs = 5_000;

/**
 * How many messages lie in each queue of the message broker. What they are cannot be seen without taking them out, so
 * they are only counted.
 */
export function queueDepths(url: string): Promise<{ name: string; messages: number }[]> {
  return withChannel({ url, purpose: "ops", withinMs }, async (channel) => {
    const depths: { name: string; messages: number }[] = [];
    for (const { name } of queues) {
      const { messageCount } = await channel.checkQueue(name);
      depths.push({ name, messages: messageCount });
    }
    return depths;
  });
}
