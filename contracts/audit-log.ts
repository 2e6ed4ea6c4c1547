import { Type, type Static } from "@sinclair/typebox";
import { action, type TypesOf } from "./action.ts";
import { closed, Id, nullable, Time } from "./shapes.ts";

/** What the audit log tells of. Reading is not among it, except of what is refused. */
export const AuditAction = Type.Union([
  Type.Literal("login"),
  Type.Literal("logout"),
  Type.Literal("token.reuse"),
  Type.Literal("registration"),
  Type.Literal("password.change"),
  Type.Literal("password.reset"),
  Type.Literal("access.change"),
  Type.Literal("access.refused"),
  Type.Literal("data.export"),
  Type.Literal("data.erase"),
  Type.Literal("key.rotation"),
  Type.Literal("stock.change"),
  Type.Literal("refund"),
  Type.Literal("redrive"),
  Type.Literal("settings.change"),
]);
export type AuditAction = Static<typeof AuditAction>;

export const AuditEntry = Type.Object(
  {
    id: Id,
    at: Time,
    service: Type.String(),
    action: AuditAction,
    actor: nullable(Type.String({ description: "a user's id; null where nobody was signed in, or the system acted" })),
    target: Type.String({ description: "what it was done to: a kind and an id" }),
    outcome: Type.Union([Type.Literal("done"), Type.Literal("refused")]),
    requestId: nullable(Type.String()),
    clientAddress: nullable(Type.String()),
    detail: Type.Record(Type.String(), Type.Unknown()),
  },
  closed,
);
export type AuditEntry = Static<typeof AuditEntry>;

export const auditFilter = {
  action: Type.Optional(AuditAction),
  actor: Type.Optional(Id),
  target: Type.Optional(Type.String({ minLength: 1, maxLength: 120, description: "all of it: `user <id>`" })),
};

/** The services with an audit log. */
export const logKeepers = ["auth", "users", "inventory", "orders", "payments", "notify", "ops"] as const;
export type LogKeeper = (typeof logKeepers)[number];

/** What each service with an audit log answers about it; a mixin brings it. */
export const auditLogActions = {
  auditEntries: action({
    summary: "The service's audit log, newest first",
    access: "internal",
    params: Type.Object(
      { ...auditFilter, before: nullable(Id), limit: Type.Integer({ minimum: 1, maximum: 101 }) },
      closed,
    ),
    result: Type.Array(AuditEntry),
    retryable: true,
  }),
};
export type AuditLogActions = TypesOf<typeof auditLogActions>;
