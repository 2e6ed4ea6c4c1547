import type { Product, ProductDetails } from "../../contracts/products.ts";
import { toIso } from "../../lib/time.ts";

/** A product as its table has it. How many there are of it is the inventory's to say. */
export interface ProductState {
  id: string;
  sku: string;
  name: string;
  description: string;
  priceCents: number;
  currency: string;
  status: Product["status"];
  createdAt: number;
  updatedAt: number;
}

export interface ProductChange {
  name?: string;
  description?: string;
  priceCents?: number;
  status?: Product["status"];
}

/** The product with the changes; itself when there are none. */
export function change(product: ProductState, changes: ProductChange, now: number): ProductState {
  const next = {
    ...product,
    name: changes.name ?? product.name,
    description: changes.description ?? product.description,
    priceCents: changes.priceCents ?? product.priceCents,
    status: changes.status ?? product.status,
  };
  const isSame =
    next.name === product.name &&
    next.description === product.description &&
    next.priceCents === product.priceCents &&
    next.status === product.status;
  return isSame ? product : { ...next, updatedAt: now };
}

/** Text as search and order by name see it: without differences of case, width or composition. */
export const folded = (text: string): string => text.normalize("NFKC").toLowerCase().trim();

export const searchTextOf = ({ sku, name, description }: ProductState): string =>
  folded(`${name} ${sku} ${description}`);

/** The words a product must all have somewhere in its name, stock code or description. */
export const wordsOf = (search: string): string[] => folded(search).split(/\s+/).filter(Boolean);

export function details(product: ProductState): ProductDetails {
  const { id, sku, name, description, priceCents, currency, status, createdAt, updatedAt } = product;
  return {
    id,
    sku,
    name,
    description,
    priceCents,
    currency,
    status,
    createdAt: toIso(createdAt),
    updatedAt: toIso(updatedAt),
  };
}

export const withUnits = (product: ProductDetails, available: number): Product => ({ ...product, available });

export const view = (product: ProductState, available: number): Product => withUnits(details(product), available);
