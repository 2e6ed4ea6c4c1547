import type { ProductsRepository } from "./products.repository.ts";

/**
 * Does `work` after each transaction that may have changed products, before its caller goes on: also after one that
 * failed, of which nobody knows whether it was committed.
 */
export function afterChanges(products: ProductsRepository, work: () => Promise<void> | undefined): ProductsRepository {
  return {
    ...products,
    change: (sku, decide) => products.change(sku, decide).finally(work),
    upsert: (skus, decide) => products.upsert(skus, decide).finally(work),
  };
}
