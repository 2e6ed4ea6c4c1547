import { money } from "../../lib/i18n.ts";
import { Empty, Heading } from "../../ui/bits.tsx";
import { basket, removeLine, setQuantity, totalCents, type BasketLine } from "../basket.ts";
import { Picture } from "../picture.tsx";
import { productName } from "../product-name.ts";
import { Quantity } from "../quantity.tsx";
import { t } from "../words.ts";

export function BasketPage() {
  const lines = basket.value;
  const [first] = lines;
  return (
    <>
      <Heading title={t("basket.title")} />
      {first === undefined ? (
        <Empty title={t("basket.empty")}>
          <a class="button primary" href="/">
            {t("notFound.back")}
          </a>
        </Empty>
      ) : (
        <div class="two-columns">
          <ul class="lines">
            {lines.map((line) => (
              <Line key={line.sku} line={line} />
            ))}
          </ul>
          <aside class="card stack" aria-label={t("basket.summary")}>
            <p class="total">
              <span>{t("basket.total")}</span>
              <strong>{money(totalCents.value, first.currency)}</strong>
            </p>
            <a class="button primary wide" href="/checkout">
              {t("basket.checkout")}
            </a>
            <p class="faint small">{t("basket.note")}</p>
          </aside>
        </div>
      )}
    </>
  );
}

function Line({ line: { sku, quantity, priceCents, currency, ...line } }: { line: BasketLine }) {
  const name = productName(line.name);
  return (
    <li class="line">
      <Picture sku={sku} name={line.name} />
      <div>
        <a href={`/products/${encodeURIComponent(sku)}`}>{name}</a>
        <p class="faint small">{t("basket.each", { price: money(priceCents, currency) })}</p>
      </div>
      <Quantity
        label={t("basket.quantityOf", { name })}
        name={name}
        value={quantity}
        onChange={(value) => setQuantity(sku, value)}
      />
      <strong class="price">{money(priceCents * quantity, currency)}</strong>
      <button
        type="button"
        class="text-button"
        aria-label={t("basket.removeOf", { name })}
        onClick={() => removeLine(sku)}
      >
        {t("basket.remove")}
      </button>
    </li>
  );
}
