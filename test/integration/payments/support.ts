import type { Database } from "../../../lib/database.ts";
import { codeOf } from "../../../lib/errors.ts";
import { newId } from "../../../lib/ids.ts";
import { openOutbox } from "../../../lib/outbox.ts";
import type { Deps } from "../../../services/payments/deps.ts";
import type { NewPayment, Payment } from "../../../services/payments/payment.ts";
import { paymentsRepository } from "../../../services/payments/payments.repository.ts";
import { providerEventsRepository } from "../../../services/payments/provider-events.repository.ts";
import {
  ProviderUnavailable,
  type ChargeRequest,
  type ChargeResult,
  type PaymentProvider,
} from "../../../services/payments/providers/provider.ts";
import { providerDirectory } from "../../../services/payments/providers/providers.ts";
import { refundsRepository } from "../../../services/payments/refunds.repository.ts";

/** A provider in memory, with the promises of a real one: what a key did once it never does again. */
export interface FakeProvider extends PaymentProvider {
  charges: Map<string, ChargeResult>;
  refunds: Map<string, number>;
  /** What was asked of it, in order. */
  asked: string[];
  /** Errors for the next questions, before they take effect. */
  before: Error[];
  /** Errors for the next questions, after they took effect. */
  after: Error[];
  /** The state of charges made from now on. */
  status: ChargeResult["status"];
}

export function fakeProvider(): FakeProvider {
  const take = async <T>(question: string, work: () => T): Promise<T> => {
    fake.asked.push(question);
    const refused = fake.before.shift();
    if (refused) throw refused;
    const answer = work();
    const lost = fake.after.shift();
    if (lost) throw lost;
    return answer;
  };
  const fake: FakeProvider = {
    name: "sandbox",
    charges: new Map(),
    refunds: new Map(),
    asked: [],
    before: [],
    after: [],
    status: "succeeded",
    charge: (request) =>
      take("charge", () => {
        const made = fake.charges.get(request.paymentId) ?? resultOf(request, fake.status);
        fake.charges.set(request.paymentId, made);
        return made;
      }),
    find: ({ paymentId }) => take("find", () => fake.charges.get(paymentId) ?? null),
    void: ({ paymentId }) =>
      take("void", () => {
        const made = fake.charges.get(paymentId) ?? resultOf({ paymentId, amountCents: 0, currency: "XXX" }, "pending");
        const ended = made.status === "pending" ? { ...made, status: "voided" as const } : made;
        fake.charges.set(paymentId, ended);
        return ended;
      }),
    refund: ({ refundId, amountCents }) =>
      take("refund", () => {
        fake.refunds.set(refundId, amountCents);
        return { ref: `re_${refundId}` };
      }),
    parseWebhook() {
      throw new Error("this test sends no webhooks");
    },
    methods: ["card"],
    audited: { most: 100, forMs: Infinity },
    journal() {
      throw new Error("this test audits nothing");
    },
  };
  return fake;
}

export const resultOf = (
  { paymentId, amountCents, currency }: Pick<ChargeRequest, "paymentId" | "amountCents" | "currency">,
  status: ChargeResult["status"],
): ChargeResult => ({
  provider: "sandbox",
  paymentId,
  ref: `ch_${paymentId}`,
  status,
  failureCode: status === "failed" ? "card_declined" : null,
  redirectUrl: null,
  amountCents,
  currency,
});

export const noAnswer = (): Error => new ProviderUnavailable("no answer");
export const serverError = (): Error => new ProviderUnavailable("answered 500", { answered: true });

export interface World {
  deps: Deps;
  provider: FakeProvider;
  logged: string[];
  /** Moves the clock. */
  pass(ms: number): void;
}

/** The use cases' collaborators over a real store, a provider in memory, and a clock that stands still. */
export function world(db: Database): World {
  let nowMs = Date.now();
  const logged: string[] = [];
  const write = (event: string): void => void logged.push(event);
  const now = (): number => nowMs;
  const provider = fakeProvider();
  const payments = paymentsRepository(
    db,
    openOutbox(db, "payments", () => {}, now),
  );
  const deps: Deps = {
    payments,
    refunds: refundsRepository(db, payments),
    events: providerEventsRepository(db),
    providers: providerDirectory(provider),
    newId,
    now,
    continuing: (_payment, _name, work) => work(),
    log: { info: write, warn: write, error: write },
  };
  return { deps, provider, logged, pass: (ms) => (nowMs += ms) };
}

export const newPayment = (fields: Partial<NewPayment> = {}): NewPayment => ({
  id: newId(),
  orderId: newId(),
  customerId: newId(),
  provider: "sandbox",
  method: "card",
  token: null,
  dedupKey: null,
  amountCents: 1_000,
  currency: "GBP",
  ...fields,
});

export const input = (fields: object = {}) => ({
  orderId: newId(),
  customerId: newId(),
  amountCents: 1_000,
  currency: "GBP",
  method: "card" as const,
  ...fields,
});

export async function ledger(db: Database, orderId: string): Promise<number[]> {
  const rows = await db.select<{ amount_cents: number | string }>(
    "SELECT amount_cents FROM payment_ledger WHERE order_id = ? ORDER BY amount_cents",
    [orderId],
  );
  return rows.map(({ amount_cents }) => Number(amount_cents));
}

/** The types of a payment's events, by their sequence, which must count 1, 2, 3 … */
export async function facts(db: Database, { id }: Pick<Payment, "id">): Promise<string[]> {
  const rows = await db.select<{ type: string; sequence: number | string }>(
    "SELECT type, sequence FROM outbox WHERE subject = ? ORDER BY sequence",
    [id],
  );
  expect(rows.map(({ sequence }) => Number(sequence))).toEqual(rows.map((_, i) => i + 1));
  return rows.map(({ type }) => type);
}

/** How the promises of `all` ended: their values, and the codes of the refusals. */
export async function endings<T>(all: readonly Promise<T>[]): Promise<{ values: T[]; codes: unknown[] }> {
  const settled = await Promise.allSettled(all);
  return {
    values: settled.filter((each) => each.status === "fulfilled").map((each) => each.value),
    codes: settled
      .filter((each) => each.status === "rejected")
      .map((each) => codeOf(each.reason) ?? (each.reason as unknown)),
  };
}
