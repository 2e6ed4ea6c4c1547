import type { Consumer } from "../../contracts/events.ts";
import type { Actions } from "../../contracts/bus.ts";
import type { DeadLetter } from "../../contracts/ops.ts";
import type { InboxRow } from "../../contracts/queues.ts";
import { DomainError, notFound } from "../../lib/errors.ts";
import { decodeCursor, toPage } from "../../lib/page.ts";
import { consumers, type Peers } from "./peers.ts";

type Page = Actions["ops.deadLetters"]["result"];

/** The dead letters of every consumer as one list, the newest event first. */
export async function listDeadLetters(
  peers: Peers,
  { limit, cursor }: { limit: number; cursor?: string },
): Promise<Page> {
  const [before = null, last = ""] =
    cursor === undefined ? [] : (decodeCursor(cursor, ["string", "string"]) as string[]);
  const lists = await Promise.all(
    consumers.map(async (consumer) => {
      // of the event the last page ended with, consumers further on in the alphabet may still be missing
      const orEqual = before !== null && consumer > last;
      const rows = await peers.inbox(consumer, "deadLetters", { before, orEqual, limit: limit + 1 });
      return rows.map((row) => toLetter(consumer, row));
    }),
  );
  const merged = lists.flat().sort((a, b) => {
    if (a.id !== b.id) return a.id > b.id ? -1 : 1;
    return a.consumer < b.consumer ? -1 : 1;
  });
  return toPage(
    merged,
    limit,
    ({ id, consumer }) => [id, consumer],
    (letter) => letter,
  );
}

const toLetter = (consumer: Consumer, row: InboxRow): DeadLetter => ({
  id: row.id,
  consumer,
  event: { type: row.type, subject: row.subject, sequence: row.sequence, time: row.time },
  reason: row.lastError,
  attempts: row.attempts,
  at: row.dueAt,
});

/** Lets every consumer that gave this event up try it again. The second time there is no dead letter left to redrive. */
export async function redrive(peers: Peers, id: string, by: string): Promise<Actions["ops.redrive"]["result"]> {
  const redriven = await Promise.all(
    consumers.map(async (consumer) => ((await peers.inbox(consumer, "redrive", { id, by })) ? [consumer] : [])),
  );
  const where = redriven.flat();
  if (where.length > 0) return { id, consumers: where, status: "WAITING" };
  const known = await Promise.all(consumers.map((consumer) => peers.inbox(consumer, "inboxEvent", { id })));
  const rows = known.filter((row) => row !== null);
  if (rows.length === 0) throw notFound("dead letter");
  const states = [...new Set(rows.map(({ status }) => status))].join(", ");
  throw new DomainError("conflict", "NOT_A_DEAD_LETTER", `This event is no dead letter: it is ${states}.`, {
    eventStatus: states,
  });
}
