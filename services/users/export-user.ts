import { logKeepers, type AuditEntry, type AuditLogActions, type LogKeeper } from "../../contracts/audit-log.ts";
import type { Actions, Bus } from "../../contracts/bus.ts";
import type { AddressesRepository } from "./addresses.repository.ts";
import { profileOf, type User } from "./user.ts";
import type { UsersRepository } from "./users.repository.ts";

interface Deps {
  bus: Bus;
  users: UsersRepository;
  addresses: AddressesRepository;
}

/** Everything the system holds about a person, gathered from the services that hold it. */
export async function exportUser(
  { bus, users, addresses }: Deps,
  user: User,
): Promise<Actions["users.exportMe"]["result"]> {
  const { id } = user;
  const [own, preferences, orders, orderHistory, payments, notifications, messages, sessions, auditLog] =
    await Promise.all([
      addresses.ofUser(id),
      users.preferences(id),
      bus.call("orders.ofCustomer", { customerId: id }),
      bus.call("orders.historiesOf", { customerId: id }),
      bus.call("payments.ofCustomer", { customerId: id }),
      bus.call("notify.ofUser", { userId: id }),
      bus.call("notify.messagesOf", { userId: id }),
      bus.call("auth.sessionsOf", { userId: id }),
      Promise.all(logKeepers.map((keeper) => deedsOf(bus, keeper, id))),
    ]);
  const profile = profileOf(user);
  const told = { notifications, messages };
  const deeds = auditLog.flat().sort((a, b) => (a.id < b.id ? -1 : 1));
  const bought = { orders, orderHistory, payments };
  return {
    profile,
    addresses: own,
    notificationPreferences: preferences,
    ...bought,
    ...told,
    sessions,
    auditLog: deeds,
  };
}

const entriesAtOnce = 100;

/** What a person did by the audit log of one service, newest first. */
async function deedsOf(bus: Bus, keeper: LogKeeper, actor: string): Promise<AuditEntry[]> {
  // every keeper has this action by a mixin, so it is not among the typed ones
  const untyped = bus as unknown as { call(name: string, params: Entries["params"]): Promise<Entries["result"]> };
  const deeds: AuditEntry[] = [];
  for (let before: string | null = null; ; before = deeds.at(-1)?.id ?? null) {
    const page = await untyped.call(`${keeper}.auditEntries`, { actor, before, limit: entriesAtOnce });
    deeds.push(...page);
    if (page.length < entriesAtOnce) return deeds;
  }
}

type Entries = AuditLogActions["auditEntries"];
