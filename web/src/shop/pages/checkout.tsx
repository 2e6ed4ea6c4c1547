import { useState } from "preact/hooks";
import type { Order } from "../../../../contracts/orders.ts";
import type { Address } from "../../../../contracts/users.ts";
import { get, post, type Page } from "../../lib/api.ts";
import { money } from "../../lib/i18n.ts";
import { once } from "../../lib/idempotency.ts";
import { useLoaded } from "../../lib/loading.ts";
import { Problem } from "../../lib/problem.ts";
import { navigate } from "../../lib/router.ts";
import { Empty, Heading, Waiting } from "../../ui/bits.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, FormBox, useForm } from "../../ui/form.tsx";
import { AddressForm, addressText } from "../address-form.tsx";
import { basket, emptyBasket, totalCents } from "../basket.ts";
import { productName } from "../product-name.ts";
import { t } from "../words.ts";

export function Checkout() {
  const addresses = useLoaded((signal) => get<Page<Address>>("/users/me/addresses", { limit: 100 }, signal), []);
  return (
    <>
      <Heading title={t("checkout.title")} />
      {basket.value.length === 0 ? (
        <Empty title={t("basket.empty")}>
          <a class="button primary" href="/">
            {t("notFound.back")}
          </a>
        </Empty>
      ) : (
        <Waiting of={addresses}>
          {(page) => (
            <PlaceOrder
              addresses={page.items}
              onAdded={(added) => addresses.set({ ...page, items: [...page.items, added] })}
            />
          )}
        </Waiting>
      )}
    </>
  );
}

interface PlaceOrderProps {
  addresses: readonly Address[];
  onAdded: (address: Address) => void;
}

function PlaceOrder({ addresses, onAdded }: PlaceOrderProps) {
  const [isAdding, setAdding] = useState(false);
  const form = useForm({ addressId: addresses[0]?.id ?? "", note: "" }, async ({ addressId, note }) => {
    const items = basket.value.map(({ sku, quantity }) => ({ sku, quantity }));
    const body = { items, ...(addressId ? { addressId } : {}), ...(note.trim() ? { note: note.trim() } : {}) };
    const order = await once("place", body, (key) => post<Order>("/orders", body, key));
    emptyBasket();
    navigate(`/orders/${order.id}`, { replace: true });
  });
  const [first] = basket.value;
  return (
    <>
      <FormBox of={form} class="two-columns">
        <div class="stack">
          <fieldset class="card choices">
            <legend>{t("checkout.address")}</legend>
            {addresses.map((address) => (
              <Choice key={address.id} form={form} value={address.id} label={addressText(address)} />
            ))}
            <Choice form={form} value="" label={t("checkout.noAddress")} />
            <button type="button" class="button small" onClick={() => setAdding(true)}>
              {t("checkout.newAddress")}
            </button>
          </fieldset>
          <div class="card">
            <Field form={form} name="note" label={t("checkout.note")} hint={t("checkout.noteHint")} multiline />
          </div>
        </div>
        <div class="card stack">
          <h2>{t("checkout.goods")}</h2>
          <ul class="summary">
            {basket.value.map(({ sku, name, quantity, priceCents, currency }) => (
              <li key={sku}>
                <span>
                  {quantity} × {productName(name)}
                </span>
                <span>{money(quantity * priceCents, currency)}</span>
              </li>
            ))}
          </ul>
          <p class="total">
            <span>{t("basket.total")}</span>
            <strong>{money(totalCents.value, first?.currency ?? "GBP")}</strong>
          </p>
          <StockProblem error={form.error} />
          <button class="button primary wide" disabled={form.isBusy}>
            {form.isBusy ? t("checkout.placing") : t("checkout.place")}
          </button>
          <p class="faint small">{t("checkout.held")}</p>
        </div>
      </FormBox>
      {isAdding && (
        <Dialog title={t("address.add")} onClose={() => setAdding(false)}>
          <AddressForm
            address={null}
            onSaved={(address) => {
              onAdded(address);
              form.set("addressId", address.id);
              setAdding(false);
            }}
          />
        </Dialog>
      )}
    </>
  );
}

interface ChoiceProps {
  form: ReturnType<typeof useForm<{ addressId: string; note: string }>>;
  value: string;
  label: string;
}

function Choice({ form, value, label }: ChoiceProps) {
  return (
    <label class="choice">
      <input
        type="radio"
        name="addressId"
        value={value}
        checked={form.values.addressId === value}
        onChange={() => form.set("addressId", value)}
      />
      <span>{label}</span>
    </label>
  );
}

/** Which line of the basket the order failed on, and a way to mend it. */
function StockProblem({ error }: { error: unknown }) {
  if (!(error instanceof Problem)) return null;
  const { sku, available } = error.members as { sku?: string; available?: number };
  const line = basket.value.find((one) => one.sku === sku);
  if (error.code !== "OUT_OF_STOCK" || !line) return null;
  return (
    <p class="wrong">
      {t("checkout.outOfStock", { name: productName(line.name), n: available ?? 0 })}{" "}
      <a href="/basket">{t("basket.title")}</a>
    </p>
  );
}
