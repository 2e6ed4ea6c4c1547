import type { PaymentMethod } from "../../../contracts/payments.ts";
import { notFound } from "../../../lib/errors.ts";
import { ProviderUnavailable, type PaymentProvider } from "./provider.ts";

/** Which provider takes which method. All of them go to the sandbox until there is a contract with a real one. */
const providerOf: Record<PaymentMethod, string> = { card: "sandbox", alipay: "sandbox", wechat_pay: "sandbox" };

export interface Providers {
  forMethod(method: PaymentMethod): PaymentProvider;
  /** The provider that a payment was made with. */
  named(name: string): PaymentProvider;
  /** The provider that somebody outside names; unknown ones do not exist. */
  addressed(name: string): PaymentProvider;
}

export function providerDirectory(providers: readonly PaymentProvider[]): Providers {
  const byName = new Map(providers.map((provider) => [provider.name, provider]));
  const named = (name: string): PaymentProvider => {
    const provider = byName.get(name);
    if (!provider) throw new ProviderUnavailable(`no client for the payment provider ${name}`);
    return provider;
  };
  return {
    named,
    forMethod: (method) => named(providerOf[method]),
    addressed(name) {
      const provider = byName.get(name);
      if (!provider) throw notFound("payment provider");
      return provider;
    },
  };
}
