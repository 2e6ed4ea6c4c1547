import type { Known } from "./pages/order.tsx";

export type StoryKind = "order" | "payment" | "refund" | "event" | "delivery";

export interface StoryEntry {
  at: string;
  kind: StoryKind;
  title: string;
  /** Who or what did it. */
  by: string | null;
  detail: Record<string, unknown>;
  /** What each hearer of an event made of it. */
  hearers: { name: string; status: string; attempts: number; error: string | null }[];
  /** When an event left its service; null while it has not. Undefined of what does not leave. */
  publishedAt?: string | null;
  isBad: boolean;
}

/** All that is known of an order as one story, the oldest first: its changes, payments, events and deliveries. */
export function storyOf({
  history,
  paymentHistory,
  events = [],
  notifications = [],
  refunds = [],
}: Known): StoryEntry[] {
  const plain = { hearers: [], isBad: false };
  const entries: StoryEntry[] = [
    ...[...history, ...paymentHistory].map(({ at, type, by, detail }) => ({
      ...plain,
      at,
      kind: kindOf(type),
      title: type,
      by,
      detail,
      isBad: /failed|refused|conflict|expired/.test(type),
    })),
    ...events.map(({ type, createdAt, publishedAt, service, lastError, sequence, consumers }) => ({
      at: createdAt,
      kind: "event" as const,
      title: type,
      by: service,
      detail: { sequence, ...(lastError === null ? {} : { lastError }) },
      hearers: consumers.map(({ consumer, status, attempts, lastError: error }) => ({
        name: consumer,
        status,
        attempts,
        error,
      })),
      publishedAt,
      isBad: consumers.some(({ status }) => status === "DEAD"),
    })),
    ...notifications.map(({ createdAt, type, channel, status, attempts, lastError }) => ({
      ...plain,
      at: createdAt,
      kind: "delivery" as const,
      title: type,
      by: channel,
      detail: { status, attempts, ...(lastError === null ? {} : { lastError }) },
      isBad: status === "FAILED",
    })),
    ...refunds
      .filter(({ status }) => status !== "DONE")
      .map(({ dueAt, amountCents, reason, status, attempts, lastError }) => ({
        ...plain,
        at: dueAt,
        kind: "refund" as const,
        title: `refund ${status.toLowerCase()}`,
        by: null,
        detail: { amountCents, reason, attempts, ...(lastError === null ? {} : { lastError }) },
        isBad: status === "REFUSED",
      })),
  ];
  return entries.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

const kindOf = (type: string): StoryKind => {
  if (type.startsWith("notification.")) return "delivery";
  return type.startsWith("payment.") ? "payment" : "order";
};
