import { connect } from "amqplib";
import { queues } from "./topology.ts";

const connectWithinMs = 3_000;

/**
 * How many messages lie in each queue of the message broker. What they are cannot be seen without taking them out, and
 * servers drop what was taken out and put back too often; so they are only counted.
 */
export async function queueDepths(url: string): Promise<{ name: string; messages: number }[]> {
  const connection = await connect(url, { timeout: connectWithinMs, clientProperties: { connection_name: "ops" } });
  // what ends the connection early ends the question, too, with its reason
  connection.on("error", ignore);
  try {
    const channel = await connection.createChannel();
    channel.on("error", ignore);
    const depths: { name: string; messages: number }[] = [];
    for (const { name } of queues) {
      const { messageCount } = await channel.checkQueue(name);
      depths.push({ name, messages: messageCount });
    }
    return depths;
  } finally {
    await connection.close().catch(ignore);
  }
}

const ignore = (): void => undefined;
