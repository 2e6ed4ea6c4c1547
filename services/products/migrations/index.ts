import type { Migration } from "../../../lib/migrations.ts";

export const migrations: readonly Migration[] = [
  {
    name: "001-products",
    up: (t) => [
      `CREATE TABLE products (
        id ${t.id} PRIMARY KEY,
        sku ${t.string} NOT NULL,
        name ${t.string} NOT NULL,
        sort_name ${t.string} NOT NULL,
        description ${t.text} NOT NULL,
        search_text ${t.text} NOT NULL,
        price_cents ${t.integer} NOT NULL,
        currency ${t.word} NOT NULL,
        status ${t.word} NOT NULL,
        created_at ${t.time} NOT NULL,
        updated_at ${t.time} NOT NULL
      ) ${t.options}`,
      "CREATE UNIQUE INDEX products_sku ON products (sku)",
      "CREATE INDEX products_by_name ON products (status, sort_name, sku)",
      "CREATE INDEX products_by_price ON products (status, price_cents, sku)",
      "CREATE INDEX products_by_age ON products (status, id)",
    ],
  },
];
