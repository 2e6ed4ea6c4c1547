import type { Random } from "./random.ts";

/** What the shoppers choose from. */
export interface Goods {
  sku: string;
  priceCents: number;
  onHand: number;
}

export interface Catalogue {
  all: Goods[];
  /** What everybody wants. */
  hot: Goods[];
  /** Of which there are few. */
  scarce: Goods[];
}

export interface BasketLine {
  sku: string;
  quantity: number;
}

const plenty = 1_000_000;
const few = 40;
const mostLines = 3;
const mostUnits = 3;

/** The same products for the same numbers, under stock codes of their own. */
export function catalogueOf({ products = 300, hot = 10, scarce = 15 } = {}): Catalogue {
  const all = Array.from({ length: products }, (_, index) => ({
    sku: `CHAOS-${String(index).padStart(4, "0")}`,
    priceCents: 100 + ((index * 37) % 4_900),
    onHand: index >= hot && index < hot + scarce ? few : plenty,
  }));
  return { all, hot: all.slice(0, hot), scarce: all.slice(hot, hot + scarce) };
}

/** One to three products, most of them hot, few of them scarce. */
export function basketOf(random: Random, { all, hot, scarce }: Catalogue): BasketLine[] {
  const basket = new Map<string, BasketLine>();
  for (let line = random.int(1, mostLines); line > 0; line -= 1) {
    const from = random.chance(0.4) ? hot : random.chance(0.04) ? scarce : all;
    const { sku } = random.pick(from);
    basket.set(sku, { sku, quantity: random.int(1, mostUnits) });
  }
  return [...basket.values()];
}

/** Puts the products into the running system. */
export async function stockCatalogue(gateway: string, token: string, { all }: Catalogue): Promise<void> {
  const byUnits = Map.groupBy(all, ({ onHand }) => onHand);
  for (const [onHand, goods] of byUnits) {
    const rows = goods.map(({ sku, priceCents }) => `${sku},Chaos ${sku},for the load,${priceCents}`);
    const response = await fetch(`${gateway}/api/v1/products/import?initialStock=${onHand}`, {
      method: "POST",
      headers: { "content-type": "text/csv", authorization: `Bearer ${token}` },
      body: ["sku,name,description,priceCents", ...rows].join("\n"),
      signal: AbortSignal.timeout(90_000),
    });
    if (response.status !== 200)
      throw new Error(`importing products answered ${response.status}: ${await response.text()}`);
    const { imported } = (await response.json()) as { imported: number };
    if (imported !== goods.length) throw new Error(`of ${goods.length} products ${imported} were imported`);
  }
}
