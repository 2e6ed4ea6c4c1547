import type { GetMessage } from "amqplib";
import type { CloudEvent, Consumer } from "../contracts/events.ts";
import { withChannel } from "./amqp-channel.ts";
import { readEvent } from "./cloud-event.ts";
import { deadQueueOf } from "./topology.ts";

const withinMs = 2_000;
const batch = 500;
const most = 10_000;

export interface SiftOptions {
  url: string;
  consumer: Consumer;
  /** Of the events in dead letters, the ids of those that are dead no more. */
  settled: (events: CloudEvent[]) => Promise<ReadonlySet<string>>;
}

/**
 * Takes the letters out of a consumer's dead queue whose events are dead no more, and all but one of the same event.
 * What cannot be read stays for a person. Answers with how many were taken out.
 */
export function siftDeadQueue({ url, consumer, settled }: SiftOptions): Promise<number> {
  return withChannel({ url, purpose: `${consumer} dead letters`, withinMs }, async (channel) => {
    const seen = new Set<string>();
    let taken = 0;
    for (let looked = 0; looked < most; looked += batch) {
      const messages: GetMessage[] = [];
      while (messages.length < batch) {
        const message = await channel.get(deadQueueOf(consumer));
        if (message === false) break;
        messages.push(message);
      }
      const letters = messages.flatMap((message) => {
        const read = readEvent(message.content);
        return "event" in read ? [{ message, event: read.event }] : [];
      });
      const done = await settled(letters.map(({ event }) => event));
      for (const { message, event } of letters) {
        if (done.has(event.id) || seen.has(event.id)) {
          channel.ack(message);
          taken += 1;
        }
        seen.add(event.id);
      }
      if (messages.length < batch) break;
    }
    // everything that was not acknowledged is back in the queue when this resolves
    await channel.close();
    return taken;
  });
}
