import type { Database } from "../../lib/database.ts";
import { columns, toProduct } from "./products.repository.ts";
import type { ProductRow } from "./products.model.ts";
import { wordIndex } from "./word-index.ts";

const batch = 200;

/** Puts the words of every product into the index; those that are there already are left as they are. */
export async function indexAll(db: Database): Promise<void> {
  const index = wordIndex(db);
  for (let after = ""; ;) {
    const rows = await db.select<ProductRow>(
      `SELECT ${columns.join(", ")} FROM products WHERE id > ? ORDER BY id LIMIT ${batch}`,
      [after],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    await db.transaction((tx) =>
      index.change(
        tx,
        rows.map((row) => ({ before: null, after: toProduct(row) })),
      ),
    );
    after = last.id;
  }
}
