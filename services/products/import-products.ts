import type { Bus } from "../../contracts/bus.ts";
import type { ImportReport } from "../../contracts/products.ts";
import type { Clock, NewId } from "../../lib/ids.ts";
import { delay } from "../../lib/time.ts";
import { readCatalogue, type ImportedProduct } from "./catalogue-import.ts";
import { change, type ProductState } from "./product.ts";
import type { ProductsRepository } from "./products.repository.ts";

export interface ImportDeps {
  /** The caller's, so that the stock ledger names them. */
  bus: Bus;
  products: ProductsRepository;
  now: Clock;
  newId: NewId;
  currency: string;
}

const batch = 200;

/**
 * Brings the catalogue to what a CSV file says and reports on every line of it. A product that exists keeps its status
 * and, where the file has none, its description. Safe to repeat: an import that broke off goes on where it stopped.
 */
export async function importProducts(
  { bus, products, now, newId, currency }: ImportDeps,
  csv: string,
  initialStock: number,
): Promise<ImportReport> {
  const { read, products: wanted, skipped } = readCatalogue(csv);
  const bySku = new Map(wanted.map((product) => [product.sku, product]));
  const decide = (sku: string, product: ProductState | null): ProductState => {
    const item = bySku.get(sku);
    if (!item) throw new Error(`${sku} is not in the file`);
    if (!product) return created(item, newId(), currency, now());
    const { name, priceCents, description } = item;
    return change(product, { name, priceCents, ...(description === null ? {} : { description }) }, now());
  };
  let imported = 0;
  let unchanged = 0;
  for (const skus of chunks([...bySku.keys()])) {
    const result = await products.upsert(skus, decide);
    imported += result.written;
    unchanged += result.unchanged;
    // Of all of them, not of the new ones: those of an import that broke off here are not new any more. What has been
    // stocked before is left as it is.
    if (initialStock > 0) await bus.call("inventory.stockNew", { skus, onHand: initialStock });
    // SQLite works while nothing else does: others' requests, and the heartbeat by which they know this node, come in between
    await delay(1);
  }
  return { read, imported, unchanged, skipped };
}

const created = (item: ImportedProduct, id: string, currency: string, now: number): ProductState => ({
  ...item,
  description: item.description ?? "",
  id,
  currency,
  createdAt: now,
  updatedAt: now,
});

function chunks(skus: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(skus.length / batch) }, (_, i) => skus.slice(i * batch, (i + 1) * batch));
}
