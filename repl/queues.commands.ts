import type { Actions } from "../contracts/bus.ts";
import type { DeadLetter } from "../contracts/ops.ts";
import type { InboxRow } from "../contracts/queues.ts";
import { subscriptions, type Consumer } from "../contracts/events.ts";
import { status, table, type Cell } from "./table.ts";
import { anId, BadArgument, wholeNumber, type Register, type Terminal } from "./terminal.ts";

/** `outbox` and `dead`: what is on its way, and what did not arrive. */
export const queueCommands: Register = (program, terminal) => {
  program
    .command("outbox")
    .description("Show events that have not left their service, and the message broker's queues")
    .action(async () => {
      const state = await terminal.bus.call("ops.outbox", {});
      terminal.show(state, () => {
        const services = state.items.map(({ service, rows, oldestAt }) => [service, rows, oldestAt]);
        const waiting = state.items.flatMap(({ service, oldest }) =>
          oldest.map((row) => [row.id, service, row.type, row.subject, row.attempts, row.lastError]),
        );
        return [
          table(["service", "waiting", "oldest"], services),
          ...(waiting.length > 0 ? [table(["event", "service", "type", "subject", "tries", "error"], waiting)] : []),
          ...(state.queues
            ? [
                table(
                  ["queue", "messages"],
                  state.queues.map(({ name, messages }) => [name, messages]),
                ),
              ]
            : []),
          ...(state.queuesProblem === null ? [] : [`the queues cannot be counted: ${state.queuesProblem}`]),
        ].join("\n");
      });
    });

  const dead = program.command("dead").description("Look at dead letters, and let them be tried again");
  dead
    .command("list")
    .description("List events that a consumer gave up on, newest first")
    .option("--limit <n>", "how many, up to 100", wholeNumber("--limit", { min: 1, max: 100 }), 20)
    .option("--cursor <cursor>", "go on where a list ended")
    .action(async (options: { limit: number; cursor?: string }) => {
      const page = await terminal.bus.call("ops.deadLetters", options);
      terminal.remember(...page.items.map(({ id }) => id));
      terminal.show(page, () => {
        const more = page.nextCursor === null ? "" : `more: --cursor ${page.nextCursor}\n`;
        return table(["event", "consumer", "type", "subject", "tries", "reason"], page.items.map(letterRow)) + more;
      });
    });
  dead
    .command("show")
    .argument("<id>", "an event's id", anId("an event"))
    .description("Show what each consumer made of an event")
    .action(async (id: string) => {
      const found = await receiptsOf(terminal, id);
      if (found.length === 0) throw new BadArgument(`no consumer has an event ${id}`);
      terminal.show(found, () =>
        found.map(({ consumer, ...row }) => `${consumer}\n${table(["", ""], details(row))}`).join("\n"),
      );
    });
  dead
    .command("redrive")
    .argument("[id]", "an event's id", anId("an event"))
    .option("--all", "every dead letter there is")
    .description("Let a dead letter be tried again from the start")
    .action(async (id: string | undefined, { all }: { all?: true }) => {
      if ((id === undefined) === (all === undefined)) throw new BadArgument("give the id of one event, or --all");
      const ids = id === undefined ? await allDead(terminal) : [id];
      const redriven: Actions["ops.redrive"]["result"][] = [];
      for (const one of ids) redriven.push(await terminal.bus.call("ops.redrive", { id: one }));
      terminal.show(redriven, () =>
        table(
          ["event", "is tried again by"],
          redriven.map((one) => [one.id, one.consumers.join(", ")]),
        ),
      );
    });
};

const letterRow = ({ id, consumer, event, attempts, reason }: DeadLetter): Cell[] => [
  id,
  consumer,
  event.type,
  event.subject,
  attempts,
  reason,
];

const details = (row: InboxRow): Cell[][] =>
  Object.entries(row).map(([name, value]) => [name, name === "status" ? status(String(value)) : value]);

async function receiptsOf(terminal: Terminal, id: string): Promise<(InboxRow & { consumer: string })[]> {
  const untyped = terminal.bus as unknown as { call(name: string, params: object): Promise<InboxRow | null> };
  const rows = await Promise.all(
    (Object.keys(subscriptions) as Consumer[]).map(async (consumer) => {
      const row = await untyped.call(`${consumer}.inboxEvent`, { id });
      return row && { consumer, ...row };
    }),
  );
  return rows.filter((row) => row !== null);
}

/** Their ids, before the first one is redriven: a page after that would begin elsewhere. */
async function allDead({ bus }: Terminal): Promise<string[]> {
  const ids = new Set<string>();
  for (let cursor: string | undefined; ;) {
    const page = await bus.call("ops.deadLetters", { limit: 100, ...(cursor === undefined ? {} : { cursor }) });
    for (const { id } of page.items) ids.add(id);
    if (page.nextCursor === null) return [...ids];
    cursor = page.nextCursor;
  }
}
