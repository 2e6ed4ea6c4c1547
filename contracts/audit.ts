import { Type, type Static } from "@sinclair/typebox";
import { action } from "./action.ts";
import { closed, nullable } from "./shapes.ts";

/** Every rule the doctor checks: the invariant it belongs to, and what holds when all is well. */
export const checks = {
  "orders.answers": ["I2", "Every stored answer tells of an order or a payment that exists"],
  "orders.sums": ["I3", "An order's total is that of its lines; what it counts as refunded is what was refunded"],
  "orders.payments": ["I3", "Orders that were paid and payments that succeeded match; the others net to nothing"],
  "payments.ledger": ["I3", "The payment ledger has each payment and each refund, once"],
  "payments.once": ["I3", "An order has at most one payment that was not returned"],
  "payments.messages": ["I3", "Every message of a provider fits a payment"],
  "payments.journal": ["I3", "The provider's journal and our payments tell the same"],
  "stock.levels": ["I4", "Of no product is less on hand than is reserved, or less than nothing"],
  "stock.ledger": ["I4", "What is on hand is the sum of the stock ledger"],
  "stock.holds": ["I4", "What is reserved is the sum of the open holds"],
  "orders.holds": ["I4", "Stock is held for unpaid orders, sold to paid ones, and free again of all others"],
  "orders.events": ["I5", "An order's events count 1, 2, 3 … up to its last"],
  "payments.events": ["I5", "A payment's events count 1, 2, 3 … up to its last"],
  "outbox.sequences": ["I5", "The events of each subject count 1, 2, 3 …"],
  "events.received": ["I5", "Every published event is in the inbox of each of its consumers"],
  "events.known": ["I5", "No consumer knows of an event that was not sent"],
  "notify.once": ["I5", "A person was told of each event once, and only of events"],
  "notify.sequences": ["I5", "A person's notifications count 1, 2, 3 … up to their last"],
  "notify.deliveries": ["I5", "No message waits, and none of the last day was given up"],
  "orders.deadlines": ["I6", "No order waits for its payment past its deadline"],
  "orders.refunds": ["I6", "No refund waits"],
  "stock.overdue": ["I6", "No hold stays open past its time"],
  "payments.open": ["I6", "No payment stays open without an end in sight"],
  "orders.history": ["I7", "An order's history is a path of the state machine, and ends in its status"],
  "outbox.empty": ["I8", "Every event has left its service"],
  "inbox.empty": ["I8", "Every event that came was applied"],
  "inbox.dead": ["I8", "There are no dead letters"],
  "queues.empty": ["I8", "The message broker's queues are empty"],
} as const satisfies Record<string, readonly [invariant: string, title: string]>;
export type CheckName = keyof typeof checks;

/** How many examples of a violation are named. */
export const maxExamples = 20;

const Count = Type.Integer({ minimum: 0 });

export const Finding = Type.Object(
  {
    check: Type.Unsafe<CheckName>(Type.String()),
    checked: Count,
    violations: Count,
    examples: Type.Array(Type.String(), { maxItems: maxExamples }),
  },
  closed,
);
export type Finding = Static<typeof Finding>;

export const AuditPage = Type.Object({ findings: Type.Array(Finding), nextCursor: nullable(Type.String()) }, closed);
export type AuditPage = Static<typeof AuditPage>;

/** The action by which a service checks its own tables, a page at a time. */
export const audit = () =>
  action({
    summary: "What this service's tables say of the invariants, a page at a time",
    access: "internal",
    params: Type.Object({ cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })) }, closed),
    result: AuditPage,
    timeoutMs: 30_000,
    retryable: true,
  });

/** The action by which a service does at once what it would do soon. */
export const hasten = (what: string) =>
  action({
    summary: `Do now what is due or waits for its next try: ${what}`,
    access: "internal",
    params: Type.Object({}, closed),
    result: Type.Null(),
    timeoutMs: 10_000,
    retryable: true,
  });
