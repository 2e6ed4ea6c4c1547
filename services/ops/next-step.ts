import type { Explanation, NextStep } from "../../contracts/ops.ts";

/** What is known of an order, before anybody said what to do. */
export type Known = Omit<Explanation, "nextStep">;

/** What takes no longer than this is under way. */
const patienceMs = 5_000;

const paid: readonly string[] = ["PAID", "SHIPPED", "COMPLETED", "REFUNDED"];

type Rule = (known: Known, now: number) => NextStep | null;

const isOver = (time: string, now: number): boolean => Date.parse(time) + patienceMs < now;

/** A consumer gave an event up: whatever follows from it waits for that. */
const deadLetter: Rule = ({ events }) => {
  for (const { id, type, consumers } of events) {
    const dead = consumers.find(({ status }) => status === "DEAD");
    if (dead) {
      return {
        action: "redrive",
        target: id,
        why: `${dead.consumer} gave ${type} up after ${dead.attempts} tries: ${dead.lastError ?? "unknown error"}`,
      };
    }
  }
  return null;
};

const unpublished: Rule = ({ events }, now) => {
  const stuck = events.find(({ publishedAt, createdAt }) => publishedAt === null && isOver(createdAt, now));
  if (!stuck) return null;
  const { id, type, service, lastError } = stuck;
  return { action: "publish", target: id, why: `${type} has not left ${service}: ${lastError ?? "not tried yet"}` };
};

const unapplied: Rule = ({ events }, now) => {
  for (const { id, type, publishedAt, consumers } of events) {
    if (publishedAt === null || !isOver(publishedAt, now)) continue;
    const behind = consumers.find(({ status }) => status === "WAITING" || status === "NOT_RECEIVED");
    if (!behind) continue;
    const { consumer, status, lastError } = behind;
    if (status === "WAITING") {
      return {
        action: "apply",
        target: id,
        why: `${consumer} has not applied ${type}: ${lastError ?? "not tried yet"}`,
      };
    }
    return { action: "look", target: id, why: `${type} was published and never came to ${consumer}` };
  }
  return null;
};

const overdue: Rule = ({ order, payments }, now) =>
  order.status === "CREATED" && isOver(order.expiresAt, now) && !payments.some(({ status }) => status === "SUCCEEDED")
    ? { action: "expire", target: order.id, why: `it was to be paid by ${order.expiresAt} and has not expired` }
    : null;

const openPayment: Rule = ({ order, payments, paymentChecks }, now) => {
  const open = payments.find(({ status }) => status === "PENDING");
  if (!open || paid.includes(order.status)) return null;
  const { id, redirectUrl, createdAt } = open;
  if (redirectUrl !== null)
    return { action: "approve", target: id, why: `the customer has to decide at ${redirectUrl}` };
  if (!isOver(createdAt, now)) return null;
  const checks = paymentChecks.find(({ paymentId }) => paymentId === id)?.checks ?? 0;
  return { action: "reconcile", target: id, why: `the provider was asked ${checks} times and has not decided` };
};

const conflict: Rule = ({ paymentChecks }) => {
  const odd = paymentChecks.find((check) => check.conflict !== null);
  return odd
    ? { action: "look", target: odd.paymentId, why: `the provider says what does not fit: ${odd.conflict ?? ""}` }
    : null;
};

const refund: Rule = ({ refunds, paymentRefunds }, now) => {
  const refused = refunds.find(({ status }) => status === "REFUSED");
  const done = (paymentId: string): boolean =>
    refunds.some((other) => other.paymentId === paymentId && other.status === "DONE");
  if (refused && !done(refused.paymentId)) {
    const why = `the provider refused to return ${refused.amountCents}: ${refused.lastError ?? "unknown reason"}`;
    return { action: "look", target: refused.id, why };
  }
  const waiting = refunds.find(({ status, dueAt }) => status === "REQUESTED" && isOver(dueAt, now));
  const tried = refunds.find(({ status, attempts }) => status === "REQUESTED" && attempts > 0);
  const sent = paymentRefunds.find(({ status, attempts }) => status === "REQUESTED" && attempts > 0);
  const open = waiting ?? tried;
  if (open) return { action: "refund", target: open.id, why: `its refund waits: ${open.lastError ?? "not tried yet"}` };
  return sent ? { action: "refund", target: sent.id, why: "the provider could not be reached with its refund" } : null;
};

/** Money came, every event of it was applied, and the order neither has it nor returns it. */
const strayMoney: Rule = ({ order, payments, refunds }, now) => {
  const stray = payments.find(
    ({ id, status, amountCents, refundedCents, settledAt }) =>
      status === "SUCCEEDED" &&
      order.paymentId !== id &&
      refundedCents < amountCents &&
      isOver(settledAt ?? order.createdAt, now) &&
      !refunds.some(({ paymentId, status: state }) => paymentId === id && state === "REQUESTED"),
  );
  return stray
    ? {
        action: "look",
        target: stray.id,
        why: `this payment succeeded and the order, ${order.status}, knows nothing of it`,
      }
    : null;
};

const hold: Rule = ({ order, reservation }, now) => {
  if (reservation?.status !== "HELD" || !isOver(reservation.expiresAt, now)) return null;
  if (order.status === "CREATED" || paid.includes(order.status)) return null;
  return { action: "release", target: order.id, why: `its stock is held though it is ${order.status}` };
};

const message: Rule = ({ notifications }, now) => {
  const failed = notifications.find(({ status }) => status === "FAILED");
  if (failed) {
    const why = `a message over ${failed.channel} could not be delivered: ${failed.lastError ?? "unknown error"}`;
    return { action: "look", target: failed.id, why };
  }
  const waiting = notifications.find(
    ({ status, createdAt, attempts }) => status === "PENDING" && attempts > 0 && isOver(createdAt, now),
  );
  return waiting
    ? {
        action: "deliver",
        target: waiting.id,
        why: `a message over ${waiting.channel} waits: ${waiting.lastError ?? "not tried yet"}`,
      }
    : null;
};

/** The first that applies: what comes earlier may be the cause of what comes later. */
const rules: readonly Rule[] = [
  deadLetter,
  unpublished,
  unapplied,
  conflict,
  refund,
  openPayment,
  strayMoney,
  overdue,
  hold,
  message,
];

/** The one step that would get an order on, or null when nothing holds it up but people who have time. */
export function nextStepOf(known: Known, now: number): NextStep | null {
  for (const rule of rules) {
    const step = rule(known, now);
    if (step) return step;
  }
  return null;
}
