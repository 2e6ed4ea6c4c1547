import { groupCommit } from "../../lib/group-commit.ts";
import { Kept } from "../../lib/kept.ts";
import type { InventoryRepository } from "./inventory.repository.ts";
import { noLevel, type Level, type Stock } from "./stock.ts";

const maxEntries = 20_000;
const mostInStatement = 500;
const longestQueue = 4_096;

export interface KeptLevels extends InventoryRepository {
  /** A level that is in memory. */
  peek(sku: string): Level | undefined;
}

/**
 * Keeps levels for those who only look, a second at most, until this process changes them; those who come at once share a
 * statement. Whoever changes stock reads and locks the rows themselves.
 */
export function withKeptLevels(inventory: InventoryRepository): KeptLevels {
  const kept = new Kept<Level>({ maxEntries });
  const reads = groupCommit<string, Level>({
    most: mostInStatement,
    longest: longestQueue,
    async run(skus) {
      const found = await inventory.levels(skus);
      return skus.map((sku) => found.get(sku) ?? noLevel(sku));
    },
    isBlameless: () => true,
  });
  const read = (sku: string): Promise<Level | null> => kept.read(sku, () => reads.submit(sku));

  return {
    ...inventory,
    peek: (sku) => kept.peek(sku),
    async levels(skus): Promise<Stock> {
      const levels = await Promise.all(skus.map(read));
      return new Map(levels.flatMap((level) => (level ? [[level.sku, level] as const] : [])));
    },
    async change(wanted, decide, delivery) {
      try {
        const reservation = await inventory.change(wanted, decide, delivery);
        kept.forget(reservation?.lines.map(({ sku }) => sku) ?? []);
        return reservation;
      } finally {
        // also after a failure, of which nobody knows whether it was committed
        kept.forget(wanted.skus ?? []);
      }
    },
    changeLevel: (sku, decide, note) => inventory.changeLevel(sku, decide, note).finally(() => kept.forget([sku])),
    stockNew: (skus, onHand, by, note) => inventory.stockNew(skus, onHand, by, note).finally(() => kept.forget(skus)),
  };
}
