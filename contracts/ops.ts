import { Type, type Static } from "@sinclair/typebox";
import { action, type TypesOf } from "./action.ts";
import { AuditEntry, auditFilter } from "./audit-log.ts";
import { GatewayRates } from "./gateway.ts";
import { Delivered } from "./notify.ts";
import { Order, OrderRefund, StoredAnswer } from "./orders.ts";
import { Payment, PaymentCheck, PaymentRefund, TimelineEntry } from "./payments.ts";
import { InboxRow, OutboxRow } from "./queues.ts";
import { LiveChange, LiveReport, StoredSettings } from "./settings.ts";
import { ById, closed, Id, listOf, NoParams, nullable, pageOf, pageParams, Time } from "./shapes.ts";

const Count = Type.Integer({ minimum: 0 });

export const NodeView = Type.Object(
  {
    id: Type.String(),
    services: Type.Array(Type.String()),
    available: Type.Boolean(),
    cpu: nullable(Type.Number({ description: "percent" })),
    uptimeSeconds: nullable(Type.Integer()),
    version: nullable(Type.String()),
    hostname: nullable(Type.String()),
  },
  closed,
);
export type NodeView = Static<typeof NodeView>;

export const DoctorCheck = Type.Object(
  {
    id: Type.String({ description: "of the invariant: I2 … I8" }),
    title: Type.String(),
    ok: Type.Boolean(),
    checked: Count,
    violations: Count,
    examples: Type.Array(Type.String()),
    problem: nullable(Type.String({ description: "why this could not be checked" })),
  },
  closed,
);
export type DoctorCheck = Static<typeof DoctorCheck>;

export const DoctorReport = Type.Object({ ok: Type.Boolean(), at: Time, checks: Type.Array(DoctorCheck) }, closed);
export type DoctorReport = Static<typeof DoctorReport>;

export const DeadLetter = Type.Object(
  {
    id: Id,
    consumer: Type.String(),
    event: Type.Object({ type: Type.String(), subject: Type.String(), sequence: Type.Integer(), time: Time }, closed),
    reason: nullable(Type.String()),
    attempts: Count,
    at: Time,
  },
  closed,
);
export type DeadLetter = Static<typeof DeadLetter>;

const Redriven = Type.Object({ id: Id, consumers: Type.Array(Type.String()), status: Type.Literal("WAITING") }, closed);

export const QueueDepth = Type.Object({ name: Type.String(), messages: Count }, closed);
export type QueueDepth = Static<typeof QueueDepth>;

const OutboxState = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        { service: Type.String(), rows: Count, oldestAt: nullable(Time), oldest: Type.Array(OutboxRow) },
        closed,
      ),
    ),
    queues: nullable(
      Type.Array(QueueDepth, {
        description: "of the message broker; what is in a `.dead` one can only be counted, not looked at, from here",
      }),
    ),
    queuesProblem: nullable(Type.String({ description: "why the message broker's queues could not be counted" })),
  },
  closed,
);

export const NextStep = Type.Object(
  {
    action: Type.Union([
      Type.Literal("redrive"),
      Type.Literal("publish"),
      Type.Literal("apply"),
      Type.Literal("expire"),
      Type.Literal("reconcile"),
      Type.Literal("approve"),
      Type.Literal("refund"),
      Type.Literal("release"),
      Type.Literal("deliver"),
      Type.Literal("look"),
    ]),
    target: Type.String({ description: "the id of what to act on" }),
    why: Type.String(),
  },
  closed,
);
export type NextStep = Static<typeof NextStep>;

const Reservation = Type.Object(
  {
    orderId: Id,
    status: Type.String(),
    expiresAt: Time,
    lines: Type.Array(Type.Object({ sku: Type.String(), quantity: Type.Integer() }, closed)),
  },
  closed,
);

export const Explanation = Type.Object(
  {
    order: Order,
    history: Type.Array(TimelineEntry),
    reservation: nullable(Reservation),
    payments: Type.Array(Payment),
    paymentChecks: Type.Array(PaymentCheck),
    paymentHistory: Type.Array(TimelineEntry),
    refunds: Type.Array(OrderRefund),
    paymentRefunds: Type.Array(PaymentRefund),
    events: Type.Array(
      Type.Object(
        {
          ...OutboxRow.properties,
          service: Type.String(),
          consumers: Type.Array(
            Type.Object(
              {
                consumer: Type.String(),
                status: Type.Union([InboxRow.properties.status, Type.Literal("NOT_RECEIVED")]),
                attempts: Count,
                appliedAt: nullable(Time),
                lastError: nullable(Type.String()),
              },
              closed,
            ),
          ),
        },
        closed,
      ),
    ),
    notifications: Type.Array(Delivered),
    answers: Type.Array(StoredAnswer),
    unknown: Type.Array(Type.String(), { description: "what could not be asked, and why" }),
    nextStep: nullable(NextStep),
  },
  closed,
);
export type Explanation = Static<typeof Explanation>;

const latencies = { p50Ms: nullable(Type.Number()), p99Ms: nullable(Type.Number()) };

export const LiveView = Type.Object(
  {
    at: Time,
    seconds: Type.Array(
      Type.Object(
        { at: Time, ok: Count, refused: Count, failed: Count, ...latencies },
        { ...closed, description: "one that had no request is left out" },
      ),
    ),
    actions: Type.Array(
      Type.Object(
        {
          action: Type.String(),
          perSecond: Type.Number({ description: "over the last minute" }),
          refusedShare: Type.Number(),
          failedShare: Type.Number(),
          ...latencies,
        },
        closed,
      ),
    ),
    gateways: Type.Array(
      Type.Object(
        {
          node: Type.String(),
          underWay: Count,
          most: Type.Integer({ description: "requests that it may have under way now" }),
          loopDelayMs: Type.Number(),
          openBreakers: GatewayRates.properties.openBreakers,
        },
        closed,
      ),
    ),
    silent: Type.Array(Type.String(), { description: "gateways that did not answer in time" }),
  },
  closed,
);
export type LiveView = Static<typeof LiveView>;

export const opsActions = {
  "ops.live": action({
    summary: "Requests, times and failures of the last minute, by second and by action, over all gateways",
    access: "admin",
    params: NoParams,
    result: LiveView,
  }),
  "ops.nodes": action({ summary: "The nodes that run", access: "admin", params: NoParams, result: listOf(NodeView) }),
  "ops.doctor": action({
    summary: "Check every invariant over all services",
    access: "admin",
    params: NoParams,
    result: DoctorReport,
    timeoutMs: 600_000,
  }),
  "ops.explain": action({
    summary: "All that is known of an order, and the one step that would unblock it",
    access: "admin",
    params: ById,
    result: Explanation,
    timeoutMs: 10_000,
  }),
  "ops.deadLetters": action({
    summary: "Events that a consumer gave up on, newest first",
    access: "admin",
    params: Type.Object(pageParams, closed),
    result: pageOf(DeadLetter),
  }),
  "ops.redrive": action({
    summary: "Let a dead letter be tried again from the start, by each consumer that gave it up",
    access: "admin",
    params: ById,
    result: Redriven,
    refusals: ["NOT_A_DEAD_LETTER"],
  }),
  "ops.auditLog": action({
    summary: "Who did what, newest first: log-ins, access, passwords, refunds, stock, keys, data, what was refused",
    access: "admin",
    params: Type.Object({ ...pageParams, ...auditFilter }, closed),
    result: pageOf(AuditEntry),
  }),
  "ops.outbox": action({
    summary: "Events that have not left their service, and the message broker's queues",
    access: "admin",
    params: NoParams,
    result: OutboxState,
  }),
  "ops.config": action({
    summary: "The settings that can be changed while nodes run, as this node has them",
    access: "admin",
    params: NoParams,
    result: LiveReport,
  }),
  "ops.setConfig": action({
    summary: "Change settings of all nodes within a second, also for nodes that join later; null takes one back",
    access: "admin",
    params: LiveChange,
    result: LiveReport,
  }),
  "ops.settings": action({
    summary: "What was set for all nodes",
    access: "internal",
    params: NoParams,
    result: StoredSettings,
    timeoutMs: 1_000,
    retryable: true,
  }),
  "ops.hasten": action({
    summary: "Have every service do now what is due or waits for its next try",
    access: "internal",
    params: NoParams,
    result: Type.Object(
      {
        hastened: Type.Array(Type.String()),
        problems: Type.Array(Type.String()),
        republished: Type.Integer({ description: "events that are sent once more, because a consumer lacked them" }),
      },
      closed,
    ),
    timeoutMs: 600_000,
  }),
};
export type OpsActions = TypesOf<typeof opsActions>;
