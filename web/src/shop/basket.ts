import { computed, signal } from "@preact/signals";
import type { Product } from "../../../contracts/products.ts";
import { onRememberedElsewhere, recall, remember } from "../lib/storage.ts";

/** What was chosen, with the name and price it had then; the order asks the server for both again. */
export interface BasketLine {
  sku: string;
  name: string;
  priceCents: number;
  currency: string;
  quantity: number;
}

const name = "basket";
const read = (): readonly BasketLine[] => recall<BasketLine[]>(name) ?? [];

export const basket = signal(read());
onRememberedElsewhere(name, () => (basket.value = read()));

export const itemCount = computed(() => basket.value.reduce((sum, { quantity }) => sum + quantity, 0));
export const totalCents = computed(() =>
  basket.value.reduce((sum, { quantity, priceCents }) => sum + quantity * priceCents, 0),
);

const mostOfOne = 100_000;
const within = (quantity: number): number => Math.max(1, Math.min(mostOfOne, Math.floor(quantity) || 1));

function keep(lines: readonly BasketLine[]): void {
  basket.value = lines;
  remember(name, lines);
}

export function add({ sku, name: title, priceCents, currency }: Product, quantity: number): void {
  const before = basket.value.find((line) => line.sku === sku)?.quantity ?? 0;
  const line = { sku, name: title, priceCents, currency, quantity: within(before + quantity) };
  keep(before > 0 ? basket.value.map((one) => (one.sku === sku ? line : one)) : [...basket.value, line]);
}

export const setQuantity = (sku: string, quantity: number): void =>
  keep(basket.value.map((line) => (line.sku === sku ? { ...line, quantity: within(quantity) } : line)));

export const removeLine = (sku: string): void => keep(basket.value.filter((line) => line.sku !== sku));

export const emptyBasket = (): void => keep([]);
