import type { ConfirmChannel, ConsumeMessage, Options } from "amqplib";
import { connect, type AmqpConnectionManager, type ChannelWrapper } from "amqp-connection-manager";
import type { CloudEvent, Consumer } from "../contracts/events.ts";
import { readEvent } from "./cloud-event.ts";
import { messageOf } from "./errors.ts";
import type { Publish } from "./outbox.ts";
import { backoffMs, delay } from "./time.ts";
import { declareTopology, deadQueueOf, exchange, queueOf } from "./topology.ts";

/**
 * How long one batch of events may wait for the server's confirms before its rows are left for a later try. The relay holds them
 * in a transaction meanwhile, which MariaDB ends when nothing is said in it for 2 s: see `idle_transaction_timeout`.
 */
const confirmWithinMs = 1_500;
const heartbeatSeconds = 5;
const reconnectSeconds = 1;
const closeWithinMs = 5_000;

export interface AmqpLog {
  info(event: string, fields: object): void;
  warn(event: string, fields: object): void;
}

/** A connection that comes back by itself. Publishers and consumers have one each: an alarm blocks a whole connection. */
function open(url: string, purpose: string, log: AmqpLog): AmqpConnectionManager {
  const connection = connect([url], {
    heartbeatIntervalInSeconds: heartbeatSeconds,
    reconnectTimeInSeconds: reconnectSeconds,
    connectionOptions: { timeout: 5_000, clientProperties: { connection_name: purpose } },
  });
  connection.on("disconnect", ({ err }) => log.warn("RabbitMQ is away", { purpose, error: messageOf(err) }));
  connection.on("connectFailed", ({ err }) =>
    log.warn("RabbitMQ cannot be reached", { purpose, error: messageOf(err) }),
  );
  connection.on("blocked", ({ reason }) => log.warn("RabbitMQ takes no messages", { purpose, reason }));
  connection.on("connect", () => log.info("connected to RabbitMQ", { purpose }));
  return connection;
}

/** The server sent it back: there is no queue for it. */
class Unroutable extends Error {}

/**
 * Calls `setup` with each new channel. The library makes channels only together with their connection: one that ended
 * alone, because the server had something against it or its queue was deleted, would stay away for good.
 */
function openChannel(
  { connection, purpose, log, closing }: Opened,
  setup: (raw: ConfirmChannel) => Promise<void>,
): ChannelWrapper {
  let current: ConfirmChannel | null = null;
  const channel = connection.createChannel({
    confirm: true,
    publishTimeout: confirmWithinMs,
    setup: async (raw: ConfirmChannel) => {
      current = raw;
      raw.on("error", (error: unknown) => log.warn("RabbitMQ ended a channel", { purpose, error: messageOf(error) }));
      raw.once("close", () => {
        void delay(reconnectSeconds * 1_000, closing).then(() => {
          if (current === raw && !closing.aborted && connection.isConnected()) connection.reconnect();
        });
      });
      await declareTopology(raw);
      await setup(raw);
    },
  });
  channel.on("error", (error) => log.warn("RabbitMQ refused what is needed", { purpose, error: messageOf(error) }));
  return channel;
}

interface Opened {
  connection: AmqpConnectionManager;
  purpose: string;
  log: AmqpLog;
  /** Aborted when it is to stay closed. */
  closing: AbortSignal;
}

export interface AmqpPublisher {
  publish: Publish;
  close(): Promise<void>;
}

/**
 * The relay's outlet to RabbitMQ: persistent messages on a confirm channel, all of a batch under way at once. An event
 * counts as published when the server has confirmed it and did not send it back as unroutable.
 */
export function amqpPublisher(url: string, name: string, log: AmqpLog): AmqpPublisher {
  const purpose = `${name} relay`;
  const connection = open(url, purpose, log);
  const closing = new AbortController();
  const returned = new Set<string>();
  let current: ConfirmChannel | null = null;
  const channel = openChannel({ connection, purpose, log, closing: closing.signal }, async (raw) => {
    // the server sends a message back before it confirms it
    raw.on("return", ({ properties }) => returned.add(String(properties.messageId)));
    current = raw;
  });
  /** Bindings that somebody deleted come back before the next try. */
  const declareAgain = async (error: string): Promise<void> => {
    log.warn("declaring queues and bindings again", { purpose, error });
    if (current !== null) await declareTopology(current);
  };

  const send = async (event: CloudEvent): Promise<string> => {
    await channel.publish(exchange, event.type, Buffer.from(JSON.stringify(event)), propertiesOf(event));
    if (returned.delete(event.id)) throw new Unroutable(`no queue takes events of type ${event.type}`);
    return event.id;
  };
  return {
    async publish(events) {
      // Without a connection the library would keep the batch and send it later, beside the relay's own next try.
      if (!connection.isConnected()) return { published: [], error: "RabbitMQ cannot be reached", away: true };
      const outcomes = await Promise.allSettled(events.map(send));
      const failures = outcomes.flatMap((outcome) =>
        outcome.status === "rejected" ? [outcome.reason as unknown] : [],
      );
      const [failed] = failures;
      const unroutable = failures.find((error) => error instanceof Unroutable);
      if (unroutable) await declareAgain(unroutable.message).catch(() => {});
      return {
        published: outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : [])),
        ...(failures.length > 0 ? { error: messageOf(failed) } : {}),
      };
    },
    close() {
      closing.abort();
      return closeWithin(connection, channel);
    },
  };
}

const propertiesOf = ({ id, type, source, time, subject, sequence, traceparent }: CloudEvent): Options.Publish => ({
  persistent: true,
  mandatory: true,
  messageId: id,
  type,
  appId: source,
  timestamp: Math.floor(Date.parse(time) / 1_000),
  contentType: "application/cloudevents+json",
  headers: { "x-subject": subject, "x-sequence": sequence, ...(traceparent === undefined ? {} : { traceparent }) },
});

export interface AmqpConsumer {
  /** Puts an event that was given up among the dead letters, with its error. Resolves when the server has it. */
  bury(event: CloudEvent, error: string): Promise<void>;
  /** Takes no more messages; what was taken and not acknowledged goes back to the queue. */
  close(): Promise<void>;
}

export interface AmqpConsumerOptions {
  url: string;
  consumer: Consumer;
  log: AmqpLog;
  /** Commits events to the inbox; only then are their messages acknowledged. */
  receive: (events: CloudEvent[]) => Promise<void>;
}

const prefetch = 200;
/** What comes within so long of a batch goes together, in the next one; who comes after a pause is not made to wait. */
const gatherMs = 15;

/**
 * Moves a consumer's messages into its inbox, in the groups in which they come, each acknowledged after its commit. A
 * message that is no event of ours goes to the dead letters with the reason, and holds nobody up.
 */
export function amqpConsumer({ url, consumer, log, receive }: AmqpConsumerOptions): AmqpConsumer {
  const purpose = `${consumer} consumer`;
  const connection = open(url, purpose, log);
  const taken: Taken[] = [];
  const gone = new WeakSet<ConfirmChannel>();
  let moving: Promise<void> | null = null;
  const closing = new AbortController();

  const bury = (body: Buffer, headers: object, messageId?: string): Promise<boolean> =>
    channel.sendToQueue(deadQueueOf(consumer), body, { persistent: true, mandatory: true, messageId, headers });

  const move = async (batch: readonly Taken[]): Promise<void> => {
    const readable: CloudEvent[] = [];
    for (const { message } of batch) {
      const read = readEvent(message.content);
      if ("event" in read) readable.push(read.event);
      else await bury(message.content, reasonHeaders(read.problem, message), messageIdOf(message));
    }
    await receive(readable);
  };

  let beganAtMs = -Infinity;
  const gather = async (): Promise<void> => {
    const earlyMs = beganAtMs + gatherMs - performance.now();
    if (earlyMs > 0) await delay(earlyMs, closing.signal);
    beganAtMs = performance.now();
  };

  const moveAll = async (): Promise<void> => {
    for (let failures = 0; taken.length > 0 && !closing.signal.aborted;) {
      await gather();
      const batch = taken.slice(0, prefetch);
      try {
        await move(batch);
      } catch (error) {
        // Kept and tried again: handing them back would have the server return them at once, over and over.
        failures += 1;
        log.warn("events cannot be stored", { consumer, events: batch.length, error: messageOf(error) });
        await delay(backoffMs(failures, 100, 5_000), closing.signal);
        continue;
      }
      failures = 0;
      // of a channel that has closed, the server hands out the messages again, and the inbox knows them
      for (const [raw, last] of new Map(batch.map((one) => [one.channel, one.message]))) {
        // and all before it: they are taken in the order in which they came
        if (!gone.has(raw)) raw.ack(last, true);
      }
      taken.splice(0, batch.length);
    }
  };

  const channel = openChannel({ connection, purpose, log, closing: closing.signal }, async (raw) => {
    raw.once("close", () => gone.add(raw));
    await raw.prefetch(prefetch);
    await raw.consume(queueOf(consumer), (message) => {
      // null: the queue was deleted. With a new channel it is declared and consumed anew.
      if (message === null) return void raw.close().catch(() => {});
      taken.push({ message, channel: raw });
      moving ??= moveAll().finally(() => (moving = null));
    });
  });

  return {
    async bury(event, error) {
      const headers = { "x-reason": error.slice(0, 1_000), "x-routing-key": event.type };
      await bury(Buffer.from(JSON.stringify(event)), headers, event.id);
    },
    async close() {
      closing.abort();
      await moving;
      await closeWithin(connection, channel);
    },
  };
}

interface Taken {
  message: ConsumeMessage;
  channel: ConfirmChannel;
}

const messageIdOf = ({ properties }: ConsumeMessage): string | undefined =>
  typeof properties.messageId === "string" ? properties.messageId : undefined;

const reasonHeaders = (reason: string, { fields }: ConsumeMessage): object => ({
  "x-reason": reason.slice(0, 1_000),
  "x-routing-key": fields.routingKey,
});

/** A server that is away must not hold up a stop. */
async function closeWithin(connection: AmqpConnectionManager, channel: ChannelWrapper): Promise<void> {
  const closed = channel.close().then(() => connection.close());
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, closeWithinMs)));
  await Promise.race([closed.catch(() => {}), late]);
  clearTimeout(timer);
}
