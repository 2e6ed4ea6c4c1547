import { loadConfig } from "../config.ts";
import { consumers, exchange, queues } from "../lib/topology.ts";
import { missingOn } from "./topology/compare.ts";
import { runScript } from "./run-script.ts";

// `npm run topology`: what has to exist on RabbitMQ, and, where AMQP_URL is set, whether it does. Ends with 1 where it
// does not: nodes declare all of it when they connect, but cannot change a queue that was declared in another way.

await runScript(async () => {
  process.stdout.write(`${text()}\n`);
  const { amqpUrl } = loadConfig();
  if (amqpUrl === null) {
    process.stdout.write("AMQP_URL is unset: not compared with a server\n");
    return;
  }
  const { host } = new URL(amqpUrl);
  const differences = await missingOn(amqpUrl);
  if (differences.length === 0) process.stdout.write(`the server at ${host} has all of it\n`);
  else process.stdout.write(`the server at ${host} differs:\n${differences.map((line) => `  ${line}\n`).join("")}`);
  process.exitCode = differences.length === 0 ? 0 : 1;
});

function text(): string {
  const blocks = queues.map(({ name, bindings, arguments: args }) => {
    const lines = [
      ...Object.entries(args).map(([key, value]) => `  ${key.padEnd(26)} ${String(value)}`),
      ...bindings.map((key) => `  from ${exchange} by ${key}`),
    ];
    return `queue ${name}, durable\n${lines.join("\n")}\n`;
  });
  const head = `exchange ${exchange}, topic, durable; the routing key is the event's type\n${consumers.length} consumers\n`;
  return [head, ...blocks].join("\n");
}
