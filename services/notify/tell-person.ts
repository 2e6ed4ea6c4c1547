import type { Delivery } from "../../contracts/bus.ts";
import type { Database } from "../../lib/database.ts";
import { isUniqueViolation } from "../../lib/database-errors.ts";
import { reach } from "../../lib/failpoints.ts";
import { recordDeliveries } from "../../lib/inbox.ts";
import { groupCommit } from "../../lib/group-commit.ts";
import { currentTraceparent } from "../../lib/request-context.ts";
import type { Contacts } from "./contacts.ts";
import type { Arrived } from "./deliveries.repository.ts";
import type { NotificationsRepository } from "./notifications.repository.ts";
import type { Sender } from "./send-deliveries.ts";
import { compose, type NotifiedEvent, type Telling } from "./telling.ts";
import type { Told } from "./write-tellings.ts";

export interface TellDeps {
  db: Database;
  contacts: Contacts;
  notifications: NotificationsRepository;
  newId: () => string;
  now: () => number;
  /** Called after the commit with what is new, by whom it is for. */
  onTold: (notified: Told["notified"]) => void;
  sender: Pick<Sender, "claim" | "take">;
  /** Called after the commit with each message that has arrived by it. */
  onArrived: (message: Arrived) => void;
  /** Called after each commit, when there may be something to send. */
  onCommitted: () => void;
}

interface Entry {
  delivery: Delivery;
  telling: Telling | null;
}

const mostInGroup = 100;

/**
 * Tells a person of an event: asks who it is and how to reach them, then records the event and writes all that is to be
 * told in one transaction, which it shares with the events that come at the same time. Rejects when a neighbour cannot
 * be asked, before anything is written.
 */
export function tellerOf(deps: TellDeps): (event: NotifiedEvent, delivery: Delivery) => Promise<void> {
  const group = groupCommit<Entry, void>({
    most: mostInGroup,
    // events wait in the inbox, and a refused one would only come again
    longest: Infinity,
    async run(entries) {
      await writeGroup(deps, entries);
      return entries.map(() => undefined);
    },
  });
  return async (event, delivery) => group.submit({ delivery, telling: await tellingOf(deps, event) });
}

async function writeGroup(
  { db, notifications, sender, now, onTold, onArrived, onCommitted }: TellDeps,
  entries: readonly Entry[],
): Promise<void> {
  // the order of their ids is that of their making, and one in which two nodes with the same events lock the same rows
  const inOrder = entries.toSorted((a, b) => (a.delivery.eventId < b.delivery.eventId ? -1 : 1));
  const claim = sender.claim();
  const write = (looks: boolean): Promise<Told> =>
    db.transaction(async (tx) => {
      const fresh = await recordDeliveries(
        tx,
        inOrder.map(({ delivery }) => delivery),
      );
      const tellings = inOrder.flatMap(({ delivery, telling }) => (fresh.has(delivery) && telling ? [telling] : []));
      return notifications.tell(tx, tellings, now(), { claim, looks });
    });
  // an event that is new in the inbox was told before only where the inbox was not what it is now
  const { notified, claimed, arrived, left } = await write(false).catch((error: unknown) => {
    if (isUniqueViolation(error)) return write(true);
    throw error;
  });
  await reach("notify.after-commit");
  if (notified.size > 0) onTold(notified);
  arrived.forEach(onArrived);
  sender.take(claimed, claim.untilMs, left);
  if (claimed.length + left > 0) onCommitted();
}

/** What there is to tell; null when nobody is left to tell it to. */
async function tellingOf({ contacts, newId }: TellDeps, event: NotifiedEvent): Promise<Telling | null> {
  const userId = await personOf(contacts, event);
  if (userId === null) return null;
  const contact = await contacts.contactOf(userId, Date.parse(event.time));
  return contact && { ...compose(event, contact, newId), traceparent: currentTraceparent() };
}

async function personOf(contacts: Contacts, { data }: NotifiedEvent): Promise<string | null> {
  if ("customerId" in data) {
    if ("orderId" in data) contacts.isCustomerOf(data.customerId, data.orderId);
    return data.customerId;
  }
  if ("userId" in data) return data.userId;
  return contacts.customerOf(data.orderId);
}
