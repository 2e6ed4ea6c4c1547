import { notFound } from "../../../lib/errors.ts";
import { ProviderUnavailable, type PaymentProvider } from "./provider.ts";

export interface Providers {
  /** The provider that new payments are made with. */
  readonly current: PaymentProvider;
  /** The provider that a payment was made with. */
  named(name: string): PaymentProvider;
  /** The provider that somebody outside names; unknown ones do not exist. */
  addressed(name: string): PaymentProvider;
  readonly all: readonly PaymentProvider[];
}

/** `others` are asked about the payments that were made with them, and get no new ones. */
export function providerDirectory(current: PaymentProvider, others: readonly PaymentProvider[] = []): Providers {
  const all = [current, ...others];
  const byName = new Map(all.map((provider) => [provider.name, provider]));
  return {
    current,
    all,
    named(name) {
      const provider = byName.get(name);
      if (!provider) throw new ProviderUnavailable(`no client for the payment provider ${name}`);
      return provider;
    },
    addressed(name) {
      const provider = byName.get(name);
      if (!provider) throw notFound("payment provider");
      return provider;
    },
  };
}
