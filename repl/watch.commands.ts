import { Option } from "commander";
import { eventTypes } from "../contracts/events.ts";
import type { OutboxRow } from "../contracts/queues.ts";
import { ratesBetween, type ActionRate, type NodeLoad } from "../lib/call-load.ts";
import { delay } from "../lib/time.ts";
import { paint, table, visible } from "./table.ts";
import { anId, BadArgument, wholeNumber, type Register, type Terminal } from "./terminal.ts";

const senders = ["users", "orders", "payments"] as const;
const longest = 24 * 3_600;

interface Tail {
  type?: string;
  subject?: string;
  seconds?: number;
}

/** `top` and `events tail`: what happens now, until Ctrl-C. */
export const watchCommands: Register = (program, terminal) => {
  program
    .command("top")
    .description("Show calls a second and their p99 by action, over all nodes, until Ctrl-C")
    .option("--seconds <n>", "how long to count for each table", wholeNumber("--seconds", { min: 1, max: 60 }), 2)
    .option("--times <n>", "how many tables", wholeNumber("--times", { min: 1, max: 100_000 }))
    .action((options: { seconds: number; times?: number }) => top(terminal, options));
  const events = program.command("events").description("Watch durable events");
  events
    .command("tail")
    .description("Show each event as it is stored in its service's outbox, until Ctrl-C")
    .addOption(new Option("--type <type>", "only these").choices(eventTypes))
    .option("--subject <id>", "only about this order, payment or user", anId("an order, payment or user"))
    .option("--seconds <n>", "end after this long", wholeNumber("--seconds", { min: 1, max: longest }))
    .action((options: Tail) => tail(terminal, options));
};

async function top(
  terminal: Terminal,
  { seconds, times = terminal.isInteractive ? Infinity : 1 }: { seconds: number; times?: number },
): Promise<void> {
  let before = await loads(terminal);
  for (let shown = 0; shown < times; shown += 1) {
    await delay(seconds * 1_000, terminal.interrupted);
    if (terminal.interrupted.aborted) return;
    const after = await loads(terminal);
    const rates = ratesBetween(before, after);
    before = after;
    terminal.showNext({ seconds, nodes: after.size, actions: rates }, () => rateTable(rates, after.size, seconds));
  }
}

const rateTable = (rates: readonly ActionRate[], nodes: number, seconds: number): string =>
  `${paint("dim", `${nodes} ${nodes === 1 ? "node" : "nodes"}, ${seconds} s`)}\n${table(
    ["action", "calls/s", "failed/s", "p50 ms", "p99 ms"],
    rates.map((one) => [
      one.action,
      rounded(one.callsPerSecond),
      rounded(one.failedPerSecond),
      one.p50Ms && rounded(one.p50Ms),
      one.p99Ms && rounded(one.p99Ms),
    ]),
  )}\n`;

const rounded = (value: number): number => Number(value.toPrecision(3));

/** What each node that answers has counted; one that is leaving is no reason to show nothing. */
async function loads({ broker }: Terminal): Promise<Map<string, NodeLoad>> {
  const cluster = broker as unknown as {
    registry: { getActionList(options: object): { name: string; endpoints?: { nodeID: string }[] }[] };
    call(name: string, params: object, options: object): Promise<NodeLoad>;
  };
  const [action] = cluster.registry
    .getActionList({ onlyAvailable: true, withEndpoints: true })
    .filter(({ name }) => name === "$node.load");
  const nodes = [...new Set((action?.endpoints ?? []).map(({ nodeID }) => nodeID))];
  if (nodes.length === 0) throw new BadArgument("no node of this system can tell what it does");
  const answers = await Promise.allSettled(
    nodes.map(async (nodeID) => [nodeID, await cluster.call("$node.load", {}, { nodeID })] as const),
  );
  return new Map(answers.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])));
}

const lookEveryMs = 500;
/** Clocks differ, and a transaction commits later than its rows got their ids. */
const lookBackMs = 10_000;
const pageSize = 500;

async function tail(terminal: Terminal, { type, subject, seconds = Infinity }: Tail): Promise<void> {
  const { interrupted } = terminal;
  const endsAt = Date.now() + seconds * 1_000;
  const seen = new Set(await idsSince(terminal, Date.now() - lookBackMs));
  while (!interrupted.aborted && Date.now() < endsAt) {
    await delay(Math.min(lookEveryMs, Math.max(0, endsAt - Date.now())), interrupted);
    const from = firstId(Date.now() - lookBackMs);
    const fresh = (await eventsSince(terminal, from)).filter(({ id }) => !seen.has(id));
    for (const id of seen) if (id < from) seen.delete(id);
    for (const event of fresh) {
      seen.add(event.id);
      if (type !== undefined && event.type !== type) continue;
      if (subject !== undefined && event.subject !== subject) continue;
      terminal.remember(event.subject, event.id);
      terminal.showNext(event, () => lineOf(event));
    }
  }
}

const lineOf = ({ createdAt, type, sequence, subject, id }: OutboxRow): string =>
  `${paint("dim", createdAt)}  ${visible(type).padEnd(17)}  ${subject} ${String(sequence).padStart(3)}  ${paint("dim", id)}\n`;

const idsSince = async (terminal: Terminal, atMs: number): Promise<string[]> =>
  (await eventsSince(terminal, firstId(atMs))).map(({ id }) => id);

/** From all services, in the order they happened. */
async function eventsSince(terminal: Terminal, from: string): Promise<OutboxRow[]> {
  const untyped = terminal.bus as unknown as { call(name: string, params: object): Promise<OutboxRow[]> };
  const lists = await Promise.all(
    senders.map(async (sender) => {
      const rows: OutboxRow[] = [];
      for (let after = from; ;) {
        const page = await untyped.call(`${sender}.outboxSince`, { after, limit: pageSize });
        rows.push(...page);
        const last = page.at(-1);
        if (last === undefined || page.length < pageSize) return rows;
        after = last.id;
      }
    }),
  );
  return lists.flat().sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Smaller than every id that is made from then on: a UUIDv7 begins with its time. */
function firstId(atMs: number): string {
  const hex = atMs.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
