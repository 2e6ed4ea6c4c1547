import { connect, type ChannelModel } from "amqplib";
import { messageOf } from "../../lib/errors.ts";
import { exchange, queues } from "../../lib/topology.ts";
import { ScriptError } from "../rest-client.ts";

const connectWithinMs = 5_000;

/**
 * What of the topology this server lacks, or has otherwise. Changes nothing: a queue is only declared again where there
 * is one. Bindings cannot be seen over AMQP; whoever publishes makes them anew when one is missing.
 */
export async function missingOn(url: string): Promise<string[]> {
  const connection = await open(url);
  try {
    const differences = [
      await problemOf(connection, `exchange ${exchange}`, async (channel) => {
        await channel.checkExchange(exchange);
        await channel.assertExchange(exchange, "topic", { durable: true });
      }),
    ];
    for (const { name, arguments: args } of queues) {
      differences.push(
        await problemOf(connection, `queue ${name}`, async (channel) => {
          await channel.checkQueue(name);
          await channel.assertQueue(name, { durable: true, arguments: args });
        }),
      );
    }
    return differences.filter((problem) => problem !== null);
  } finally {
    await connection.close();
  }
}

/** On a channel of its own, which the server ends with what it has against it. */
async function problemOf(
  connection: ChannelModel,
  what: string,
  check: (channel: Awaited<ReturnType<ChannelModel["createChannel"]>>) => Promise<void>,
): Promise<string | null> {
  const channel = await connection.createChannel();
  channel.on("error", () => {});
  try {
    await check(channel);
    await channel.close();
    return null;
  } catch (error) {
    const { code } = error as { code?: unknown };
    return `${what} ${code === 404 ? "is missing" : `is declared otherwise: ${messageOf(error)}`}`;
  }
}

async function open(url: string): Promise<ChannelModel> {
  try {
    return await connect(url, { timeout: connectWithinMs, clientProperties: { connection_name: "topology" } });
  } catch (error) {
    throw new ScriptError(`AMQP_URL: the server at ${new URL(url).host} cannot be used: ${messageOf(error)}`);
  }
}
