import type { CloudEvent, EventType } from "../../../contracts/events.ts";
import type { Channel, Contact } from "../../../contracts/users.ts";
import { newId } from "../../../lib/ids.ts";
import notify from "../../../services/notify/notify.service.ts";
import type { NotifiedType } from "../../../services/notify/templates/template.ts";
import { neighbour, startBroker, type TestBroker } from "../../support/broker.ts";
import { testConfig } from "../../support/config.ts";
import { eventOf, factOf } from "../../support/notified-facts.ts";

/** notify in a real broker, with people and their orders in its neighbours. */
export interface World extends TestBroker {
  usersDown: boolean;
  ordersDown: boolean;
  asked: { action: string; params: unknown }[];
  /** Who was hinted at by notify.created. */
  hints: string[];
  person(change?: Partial<Contact>): Contact;
  prefer(person: Contact, type: NotifiedType, channels: Channel[]): void;
  /** An event about this person, of a type that says so by itself or by its order. */
  about(person: Contact, type: NotifiedType, change?: object): CloudEvent;
  erased(person: Contact): CloudEvent;
  receive(...events: CloudEvent[]): Promise<void>;
}

export async function startWorld(env: Record<string, string> = {}): Promise<World> {
  const people = new Map<string, Contact | null>();
  const buyers = new Map<string, string>();
  const hints: string[] = [];
  const users = neighbour("users", {
    contact({ id }: { id: string }) {
      if (world.usersDown) throw new Error("users is down");
      return people.get(id) ?? null;
    },
  });
  const orders = neighbour("orders", {
    customer({ id }: { id: string }) {
      if (world.ordersDown) throw new Error("orders is down");
      return buyers.get(id) ?? null;
    },
  });
  const listener = {
    name: "listener",
    events: { "notify.created": ({ params }: { params: { userId: string } }) => void hints.push(params.userId) },
  };
  const node = await startBroker([notify, users, orders, listener as never], testConfig(env));
  const world: World = {
    ...node,
    usersDown: false,
    ordersDown: false,
    asked: users.asked,
    hints,
    person(change = {}) {
      const userId = newId();
      const contact: Contact = {
        userId,
        email: `${userId.slice(-8)}@example.com`,
        name: "Ann",
        locale: "en",
        phone: null,
        preferences: { events: {} },
        ...change,
      };
      people.set(userId, contact);
      return contact;
    },
    prefer: ({ preferences }, type, channels) => void Object.assign(preferences.events, { [type]: channels }),
    about({ userId }, type, change = {}) {
      const orderId = newId();
      buyers.set(orderId, userId);
      const { data } = factOf(type);
      const whose =
        "userId" in data ? { userId } : "customerId" in data ? { orderId, customerId: userId } : { orderId };
      return eventOf({ type, data: { ...data, ...whose, ...change } }, orderId);
    },
    erased({ userId }) {
      people.set(userId, null);
      return eventOf({ type: "user.erased" satisfies EventType, data: { userId } }, userId, 2);
    },
    receive: (...events) => node.broker.call("notify.receive" as never, { events } as never),
  };
  return world;
}
