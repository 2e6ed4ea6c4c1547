import type { Consumer } from "../../contracts/events.ts";
import type { Explanation } from "../../contracts/ops.ts";
import type { InboxRow, OutboxRow } from "../../contracts/queues.ts";
import { messageOf, notFound } from "../../lib/errors.ts";
import type { Clock } from "../../lib/ids.ts";
import { nextStepOf } from "./next-step.ts";
import { consumers, consumersOf, typesHeardBy, type Peers, type Sender } from "./peers.ts";

/** As many subjects as may be asked for at once, and the order is one. */
const mostPayments = 99;

const noPayments = { payments: [], refunds: [], checks: [], history: [] };

/** All that any service knows of an order. A service that cannot be asked is named in `unknown`, and left out. */
export async function explainOrder(peers: Peers, id: string, now: Clock): Promise<Explanation> {
  const unknown: string[] = [];
  const orElse = async <T>(service: string, question: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await question;
    } catch (error) {
      unknown.push(`${service}: ${messageOf(error)}`);
      return otherwise;
    }
  };

  const sent = async (sender: Sender, subjects: readonly string[]): Promise<OutboxRow[]> =>
    subjects.length === 0 ? [] : orElse(sender, peers.outbox(sender, "outboxOf", { subjects: [...subjects] }), []);
  // everything is asked at once; only what is found by a payment's id waits for the payments
  const asked = orElse("payments", peers.call("payments.dossier", { orderId: id }), noPayments);
  const paymentIds = asked.then(({ payments }) => payments.map((payment) => payment.id).slice(0, mostPayments));
  const receipts = async (consumer: Consumer) => {
    const subjects = [
      ...(hears(consumer, "order.") ? [id] : []),
      ...(hears(consumer, "payment.") ? await paymentIds : []),
    ];
    if (subjects.length === 0) return { consumer, rows: new Map<string, InboxRow>() };
    const rows = await orElse<InboxRow[] | null>(consumer, peers.inbox(consumer, "inboxOf", { subjects }), null);
    return { consumer, rows: rows && new Map(rows.map((row) => [row.id, row])) };
  };
  const [dossier, money, reservation, notifications, ordersEvents, paymentsEvents, received] = await Promise.all([
    peers.call("orders.dossier", { id }),
    asked,
    orElse("inventory", peers.call("inventory.reservation", { orderId: id }), null),
    orElse("notify", peers.call("notify.dossier", { orderId: id }), []),
    sent("orders", [id]),
    paymentIds.then((ids) => sent("payments", ids)),
    Promise.all(consumers.map(receipts)),
  ]);
  if (!dossier) throw notFound("order");

  const eventsOf = (service: Sender, rows: readonly OutboxRow[]): Explanation["events"] =>
    rows.map((row) => ({
      ...row,
      service,
      consumers: received.flatMap(({ consumer, rows: inbox }) => {
        if (inbox === null || !consumersOf(row.type).includes(consumer)) return [];
        const { status = "NOT_RECEIVED", attempts = 0, appliedAt = null, lastError = null } = inbox.get(row.id) ?? {};
        return [{ consumer, status, attempts, appliedAt, lastError }];
      }),
    }));
  const events = [...eventsOf("orders", ordersEvents), ...eventsOf("payments", paymentsEvents)];
  const known = {
    order: dossier.order,
    history: dossier.history,
    reservation,
    payments: money.payments,
    paymentChecks: money.checks,
    paymentHistory: money.history,
    refunds: dossier.refunds,
    paymentRefunds: money.refunds,
    events: events.sort((a, b) => (a.id < b.id ? -1 : 1)),
    notifications,
    answers: dossier.answers,
    unknown: [...new Set(unknown)],
  };
  return { ...known, nextStep: nextStepOf(known, now()) };
}

const hears = (consumer: Consumer, of: "order." | "payment."): boolean =>
  typesHeardBy(consumer).some((type) => type.startsWith(of));
