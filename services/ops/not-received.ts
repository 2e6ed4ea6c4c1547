import type { Consumer } from "../../contracts/events.ts";
import { pagesOf } from "./pages.ts";
import { consumers, consumersOf, type Peers, type Sender } from "./peers.ts";

// MariaDB makes a join of a list of 1,000 or more
const eventsInPage = 900;

/** Of the events that a service has published, page by page and for each consumer, those that never came there. */
export async function* notReceived(
  deps: { peers: Peers; stopping: AbortSignal },
  sender: Sender,
): AsyncGenerator<{ consumer: Consumer; asked: number; missing: string[] }> {
  const { peers } = deps;
  const events = pagesOf(
    deps,
    eventsInPage,
    (after) => peers.outbox(sender, "outboxPublished", { after: after ?? null, limit: eventsInPage }),
    ({ id }) => id,
  );
  for await (const page of events) {
    for (const consumer of consumers) {
      const ids = page.filter(({ type }) => consumersOf(type).includes(consumer)).map(({ id }) => id);
      if (ids.length === 0) continue;
      yield { consumer, asked: ids.length, missing: await peers.inbox(consumer, "inboxMissing", { ids }) };
    }
  }
}
