import { useState } from "preact/hooks";
import type { StockLevel } from "../../../../contracts/inventory.ts";
import type { Product } from "../../../../contracts/products.ts";
import { get, post, put } from "../../lib/api.ts";
import { number } from "../../lib/i18n.ts";
import { useLoaded } from "../../lib/loading.ts";
import { usePages } from "../../lib/paging.ts";
import { Problem } from "../../lib/problem.ts";
import { Badge, Empty, Heading, Pager, Waiting } from "../../ui/bits.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, FormBox, useForm } from "../../ui/form.tsx";
import { tell } from "../../ui/toast.tsx";
import { t } from "../words.ts";

export function Stock() {
  const [words, setWords] = useState("");
  const [changed, setChanged] = useState<Product | null>(null);
  const products = usePages<Product>("/products", { search: words, limit: 25 }, { everyMs: 10_000 });
  return (
    <>
      <Heading title={t("nav.stock")} />
      <div class="filters">
        <label>
          {t("stock.find")}{" "}
          <input
            type="search"
            value={words}
            maxLength={100}
            onChange={(event) => setWords(event.currentTarget.value.trim())}
          />
        </label>
      </div>
      <Waiting of={products}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t("stock.none")} />
          ) : (
            <div class="card scroll" tabIndex={0} role="region" aria-label={t("nav.stock")}>
              <table class="table">
                <thead>
                  <tr>
                    <th scope="col">{t("stock.product")}</th>
                    <th class="number">{t("stock.available")}</th>
                    <td />
                  </tr>
                </thead>
                <tbody>
                  {items.map((product) => (
                    <Row key={product.sku} product={product} onChange={() => setChanged(product)} />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Waiting>
      <Pager of={products} />
      {changed && (
        <Dialog title={changed.name} onClose={() => setChanged(null)}>
          <Level sku={changed.sku} onChange={products.reload} />
        </Dialog>
      )}
    </>
  );
}

function Row({ product: { sku, name, available }, onChange }: { product: Product; onChange: () => void }) {
  return (
    <tr>
      <th scope="row">
        {name} <code class="faint">{sku}</code>
      </th>
      <td class="number">
        <Badge tone={available === 0 ? "bad" : available <= 10 ? "wait" : "good"}>{number(available)}</Badge>
      </td>
      <td>
        <button type="button" class="button small" aria-label={t("stock.changeOf", { name })} onClick={onChange}>
          {t("stock.change")}
        </button>
      </td>
    </tr>
  );
}

function Level({ sku, onChange }: { sku: string; onChange: () => void }) {
  const path = `/inventory/${encodeURIComponent(sku)}`;
  const level = useLoaded((signal) => get<StockLevel>(path, {}, signal), [sku], { everyMs: 2_000 });
  const done = (now: StockLevel): void => {
    level.set(now);
    tell(t("stock.adjusted"));
    onChange();
  };
  const adjust = useForm({ delta: "", reason: "" }, async ({ delta, reason }) => {
    done(await post<StockLevel>(`${path}/adjustments`, { delta: unitsOf(delta, "delta"), reason: reason.trim() }));
  });
  const set = useForm({ onHand: "" }, async ({ onHand }) => {
    done(await put<StockLevel>(path, { onHand: unitsOf(onHand, "onHand") }));
  });
  return (
    <div class="stack">
      <Waiting of={level}>
        {({ onHand, reserved, available }) => (
          <dl class="tiles small-tiles">
            <div>
              <dt>{t("stock.onHand")}</dt>
              <dd>{number(onHand)}</dd>
            </div>
            <div>
              <dt>{t("stock.reserved")}</dt>
              <dd>{number(reserved)}</dd>
            </div>
            <div>
              <dt>{t("stock.available")}</dt>
              <dd>{number(available)}</dd>
            </div>
          </dl>
        )}
      </Waiting>
      <FormBox of={adjust} label={t("stock.adjust")}>
        <div class="pair">
          <Field form={adjust} name="delta" label={t("stock.delta")} required />
          <Field form={adjust} name="reason" label={t("stock.reason")} required />
        </div>
        <button class="button primary" disabled={adjust.isBusy}>
          {t("stock.apply")}
        </button>
      </FormBox>
      <FormBox of={set} label={t("stock.count")}>
        <Field form={set} name="onHand" label={t("stock.count")} inputMode="numeric" required />
        <button class="button" disabled={set.isBusy}>
          {t("stock.set")}
        </button>
      </FormBox>
    </div>
  );
}

/** The server would say the same of a text, but could not tell an empty one from 0. */
function unitsOf(text: string, field: string): number {
  const plain = text.trim().replace(/^[−–]/, "-");
  if (/^[+-]?\d{1,10}$/.test(plain)) return Number(plain);
  const message = t("settings.badNumber");
  throw new Problem(422, { code: "VALIDATION_FAILED", errors: [{ field, code: "NUMBER", message }] }, null);
}
