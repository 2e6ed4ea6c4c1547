import { Type, type Static } from "@sinclair/typebox";
import { action, type TypesOf } from "./action.ts";
import { audit, hasten } from "./audit.ts";
import { closed, Id, NoParams, nullable, Time } from "./shapes.ts";

// What every service with an inbox or an outbox answers about it, beside the actions of its own contract: the mixins
// bring these, so `orders.outboxState` and `payments.outboxState` are the same action of two services.

const Count = Type.Integer({ minimum: 0 });
const page = { minimum: 1, maximum: 1000 };

export const OutboxRow = Type.Object(
  {
    id: Id,
    type: Type.String(),
    subject: Type.String(),
    sequence: Type.Integer(),
    createdAt: Time,
    publishedAt: nullable(Time),
    attempts: Count,
    lastError: nullable(Type.String()),
  },
  closed,
);
export type OutboxRow = Static<typeof OutboxRow>;

export const InboxRow = Type.Object(
  {
    id: Id,
    type: Type.String(),
    subject: Type.String(),
    sequence: Type.Integer(),
    time: Time,
    status: Type.Union([Type.Literal("WAITING"), Type.Literal("APPLIED"), Type.Literal("DEAD")]),
    attempts: Count,
    receivedAt: Time,
    appliedAt: nullable(Time),
    /** When it is tried next; of a dead letter, when it died. */
    dueAt: Time,
    lastError: nullable(Type.String()),
  },
  closed,
);
export type InboxRow = Static<typeof InboxRow>;

const CountsByType = Type.Object({ counts: Type.Record(Type.String(), Count), next: nullable(Type.String()) }, closed);
const After = Type.Object({ after: nullable(Id) }, closed);

export const outboxActions = {
  outboxState: action({
    summary: "What has not left yet: how many rows, since when, and why the oldest have not",
    access: "internal",
    params: NoParams,
    result: Type.Object({ rows: Count, oldestAt: nullable(Time), oldest: Type.Array(OutboxRow) }, closed),
    retryable: true,
  }),
  outboxOf: action({
    summary: "Every event about these subjects, in order",
    access: "internal",
    params: Type.Object({ subjects: Type.Array(Id, { maxItems: 100 }) }, closed),
    result: Type.Array(OutboxRow),
    retryable: true,
  }),
  outboxPublished: action({
    summary: "Ids and types of published events, by id",
    access: "internal",
    params: Type.Object({ after: nullable(Id), limit: Type.Integer(page) }, closed),
    result: Type.Array(Type.Object({ id: Id, type: Type.String() }, closed)),
    timeoutMs: 30_000,
    retryable: true,
  }),
  outboxPublishedIn: action({
    summary: "Ids and types of the events published after one time and until another, in milliseconds, by id",
    access: "internal",
    params: Type.Object(
      { afterMs: Type.Integer(), untilMs: Type.Integer(), after: nullable(Id), limit: Type.Integer(page) },
      closed,
    ),
    result: Type.Array(Type.Object({ id: Id, type: Type.String() }, closed)),
    retryable: true,
  }),
  outboxSince: action({
    summary: "Events after an id, published or not, by id",
    access: "internal",
    params: Type.Object({ after: Id, limit: Type.Integer(page) }, closed),
    result: Type.Array(OutboxRow),
    retryable: true,
  }),
  outboxCounts: action({
    summary: "How many events of each type were sent, published or not, of a page of them by id",
    access: "internal",
    params: After,
    result: CountsByType,
    timeoutMs: 30_000,
    retryable: true,
  }),
  outboxRepublish: action({
    summary: "Send published events once more, because a consumer lacks them; those who have them ignore them",
    access: "internal",
    params: Type.Object({ ids: Type.Array(Id, { maxItems: 1000 }) }, closed),
    result: Count,
    timeoutMs: 10_000,
    retryable: true,
  }),
  outboxAudit: audit(),
  outboxHasten: hasten("publishing"),
};
export type OutboxActions = TypesOf<typeof outboxActions>;

export const inboxActions = {
  inboxState: action({
    summary: "What was not applied: how many events wait, since when, and how many are dead",
    access: "internal",
    params: NoParams,
    result: Type.Object(
      { waiting: Count, dead: Count, oldestAt: nullable(Time), oldestWaiting: Type.Array(InboxRow) },
      closed,
    ),
    retryable: true,
  }),
  inboxOf: action({
    summary: "What came about these subjects, in order",
    access: "internal",
    params: Type.Object({ subjects: Type.Array(Id, { maxItems: 100 }) }, closed),
    result: Type.Array(InboxRow),
    retryable: true,
  }),
  inboxMissing: action({
    summary: "Which of these events never came",
    access: "internal",
    params: Type.Object({ ids: Type.Array(Id, { maxItems: 1000 }) }, closed),
    result: Type.Array(Id),
    timeoutMs: 30_000,
    retryable: true,
  }),
  inboxCounts: action({
    summary: "How many events of each type came, of a page of them by id",
    access: "internal",
    params: After,
    result: CountsByType,
    timeoutMs: 30_000,
    retryable: true,
  }),
  deadLetters: action({
    summary: "Dead letters, newest event first",
    access: "internal",
    params: Type.Object(
      { before: nullable(Id), orEqual: Type.Boolean(), limit: Type.Integer({ minimum: 1, maximum: 101 }) },
      closed,
    ),
    result: Type.Array(InboxRow),
    retryable: true,
  }),
  inboxEvent: action({
    summary: "One event that came, or null",
    access: "internal",
    params: Type.Object({ id: Id }, closed),
    result: nullable(InboxRow),
    retryable: true,
  }),
  redrive: action({
    summary: "Let a dead letter be tried again from the start; false when there is none of this id",
    access: "internal",
    params: Type.Object({ id: Id, by: Type.String({ maxLength: 64 }) }, closed),
    result: Type.Boolean(),
    retryable: true,
  }),
  inboxHasten: hasten("applying"),
};
export type InboxActions = TypesOf<typeof inboxActions>;
