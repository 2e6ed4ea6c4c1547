import type { Consumer } from "../../contracts/events.ts";
import { declareTopology, queueOf } from "../../lib/topology.ts";
import { withChannel } from "../../lib/amqp-channel.ts";
import type { LooksRepository } from "./looks.repository.ts";
import { pagesOf } from "./pages.ts";
import { consumers, consumersOf, type Peers, type Sender } from "./peers.ts";

export interface HealingDeps {
  looks: LooksRepository;
  peers: Peers;
  stopping: AbortSignal;
  /** Puts queues and bindings back that somebody took away, and says how many messages wait for that consumer. */
  waitingFor: (consumer: Consumer) => Promise<number>;
  /** How often this node has sent which event again. */
  sentAgain: Map<string, number>;
  log: { warn(event: string, fields: object): void };
}

/** How often each sender's events are looked at. */
export const lookEveryMs = 30_000;
/** An event that left so short a time ago may still be under way. */
const underWayMs = 10_000;
/** How far back the first look goes. */
const firstLookMs = 900_000;
const spanMs = 10_000;
/** So much of the past in one pass, that a stop does not wait for a long one. */
const spansInPass = 30;
const looksWithinMs = 120_000;
/** With more than these in its queue a consumer is only behind, and what it has not had yet is not lost. */
const mostInQueue = 100;
const eventsInPage = 1_000;
/** What a consumer cannot read never comes to its inbox, however often it is sent. */
const mostTimes = 3;
const mostRemembered = 10_000;
const brokerWithinMs = 5_000;

/**
 * Sends again what the message broker acknowledged, but did not bring to a consumer: with a binding deleted it returns
 * only what no other queue took, either. Looks once at each event some seconds after it left, by the clock of the node
 * that sent it; what a look cannot see, the doctor does. True when there is more to look at.
 */
export async function healDeliveries(deps: HealingDeps, sender: Sender): Promise<boolean> {
  const { looks } = deps;
  const beganMs = await looks.now();
  const lookedUntil = await looks.begin(sender, beganMs, looksWithinMs);
  if (lookedUntil === null) return false;
  const latestMs = beganMs - underWayMs;
  const fromMs = Math.min(lookedUntil === 0 ? latestMs - firstLookMs : lookedUntil, latestMs);
  const untilMs = Math.min(latestMs, fromMs + spansInPass * spanMs);
  let healedUntil = fromMs;
  let isAtEnd = false;
  try {
    for (let spanFrom = fromMs; spanFrom < untilMs; spanFrom += spanMs) {
      const spanUntil = Math.min(spanFrom + spanMs, untilMs);
      if (!(await healSpan(deps, sender, { afterMs: spanFrom, untilMs: spanUntil }))) break;
      healedUntil = spanUntil;
    }
    isAtEnd = healedUntil < untilMs || untilMs === latestMs;
  } finally {
    await looks.end(sender, { untilMs: healedUntil, nextMs: isAtEnd ? beganMs + lookEveryMs : beganMs });
  }
  return !isAtEnd;
}

/** False when a consumer is too far behind to tell what it lacks. */
async function healSpan(
  deps: HealingDeps,
  sender: Sender,
  span: { afterMs: number; untilMs: number },
): Promise<boolean> {
  const { peers, log } = deps;
  const events = pagesOf(
    deps,
    eventsInPage,
    (after) => peers.outbox(sender, "outboxPublishedIn", { ...span, after: after ?? null, limit: eventsInPage }),
    ({ id }) => id,
  );
  for await (const page of events) {
    for (const consumer of consumers) {
      const sent = page.filter(({ type }) => consumersOf(type).includes(consumer)).map(({ id }) => id);
      const missing = sent.length === 0 ? [] : await peers.inbox(consumer, "inboxMissing", { ids: sent });
      const ids = missing.filter((id) => (deps.sentAgain.get(id) ?? 0) < mostTimes);
      if (ids.length === 0) continue;
      if ((await deps.waitingFor(consumer)) > mostInQueue) return false;
      log.warn("events never came and are sent again", { sender, consumer, events: ids.length });
      await peers.outbox(sender, "outboxRepublish", { ids });
      for (const id of ids) remember(deps.sentAgain, id);
    }
  }
  return true;
}

function remember(sentAgain: Map<string, number>, id: string): void {
  sentAgain.set(id, (sentAgain.get(id) ?? 0) + 1);
  const [oldest] = sentAgain.keys();
  if (sentAgain.size > mostRemembered && oldest !== undefined) sentAgain.delete(oldest);
}

export const waitingOver =
  (url: string): HealingDeps["waitingFor"] =>
  (consumer) =>
    withChannel({ url, purpose: "ops", withinMs: brokerWithinMs }, async (channel) => {
      await declareTopology(channel);
      return (await channel.checkQueue(queueOf(consumer))).messageCount;
    });
