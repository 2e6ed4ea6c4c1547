import type { Explanation } from "../../contracts/ops.ts";
import type { InboxRow, OutboxRow } from "../../contracts/queues.ts";
import { messageOf, notFound } from "../../lib/errors.ts";
import type { Clock } from "../../lib/ids.ts";
import { nextStepOf } from "./next-step.ts";
import { consumers, consumersOf, type Peers, type Sender } from "./peers.ts";

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

  const dossier = await peers.call("orders.dossier", { id });
  if (!dossier) throw notFound("order");
  const [money, reservation, notifications] = await Promise.all([
    orElse("payments", peers.call("payments.dossier", { orderId: id }), noPayments),
    orElse("inventory", peers.call("inventory.reservation", { orderId: id }), null),
    orElse("notify", peers.call("notify.dossier", { orderId: id }), []),
  ]);
  const paymentIds = money.payments.map((payment) => payment.id);
  const subjects = [id, ...paymentIds].slice(0, 100);
  const sent = (sender: Sender, of: string[]): Promise<OutboxRow[]> =>
    orElse(sender, peers.outbox(sender, "outboxOf", { subjects: of }), []);
  const [ordersEvents, paymentsEvents, ...received] = await Promise.all([
    sent("orders", [id]),
    sent("payments", paymentIds.slice(0, 100)),
    ...consumers.map(async (consumer) => {
      const rows = await orElse<InboxRow[] | null>(consumer, peers.inbox(consumer, "inboxOf", { subjects }), null);
      return { consumer, rows: rows && new Map(rows.map((row) => [row.id, row])) };
    }),
  ]);

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
