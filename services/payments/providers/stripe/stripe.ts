import type { SettingsReader } from "../../../../lib/settings-reader.ts";
import type { ProviderKind } from "../kind.ts";

export interface StripeAccount {
  secretKey: string;
  /** The new one and, during a rotation, the one before. */
  webhookSecrets: readonly string[];
  url: string;
}

export const stripe: ProviderKind<StripeAccount> = {
  name: "stripe",
  keySetting: "STRIPE_SECRET_KEY",
  account: accountIn,
  takes: isCountedAlike,
  async open(account, { returnUrl }) {
    // Stripe's package is large, and most processes do without
    const { stripeProvider } = await import("./client.ts");
    return stripeProvider({ ...account, returnUrl });
  },
};

/** Both of Stripe's secrets or neither. */
function accountIn(read: SettingsReader): StripeAccount | null {
  const secretKey = read.value("STRIPE_SECRET_KEY") ?? null;
  const webhookSecrets = read.secrets("STRIPE_WEBHOOK_SECRET", /^whsec_\w{16,200}$/, "the form whsec_…");
  const url = read.url("STRIPE_URL", ["https:", "http:"]) ?? "https://api.stripe.com";
  if (secretKey === null && webhookSecrets.length === 0) return null;
  if (secretKey === null) read.problem("STRIPE_SECRET_KEY", "is unset, but STRIPE_WEBHOOK_SECRET is set");
  else if (!/^(sk|rk)_(test|live)_\w{8,250}$/.test(secretKey)) {
    read.problem("STRIPE_SECRET_KEY", "must be a secret or restricted key of Stripe: sk_… or rk_…");
  }
  if (webhookSecrets.length === 0) read.problem("STRIPE_WEBHOOK_SECRET", "is unset, but STRIPE_SECRET_KEY is set");
  if (new URL(url).protocol === "http:" && !/^(127\.0\.0\.1|localhost|\[::1\])$/.test(new URL(url).hostname)) {
    read.problem("STRIPE_URL", "must begin with https://: the secret key goes there");
  }
  return { secretKey: secretKey ?? "", webhookSecrets, url };
}

/** Amounts of these have no decimals at Stripe; of those with three it takes none that end in another digit than 0. */
const withoutDecimals = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split(" ");
const threeDecimals = "BHD JOD KWD OMR TND".split(" ");

/** Whether our minor units of a currency, which are those of CLDR, are Stripe's. */
function isCountedAlike(currency: string): boolean {
  if (threeDecimals.includes(currency)) return false;
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.resolvedOptions().maximumFractionDigits === (withoutDecimals.includes(currency) ? 0 : 2);
}
