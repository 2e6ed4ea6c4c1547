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
  const [own, notificationPreferences, orders, payments, notifications] = await Promise.all([
    addresses.ofUser(id),
    users.preferences(id),
    bus.call("orders.ofCustomer", { customerId: id }),
    bus.call("payments.ofCustomer", { customerId: id }),
    bus.call("notify.ofUser", { userId: id }),
  ]);
  return { profile: profileOf(user), addresses: own, notificationPreferences, orders, payments, notifications };
}
