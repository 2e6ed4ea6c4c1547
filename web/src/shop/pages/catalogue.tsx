import type { Product } from "../../../../contracts/products.ts";
import { money } from "../../lib/i18n.ts";
import { usePages } from "../../lib/paging.ts";
import { navigate, search } from "../../lib/router.ts";
import { Empty, Heading, Pager, Waiting } from "../../ui/bits.tsx";
import { Icon } from "../../ui/icon.tsx";
import { tell } from "../../ui/toast.tsx";
import { add } from "../basket.ts";
import { Picture } from "../picture.tsx";
import { productName } from "../product-name.ts";
import { t } from "../words.ts";
import { few, Stock } from "./product.tsx";

const sorts = ["name", "price", "-price", "newest"] as const;

export function Catalogue() {
  const asked = search.value;
  const words = (asked.get("search") ?? "").slice(0, 100);
  const sort = sorts.find((name) => name === asked.get("sort")) ?? "name";
  const inStock = asked.get("inStock") === "true" ? true : undefined;
  const products = usePages<Product>("/products", { search: words, sort, inStock, limit: 24 });

  const choose = (name: string, value: string | null): void => {
    const next = new URLSearchParams(asked);
    if (value === null) next.delete(name);
    else next.set(name, value);
    navigate(`/${next.size > 0 ? `?${next.toString()}` : ""}`, { replace: true });
  };

  return (
    <>
      <Heading title={words === "" ? t("catalogue.title") : `“${words}”`} aside={<p class="faint">{t("tagline")}</p>} />
      <div class="filters">
        <label>
          <span class="unseen">{t("catalogue.sort")}</span>
          <select value={sort} onChange={(event) => choose("sort", event.currentTarget.value)}>
            {sorts.map((name) => (
              <option key={name} value={name}>
                {t(`catalogue.sort.${name}`)}
              </option>
            ))}
          </select>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={inStock === true}
            onChange={(event) => choose("inStock", event.currentTarget.checked ? "true" : null)}
          />
          {t("catalogue.inStock")}
        </label>
      </div>
      <Waiting of={products}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t("catalogue.none")}>
              <a class="button" href="/">
                {t("catalogue.all")}
              </a>
            </Empty>
          ) : (
            <ul class="grid" aria-busy={products.isLoading}>
              {items.map((product) => (
                <Card key={product.sku} product={product} />
              ))}
            </ul>
          )
        }
      </Waiting>
      <Pager of={products} />
    </>
  );
}

function Card({ product }: { product: Product }) {
  const { sku, priceCents, currency, available } = product;
  const name = productName(product.name);
  return (
    <li class="product">
      <a href={`/products/${encodeURIComponent(sku)}`}>
        <Picture sku={sku} name={product.name} />
        <h2>{name}</h2>
      </a>
      {available <= few && <Stock available={available} />}
      <div class="buy">
        <strong class="price">{money(priceCents, currency)}</strong>
        {available > 0 && (
          <button
            type="button"
            class="round"
            aria-label={t("product.addOf", { name })}
            onClick={() => {
              add(product, 1);
              tell(t("product.added", { name }), "/basket");
            }}
          >
            <Icon name="plus" />
          </button>
        )}
      </div>
    </li>
  );
}
