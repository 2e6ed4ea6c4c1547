import type { SettingsReader } from "../../../lib/settings-reader.ts";
import type { ProviderKind } from "./kind.ts";
import * as registered from "./registered.ts";

export const providerKinds: readonly ProviderKind[] = Object.values(registered);

/** The settings of each account at a payment provider that there is, by the provider's name. */
export function accountsIn(read: SettingsReader): Record<string, object> {
  const accounts: Record<string, object> = {};
  for (const kind of providerKinds) {
    const account = kind.account(read);
    if (account !== null) accounts[kind.name] = account;
  }
  return accounts;
}

/** Who takes new payments: whom PAYMENT_PROVIDER names, else the one with an account, else the sandbox. */
export function paymentProviderIn(read: SettingsReader, accounts: Record<string, object>, currency: string): string {
  const [first = "sandbox", ...others] = Object.keys(accounts);
  if (others.length > 0 && read.value("PAYMENT_PROVIDER") === undefined) {
    read.problem(
      "PAYMENT_PROVIDER",
      `is unset, but must say who takes new payments: ${[first, ...others].join(" or ")}`,
    );
  }
  const name = read.choice("PAYMENT_PROVIDER", first, ["sandbox", ...providerKinds.map((kind) => kind.name)]);
  const kind = providerKinds.find((one) => one.name === name);
  if (!kind) return name;
  if (!accounts[name]) read.problem("PAYMENT_PROVIDER", `is ${name}, but ${kind.keySetting} is unset`);
  else if (!kind.takes(currency)) {
    read.problem("CURRENCY", `is ${currency}, which ${name} counts in other units; its payments would be wrong`);
  }
  return name;
}
