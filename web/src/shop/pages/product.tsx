import { useState } from "preact/hooks";
import type { Product } from "../../../../contracts/products.ts";
import { get } from "../../lib/api.ts";
import { money } from "../../lib/i18n.ts";
import { useLoaded } from "../../lib/loading.ts";
import { isProblem } from "../../lib/problem.ts";
import { Badge, Heading, Waiting } from "../../ui/bits.tsx";
import { tell } from "../../ui/toast.tsx";
import { add } from "../basket.ts";
import { Picture } from "../picture.tsx";
import { productName } from "../product-name.ts";
import { Quantity } from "../quantity.tsx";
import { t } from "../words.ts";
import { NotFound } from "./not-found.tsx";

/** From here on it is worth saying how many are left. */
export const few = 10;

export function Stock({ available }: { available: number }) {
  if (available === 0) return <Badge tone="bad">{t("product.soldOut")}</Badge>;
  if (available <= few) return <Badge tone="wait">{t("product.few", { n: available })}</Badge>;
  return <Badge tone="good">{t("product.left", { n: available })}</Badge>;
}

export function ProductPage({ sku }: { sku: string }) {
  const product = useLoaded((signal) => get<Product>(`/products/${encodeURIComponent(sku)}`, {}, signal), [sku], {
    everyMs: 15_000,
  });
  if (isProblem(product.error, "NOT_FOUND")) return <NotFound />;
  return (
    <>
      <p>
        <a href="/">← {t("product.back")}</a>
      </p>
      <Waiting of={product}>{(found) => <Details product={found} />}</Waiting>
    </>
  );
}

function Details({ product }: { product: Product }) {
  const [quantity, setQuantity] = useState(1);
  const { sku, priceCents, currency, available, description } = product;
  const name = productName(product.name);
  const onAdd = (): void => {
    add(product, quantity);
    tell(t("product.added", { name }), "/basket");
  };
  return (
    <article class="details">
      <Picture sku={sku} name={product.name} />
      <div class="stack">
        <Heading title={name} />
        <p class="price large">{money(priceCents, currency)}</p>
        {description !== "" && <p class="prose">{description}</p>}
        <dl class="facts">
          <dt>{t("product.stock")}</dt>
          <dd>
            <Stock available={available} />
          </dd>
          <dt>{t("product.sku")}</dt>
          <dd>
            <code>{sku}</code>
          </dd>
        </dl>
        {available > 0 && (
          <div class="row">
            <Quantity label={t("product.quantity")} name={name} value={quantity} onChange={setQuantity} />
            <button type="button" class="button primary" onClick={onAdd}>
              {t("product.add")}
            </button>
          </div>
        )}
      </div>
    </article>
  );
}
