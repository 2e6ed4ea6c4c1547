import type { SettingsReader } from "../../../lib/settings-reader.ts";
import type { PaymentProvider } from "./provider.ts";

/** Where a provider, and the customers it sends back, find us. */
export interface Addresses {
  /** Where its webhooks go: this provider's own path. */
  webhookUrl: string;
  /** Where customers come back to from its pages. */
  returnUrl: string;
}

/** A provider that there may be an account at: its settings, and the client that is made of them. */
export interface ProviderKind<Account extends object = object> {
  /** What payments are stored with, PAYMENT_PROVIDER says, and its webhook's path ends in. */
  readonly name: string;
  /** The setting without which there is no account. */
  readonly keySetting: string;
  /** Its settings; null when there is no account. What is wrong with them is told to `read`. */
  account(read: SettingsReader): Account | null;
  /** Whether it counts this currency in the minor units that we do. */
  takes(currency: string): boolean;
  open(account: Account, addresses: Addresses): PaymentProvider | Promise<PaymentProvider>;
}
