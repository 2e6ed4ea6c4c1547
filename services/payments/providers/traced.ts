import { inSpan } from "../../../lib/request-context.ts";
import type { PaymentProvider } from "./provider.ts";

/** `provider`, with each question to it as a part of the trace under way; its client takes the trace along. */
export function traced<P extends PaymentProvider>(provider: P): P {
  const during = <T>(question: string, ask: () => Promise<T>): Promise<T> =>
    inSpan(
      () => ({
        name: `${provider.name} ${question}`,
        kind: "client",
        attributes: { "hub.payment_provider": provider.name },
      }),
      ask,
    );
  return {
    ...provider,
    charge: (request, signal) => during("charge", () => provider.charge(request, signal)),
    find: (payment, signal) => during("find", () => provider.find(payment, signal)),
    void: (payment, signal) => during("void", () => provider.void(payment, signal)),
    refund: (request, signal) => during("refund", () => provider.refund(request, signal)),
  };
}
