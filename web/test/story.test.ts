import type { TimelineEntry } from "../../contracts/payments.ts";
import type * as story from "../src/shop/story.ts";

// What a shopper reads of an order.

describe("an order's story for its customer", () => {
  let storyOf: typeof story.storyOf;

  beforeAll(async () => {
    Object.assign(globalThis, { addEventListener: () => undefined, document: { documentElement: {} } });
    ({ storyOf } = await import("../src/shop/story.ts"));
  });

  const entry = (type: string, detail: Record<string, unknown>): TimelineEntry => ({
    at: "2026-01-02T03:04:05.000Z",
    type,
    by: "somebody",
    detail,
  });
  const told = (event: string, channel: string, type = "notification.sent") => entry(type, { event, channel });
  const read = (...entries: TimelineEntry[]): string[] =>
    storyOf(entries, "GBP").map(({ title, detail }) => `${title} – ${detail}`);

  it("says once what was told over several channels", () => {
    expect(read(told("order.paid", "in_app"), told("order.paid", "email"))).toEqual([
      "You were told: Order paid – In the shop, E-mail",
    ]);
  });

  it("keeps apart what happened twice", () => {
    const failure = entry("payment.failed", { amountCents: 295, failureCode: "card_declined" });
    const twice = [failure, told("payment.failed", "in_app"), told("payment.failed", "email")];

    expect(read(...twice, ...twice)).toEqual([
      "Payment failed – £2.95 · The card was declined",
      "You were told: Payment failed – In the shop, E-mail",
      "Payment failed – £2.95 · The card was declined",
      "You were told: Payment failed – In the shop, E-mail",
    ]);
  });

  it("does not say that somebody was told before they were, or when they could not be", () => {
    expect(
      read(
        told("order.paid", "in_app"),
        told("order.paid", "sms", "notification.queued"),
        told("order.paid", "email", "notification.failed"),
      ),
    ).toEqual([
      "You were told: Order paid – In the shop",
      "We are about to tell you: Order paid – Text message",
      "We could not tell you: Order paid – E-mail",
    ]);
  });

  it("has words of its own for a reason that it does not know", () => {
    expect(read(entry("payment.failed", { failureCode: "do_not_honor" }))).toEqual([
      "Payment failed – The payment provider refused it",
    ]);
  });
});
