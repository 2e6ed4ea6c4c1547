import { LRUCache } from "lru-cache";
import type { Bus } from "../../contracts/bus.ts";
import type { Contact } from "../../contracts/users.ts";

/** What notify asks of its neighbours, remembered for a while and in bounds. */
export interface Contacts {
  /**
   * How to reach a person, or null when the account is erased. What is remembered is used only when it was asked for
   * at or after `asOfMs`, so that an event never meets preferences from before it happened.
   */
  contactOf(userId: string, asOfMs: number): Promise<Contact | null>;
  /** Whose order it is, or null when there is no such order. */
  customerOf(orderId: string): Promise<string | null>;
  /** Remembers whose order it is, as an event said; that never changes. */
  isCustomerOf(customerId: string, orderId: string): void;
  /** Drops what is remembered of a person. */
  forget(userId: string): void;
}

const contactTtlMs = 10_000;
const mostRemembered = 10_000;

interface Asked {
  atMs: number;
  answer: Promise<Contact | null>;
}

/** Concurrent questions about one person share one call; a call that failed is not remembered. */
export function contactsOver(bus: Bus, now: () => number = Date.now): Contacts {
  const asked = new LRUCache<string, Asked>({ max: mostRemembered, ttl: contactTtlMs });
  const customers = new LRUCache<string, string>({ max: mostRemembered });

  return {
    contactOf(userId, asOfMs) {
      const known = asked.get(userId);
      if (known && known.atMs >= asOfMs) return known.answer;
      const question: Asked = { atMs: now(), answer: bus.call("users.contact", { id: userId }) };
      asked.set(userId, question);
      question.answer.catch(() => {
        if (asked.peek(userId) === question) asked.delete(userId);
      });
      return question.answer;
    },
    async customerOf(orderId) {
      const known = customers.get(orderId);
      if (known !== undefined) return known;
      const customer = await bus.call("orders.customer", { id: orderId });
      if (customer !== null) customers.set(orderId, customer);
      return customer;
    },
    isCustomerOf(customerId, orderId) {
      customers.set(orderId, customerId);
    },
    forget(userId) {
      asked.delete(userId);
    },
  };
}
