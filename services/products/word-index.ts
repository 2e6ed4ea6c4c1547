import { marks, tuples, type Database, type Tx } from "../../lib/database.ts";
import { searchTextOf, type ProductState } from "./product.ts";
import { endOf, keysOf, partsOf, wordsIn } from "./words.ts";

/** Which products have which words. */
export interface WordIndex {
  /** Brings the index from what products were (null: not there) to what they are, in the transaction that changes them. */
  change(tx: Tx, changes: readonly { before: ProductState | null; after: ProductState }[]): Promise<void>;
  /**
   * Products among which are all that have `search` somewhere; null when there are so many that the first of them are
   * found sooner by looking at one product after another.
   */
  candidates(search: readonly string[]): Promise<Candidates | null>;
}

/** Some products: their ids, or where these are many a statement that gives them. */
export type Candidates = { ids: string[] } | { sql: string; values: string[] };

const few = 500;
/** So many rows are fetched by their ids in some 50 ms (MariaDB); they are sorted then, however the others lie. */
const many = 10_000;
const inStatement = 2_000;
/** Words whose parts need not be written again; nobody takes them away. */
const mostKnown = 20_000;

export function wordIndex(db: Database): WordIndex {
  const known = new Set<string>();
  const ignore = db.dialect === "mysql" ? "INSERT IGNORE" : "INSERT OR IGNORE";

  /** Always in the same order: two that add the same words then wait for each other, and not each for the other. */
  const add = async (tx: Tx, table: string, rows: readonly (readonly [string, string])[]): Promise<void> => {
    const sorted = rows.toSorted(([a, b], [c, d]) => compare(a, c) || compare(b, d));
    for (let i = 0; i < sorted.length; i += inStatement) {
      const some = sorted.slice(i, i + inStatement);
      await db.execute(`${ignore} INTO ${table} VALUES ${tuples(some.length, 2)}`, some.flat(), tx);
    }
  };

  const wordsWith = async (key: string): Promise<string[]> => {
    const rows = await db.select<{ word: string }>(
      `SELECT word FROM word_parts WHERE part >= ? AND part < ? LIMIT ${few + 1}`,
      [key, endOf(key)],
    );
    return rows.length > few ? rows.map(({ word }) => word) : [...new Set(rows.map(({ word }) => word))];
  };
  const countUpTo = async (most: number, words: readonly string[]): Promise<number> => {
    const [row] = await db.select<{ n: number }>(
      `SELECT COUNT(*) AS n FROM
         (SELECT 1 FROM product_words WHERE word IN (${marks(words.length)}) LIMIT ${most}) AS some_of_them`,
      words,
    );
    return Number(row?.n);
  };

  return {
    async change(tx, changes) {
      const added: [string, string][] = [];
      for (const { before, after } of changes) {
        const [had, has] = [before ? wordsOf(before) : new Set<string>(), wordsOf(after)];
        const gone = [...had].filter((word) => !has.has(word));
        if (gone.length > 0) {
          await db.execute(
            `DELETE FROM product_words WHERE word IN (${marks(gone.length)}) AND product_id = ?`,
            [...gone, after.id],
            tx,
          );
        }
        for (const word of has) if (!had.has(word)) added.push([word, after.id]);
      }
      const words = [...new Set(added.map(([word]) => word))].filter((word) => !known.has(word));
      // a word that no product has any more stays: it leads nowhere
      await add(
        tx,
        "word_parts",
        words.flatMap((word) => [...partsOf(word)].map((part) => [part, word] as const)),
      );
      await add(tx, "product_words", added);
      tx.afterCommit(() => {
        if (known.size > mostKnown) known.clear();
        for (const word of words) known.add(word);
      });
    },
    async candidates(search) {
      let fewest: { words: string[]; products: number } | null = null;
      for (const key of keysOf(search)) {
        const words = await wordsWith(key);
        if (words.length === 0) return { ids: [] };
        // a part that is nearly everywhere
        if (words.length > few) continue;
        const products = await countUpTo((fewest?.products ?? many) + 1, words);
        if (products === 0) return { ids: [] };
        if (products <= (fewest?.products ?? many)) fewest = { words, products };
      }
      if (fewest === null) return null;
      const { words, products } = fewest;
      // rows of which one product may have several
      const sql = `SELECT DISTINCT product_id FROM product_words WHERE word IN (${marks(words.length)})`;
      if (products > few) return { sql, values: words };
      const rows = await db.select<{ product_id: string }>(sql, words);
      return { ids: rows.map(({ product_id }) => product_id) };
    },
  };
}

const wordsOf = (product: ProductState): Set<string> => wordsIn(searchTextOf(product));

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
