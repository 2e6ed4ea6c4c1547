import { LRUCache } from "lru-cache";
import type { Product, ProductDetails } from "../../contracts/products.ts";
import { writeOnce } from "../../lib/json.ts";
import type { Peek } from "../../lib/memory-reads.ts";
import { withUnits } from "./product.ts";

/** The products that are asked for all the time; of others the answer is written anew. */
const maxEntries = 1_000;

interface Sources {
  /** A product's details as JSON, while they are in memory. */
  details: (sku: string) => string | undefined;
  /** Its units, while those are. */
  available: (sku: string) => number | undefined;
}

interface Written {
  details: string;
  available: number;
  product: Product;
}

/** A product whose details and level are both in memory, written once for as long as neither changes. */
export function productInMemory({ details: detailsOf, available: availableOf }: Sources): Peek<"products.get"> {
  const written = new LRUCache<string, Written>({ max: maxEntries });
  return ({ sku }) => {
    const details = detailsOf(sku);
    if (details === undefined) return undefined;
    const available = availableOf(sku);
    if (available === undefined) return undefined;
    const known = written.get(sku);
    if (known?.details === details && known.available === available) return known.product;
    const product = writeOnce(withUnits(JSON.parse(details) as ProductDetails, available));
    written.set(sku, { details, available, product });
    return product;
  };
}
