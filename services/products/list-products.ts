import type { Bus } from "../../contracts/bus.ts";
import type { Product } from "../../contracts/products.ts";
import { invalidField } from "../../lib/errors.ts";
import { decodeCursor, encodeCursor, type Page } from "../../lib/page.ts";
import { view, wordsOf } from "./product.ts";
import { placeOf, valueTypeOf, type Place, type ProductsRepository, type Sort } from "./products.repository.ts";

export interface Listing {
  search?: string;
  sort: Sort;
  inStock?: boolean;
  limit: number;
  cursor?: string;
}

/** With a filter by stock, how many products are looked at for one page at most: then it ends early, with a cursor. */
const batch = 200;
const maxBatches = 10;

/** A page of the catalogue, with what the inventory has of each product: one question to it for each batch of rows. */
export async function listProducts(bus: Bus, products: ProductsRepository, listing: Listing): Promise<Page<Product>> {
  const { search = "", sort, inStock, limit, cursor } = listing;
  const words = wordsOf(search);
  const start = cursor === undefined ? null : readPlace(sort, cursor);
  const size = inStock === undefined ? limit + 1 : Math.max(batch, limit + 1);
  const items: Product[] = [];
  let after = start;
  for (let n = 0; n < maxBatches; n += 1) {
    const rows = await products.page(sort, words, after, size);
    const shown = inStock === undefined ? rows.slice(0, limit) : rows;
    const available = await availableOf(
      bus,
      shown.map(({ sku }) => sku),
    );
    for (const row of rows) {
      const left = available.get(row.sku) ?? 0;
      if (inStock !== undefined && inStock !== left > 0) continue;
      // one more than fits: there is another page, which begins after the last that did
      if (items.length === limit) return { items, nextCursor: writePlace(sort, after) };
      items.push(view(row, left));
      after = placeOf(sort, row);
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < size) return { items, nextCursor: null };
    after = placeOf(sort, last);
  }
  return { items, nextCursor: writePlace(sort, after) };
}

/** What can be ordered now, by stock code. */
export async function availableOf(bus: Bus, skus: string[]): Promise<Map<string, number>> {
  if (skus.length === 0) return new Map();
  const levels = await bus.call("inventory.levels", { skus });
  return new Map(levels.map(({ sku, available }) => [sku, available]));
}

/** A cursor names its order: in another one the same place would skip products or repeat them. */
function readPlace(sort: Sort, cursor: string): Place {
  const [name, value, sku] = decodeCursor(cursor, ["string", valueTypeOf(sort), "string"]);
  if (name !== sort || value === undefined || typeof sku !== "string") {
    throw invalidField("cursor", "INVALID_CURSOR", "This cursor belongs to a list in another order.");
  }
  return { value, sku };
}

const writePlace = (sort: Sort, place: Place | null): string | null =>
  place && encodeCursor([sort, place.value, place.sku]);
