import type { Order } from "../../../contracts/orders.ts";
import type { Payment, PaymentMethod, PaymentOptions } from "../../../contracts/payments.ts";
import { get, post } from "../lib/api.ts";
import { money, moment } from "../lib/i18n.ts";
import { once } from "../lib/idempotency.ts";
import { useLoaded } from "../lib/loading.ts";
import { isProblem } from "../lib/problem.ts";
import { Waiting } from "../ui/bits.tsx";
import { FormBox, Select, useForm } from "../ui/form.tsx";
import { Notice } from "../ui/notice.tsx";
import { tell } from "../ui/toast.tsx";
import { leaveForPayment } from "./returning.ts";
import { en } from "./words.en.ts";
import { t } from "./words.ts";

interface PayProps {
  order: Order;
  payments: readonly Payment[];
  onChange: () => void;
}

/** The payment of an order that waits for one: offered, or on its way. */
export function Pay({ order, payments, onChange }: PayProps) {
  const options = useLoaded((signal) => get<PaymentOptions>("/payments/methods", {}, signal), []);
  const open = payments.find(({ status }) => status === "PENDING");
  return (
    <section class="card accent stack" aria-labelledby="pay">
      <h2 id="pay">{t("pay.title")}</h2>
      <p class="faint">{t("pay.until", { time: moment(order.expiresAt) })}</p>
      {open ? (
        <UnderWay payment={open} />
      ) : (
        <Waiting of={options}>{(value) => <PayForm order={order} options={value} onChange={onChange} />}</Waiting>
      )}
    </section>
  );
}

function UnderWay({ payment: { orderId, redirectUrl } }: { payment: Payment }) {
  return (
    <>
      <Notice kind="info">{t("pay.pending")}</Notice>
      {redirectUrl !== null && (
        <button type="button" class="button primary" onClick={() => leaveForPayment(orderId, redirectUrl)}>
          {t("pay.approve")}
        </button>
      )}
    </>
  );
}

interface PayFormProps {
  order: Order;
  options: PaymentOptions;
  onChange: () => void;
}

function PayForm({ order, options: { methods, testTokens }, onChange }: PayFormProps) {
  const { id, totalCents, currency } = order;
  // cards of a real provider are taken by that provider's own form, which this shop does not have
  const offered = testTokens.length > 0 ? methods : methods.filter((method) => method !== "card");
  const form = useForm<{ method: PaymentMethod; token: string }>(
    { method: offered[0] ?? "card", token: testTokens[0] ?? "" },
    async ({ method, token }) => {
      const body = { method, ...tokenFor(method, token, testTokens) };
      try {
        const payment = await once(`pay ${id}`, body, (key) => post<Payment>(`/orders/${id}/pay`, body, key));
        if (payment.redirectUrl !== null && payment.status === "PENDING") leaveForPayment(id, payment.redirectUrl);
        if (payment.status === "SUCCEEDED") tell(t("pay.settled"));
      } catch (error) {
        // the order has moved on meanwhile: show where it is
        if (isProblem(error, "ORDER_NOT_PAYABLE")) onChange();
        throw error;
      }
      onChange();
    },
  );
  const { method } = form.values;
  return (
    <FormBox of={form}>
      <fieldset class="choices">
        <legend>{t("pay.method")}</legend>
        {offered.map((name) => (
          <label class="choice" key={name}>
            <input type="radio" name="method" checked={method === name} onChange={() => form.set("method", name)} />
            <span>{t(`pay.${name}`)}</span>
          </label>
        ))}
      </fieldset>
      {method === "card" ? (
        <Select
          form={form}
          name="token"
          label={t("pay.test")}
          hint={t("pay.testHint")}
          options={testTokens.map((token) => [token, tokenName(token)] as const)}
        />
      ) : (
        <p class="faint">{t("pay.redirect")}</p>
      )}
      <button class="button primary" disabled={form.isBusy}>
        {form.isBusy ? t("pay.paying") : t("pay.now", { amount: money(totalCents, currency) })}
      </button>
    </FormBox>
  );
}

/** Wallets send their customers to a page of their own; the sandbox has one for those who ask for it. */
function tokenFor(method: PaymentMethod, chosen: string, testTokens: readonly string[]): { token?: string } {
  if (method === "card") return chosen === "" ? {} : { token: chosen };
  return testTokens.includes("tok_approve") ? { token: "tok_approve" } : {};
}

function tokenName(token: string): string {
  const key = `token.${token}`;
  return Object.hasOwn(en, key) ? t(key as Parameters<typeof t>[0]) : token;
}
