import type { AuditLogActions, LogKeeper } from "../../contracts/audit-log.ts";
import type { Bus } from "../../contracts/bus.ts";
import { subscriptions, type Consumer, type EventType } from "../../contracts/events.ts";
import type { InboxActions, OutboxActions } from "../../contracts/queues.ts";

/** The services with an outbox, by what their events are about. */
export const senders = ["users", "orders", "payments"] as const;
export type Sender = (typeof senders)[number];

export const consumers = Object.keys(subscriptions) as Consumer[];

/** The services that check their own tables. */
export const auditors = ["inventory", "orders", "payments", "notify"] as const;
export type Auditor = (typeof auditors)[number];

export const consumersOf = (type: string): Consumer[] =>
  consumers.filter((consumer) => (subscriptions[consumer] as readonly string[]).includes(type));

export const typesHeardBy = (consumer: Consumer): readonly EventType[] => subscriptions[consumer];

/** The other services, as an operator asks them: each has the same questions about its inbox and its outbox. */
export interface Peers extends Bus {
  outbox<N extends keyof OutboxActions>(
    sender: Sender,
    name: N,
    params: OutboxActions[N]["params"],
  ): Promise<OutboxActions[N]["result"]>;
  auditEntries(
    keeper: LogKeeper,
    params: AuditLogActions["auditEntries"]["params"],
  ): Promise<AuditLogActions["auditEntries"]["result"]>;
  inbox<N extends keyof InboxActions>(
    consumer: Consumer,
    name: N,
    params: InboxActions[N]["params"],
  ): Promise<InboxActions[N]["result"]>;
}

export function peersOver(bus: Bus): Peers {
  const untyped = bus as unknown as { call(name: string, params: unknown): Promise<never> };
  return {
    call: (name, ...args) => bus.call(name, ...args),
    outbox: (sender, name, params) => untyped.call(`${sender}.${name}`, params),
    auditEntries: (keeper, params) => untyped.call(`${keeper}.auditEntries`, params),
    inbox: (consumer, name, params) => untyped.call(`${consumer}.${name}`, params),
  };
}
