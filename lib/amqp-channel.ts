import type { Channel } from "amqplib";
import { delay } from "./time.ts";

const connectWithinMs = 1_500;

/** A question to the message broker on a connection of its own, which ends with the answer. Rejects after `withinMs`. */
export async function withChannel<T>(
  { url, purpose, withinMs }: { url: string; purpose: string; withinMs: number },
  ask: (channel: Channel) => Promise<T>,
): Promise<T> {
  const { connect } = await import("amqplib");
  const connection = await connect(url, {
    timeout: connectWithinMs,
    clientProperties: { connection_name: purpose },
  });
  // what ends the connection early ends the question, too, with its reason
  connection.on("error", ignore);
  const answered = new AbortController();
  try {
    const channel = await connection.createChannel();
    channel.on("error", ignore);
    const late = delay(withinMs, answered.signal).then(() => {
      throw new Error(`RabbitMQ did not answer within ${withinMs} ms`);
    });
    late.catch(ignore);
    return await Promise.race([ask(channel), late]);
  } finally {
    answered.abort();
    // a server that stands still must not hold up who asked
    const closed = new AbortController();
    const close = connection.close().catch(ignore);
    await Promise.race([close, delay(connectWithinMs, closed.signal)]);
    closed.abort();
  }
}

const ignore = (): void => undefined;
