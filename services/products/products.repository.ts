import type { Model } from "sequelize";
import type { Quote } from "../../contracts/products.ts";
import { groupReads } from "../../lib/group-reads.ts";
import { marks, tuples, type Database, type Tx } from "../../lib/database.ts";
import { isUniqueViolation } from "../../lib/database-errors.ts";
import { DomainError } from "../../lib/errors.ts";
import type { EntityAdapter } from "../../mixins/entity.mixin.ts";
import { folded, searchTextOf, type ProductState } from "./product.ts";
import type { ProductRow } from "./products.model.ts";
import { wordIndex, type Candidates } from "./word-index.ts";

export interface ProductsRepository {
  find(sku: string): Promise<ProductState | null>;
  /** Those that are not archived, in no order. Those who ask at once share a statement. */
  orderable(skus: readonly string[]): Promise<Quote[]>;
  /** Active products that have all `words`, from after a place in the order on. */
  page(order: Sort, words: readonly string[], after: Place | null, limit: number): Promise<ProductState[]>;
  /** Refuses a stock code that there is already. */
  insert(product: ProductState): Promise<void>;
  /** Locks a product, lets `decide` change it, saves it; null when there is none. */
  change(sku: string, decide: (product: ProductState) => ProductState): Promise<ProductState | null>;
  /** The same for many at once: `decide` is given the product that there is, or null, and answers with what there shall be. */
  upsert(
    skus: readonly string[],
    decide: (sku: string, product: ProductState | null) => ProductState,
  ): Promise<{ written: number; unchanged: number }>;
}

export type Sort = "name" | "price" | "-price" | "newest";

/** The last product seen, as its order sees it. */
export interface Place {
  value: string | number;
  sku: string;
}

type Value = "sort_name" | "price_cents" | "id";

const orders: Record<Sort, { by: Value; type: "string" | "number"; down: boolean }> = {
  name: { by: "sort_name", type: "string", down: false },
  price: { by: "price_cents", type: "number", down: false },
  "-price": { by: "price_cents", type: "number", down: true },
  newest: { by: "id", type: "string", down: true },
};

export const valueTypeOf = (sort: Sort): "string" | "number" => orders[sort].type;

export function placeOf(sort: Sort, product: ProductState): Place {
  const { sort_name, price_cents, id } = toRow(product);
  return { value: { sort_name, price_cents: Number(price_cents), id }[orders[sort].by], sku: product.sku };
}

/** Of a whole product. */
export const columns = [
  "id",
  "sku",
  "name",
  "sort_name",
  "description",
  "search_text",
  "price_cents",
  "currency",
  "status",
  "created_at",
  "updated_at",
] as const satisfies readonly (keyof ProductRow)[];

const mutable = ["name", "sort_name", "description", "search_text", "price_cents", "status", "updated_at"] as const;
const maxAttempts = 5;

export function productsRepository(db: Database, adapter: EntityAdapter<ProductRow>): ProductsRepository {
  // On SQLite a transaction is the only writer from its beginning.
  const forUpdate = db.dialect === "mysql" ? " FOR UPDATE" : "";
  const index = wordIndex(db);
  const plain = (found: Model<ProductRow>): ProductState => toProduct(adapter.entityToObject(found));

  const lock = (tx: Tx, skus: readonly string[]): Promise<ProductRow[]> =>
    db.select<ProductRow>(
      `SELECT ${columns.join(", ")} FROM products WHERE sku IN (${marks(skus.length)}) ORDER BY sku${forUpdate}`,
      skus,
      tx,
    );

  const update = (tx: Tx, product: ProductState): Promise<number> => {
    const row = toRow(product);
    return db.execute(
      `UPDATE products SET ${mutable.map((column) => `${column} = ?`).join(", ")} WHERE id = ?`,
      [...mutable.map((column) => row[column]), row.id],
      tx,
    );
  };

  const insertAll = async (tx: Tx, products: readonly ProductState[]): Promise<void> => {
    if (products.length === 0) return;
    const values = products.map(toRow).flatMap((row) => columns.map((column) => row[column]));
    await db.execute(
      `INSERT INTO products (${columns.join(", ")}) VALUES ${tuples(products.length, columns.length)}`,
      values,
      tx,
    );
  };

  const upsertOnce: ProductsRepository["upsert"] = (skus, decide) =>
    db.transaction(async (tx) => {
      const known = new Map((await lock(tx, skus)).map((row) => [row.sku, toProduct(row)]));
      const decided = skus.map((sku) => ({
        before: known.get(sku) ?? null,
        after: decide(sku, known.get(sku) ?? null),
      }));
      const fresh = decided.filter(({ before }) => before === null);
      const changed = decided.filter(({ before, after }) => before !== null && before !== after);
      await insertAll(
        tx,
        fresh.map(({ after }) => after),
      );
      for (const { after } of changed) await update(tx, after);
      await index.change(tx, [...fresh, ...changed]);
      const written = fresh.length + changed.length;
      return { written, unchanged: skus.length - written };
    });

  // every order asks this, so it is spared the making of entities
  const quotes = groupReads<readonly string[], Quote[]>(
    async (asked) => {
      const skus = [...new Set(asked.flat())];
      const rows = await db.select<Pick<ProductRow, "sku" | "name" | "price_cents" | "currency">>(
        `SELECT sku, name, price_cents, currency FROM products WHERE sku IN (${marks(skus.length)}) AND status <> 'archived'`,
        skus,
      );
      const found = new Map(
        rows.map(({ sku, name, price_cents, currency }) => [
          sku,
          { sku, name, priceCents: Number(price_cents), currency },
        ]),
      );
      return asked.map((wanted) => wanted.flatMap((sku) => found.get(sku) ?? []));
    },
    (skus) => skus.length,
  );

  return {
    async find(sku) {
      const found = await adapter.findOne({ where: { sku } });
      return found && plain(found);
    },
    orderable: quotes.find,
    async page(sort, words, after, limit) {
      const { by, down } = orders[sort];
      const among = await index.candidates(words);
      if (among && "ids" in among && among.ids.length === 0) return [];
      const past = after && beyond(by, down, after);
      const from = among === null ? inOrder : fromCandidates[db.dialect](among);
      const conditions = [
        from.condition,
        // not LIKE: its wildcards would have to be escaped, which each store does in its own way
        ...words.map(() => "INSTR(search_text, ?) > 0"),
        ...(past ? [past.sql] : []),
      ];
      // as the index goes: anything else would have every product sorted for each page
      const order = (by === "id" ? ["id"] : [by, "sku"]).map((column) => `${column}${down ? " DESC" : ""}`);
      const rows = await db.select<ProductRow>(
        `SELECT ${columns.join(", ")} FROM ${from.tables} WHERE ${conditions.join(" AND ")}
         ORDER BY ${order.join(", ")} LIMIT ${limit}`,
        [...from.values, ...words, ...(past?.values ?? [])],
      );
      return rows.map(toProduct);
    },
    async insert(product) {
      try {
        await db.transaction(async (tx) => {
          await insertAll(tx, [product]);
          await index.change(tx, [{ before: null, after: product }]);
        });
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        throw new DomainError("conflict", "SKU_TAKEN", "There is a product with this stock code.", {
          sku: product.sku,
        });
      }
    },
    change: (sku, decide) =>
      db.transaction(async (tx) => {
        const [row] = await lock(tx, [sku]);
        if (!row) return null;
        const before = toProduct(row);
        const after = decide(before);
        if (after !== before) {
          await update(tx, after);
          await index.change(tx, [{ before, after }]);
        }
        return after;
      }),
    async upsert(skus, decide) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await upsertOnce(skus, decide);
        } catch (error) {
          // somebody else added one of them in the meantime: now it is there to be found
          if (attempt >= maxAttempts || !isUniqueViolation(error)) throw error;
        }
      }
    },
  };
}

interface From {
  tables: string;
  condition: string;
  values: readonly string[];
}

const inOrder: From = { tables: "products", condition: "status = 'active'", values: [] };

/** With the candidates of a search known, they are what to begin with, not the order. */
const fromCandidates: Record<Database["dialect"], (among: Candidates) => From> = {
  mysql: (among) =>
    "ids" in among
      ? {
          tables: "products FORCE INDEX (PRIMARY)",
          condition: `id IN (${marks(among.ids.length)}) AND status = 'active'`,
          values: among.ids,
        }
      : {
          tables: `(${among.sql}) AS among STRAIGHT_JOIN products FORCE INDEX (PRIMARY) ON id = product_id`,
          condition: "status = 'active'",
          values: among.values,
        },
  sqlite: (among) =>
    "ids" in among
      ? {
          tables: "products",
          condition: `id IN (${marks(among.ids.length)}) AND +status = 'active'`,
          values: among.ids,
        }
      : {
          // CROSS is how SQLite is told to begin with the first
          tables: `(${among.sql}) AS among CROSS JOIN products ON id = product_id`,
          condition: "+status = 'active'",
          values: among.values,
        },
};

function beyond(by: Value, down: boolean, { value, sku }: Place): { sql: string; values: (string | number)[] } {
  const past = down ? "<" : ">";
  // no two have the same
  if (by === "id") return { sql: `id ${past} ?`, values: [value] };
  // the bound is what an index can begin at
  return { sql: `${by} ${past}= ? AND (${by} ${past} ? OR sku ${past} ?)`, values: [value, value, sku] };
}

const sortNameLength = 200;

const toRow = (product: ProductState): ProductRow => ({
  id: product.id,
  sku: product.sku,
  name: product.name,
  sort_name: folded(product.name).slice(0, sortNameLength).toWellFormed(),
  description: product.description,
  search_text: searchTextOf(product),
  price_cents: product.priceCents,
  currency: product.currency,
  status: product.status,
  created_at: product.createdAt,
  updated_at: product.updatedAt,
});

/** As a row has it. */
export const toProduct = (row: ProductRow): ProductState => ({
  id: row.id,
  sku: row.sku,
  name: row.name,
  description: row.description,
  priceCents: Number(row.price_cents),
  currency: row.currency,
  status: row.status,
  createdAt: Number(row.created_at),
  updatedAt: Number(row.updated_at),
});
