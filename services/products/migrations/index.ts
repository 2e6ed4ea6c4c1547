import type { Migration } from "../../../lib/migrations.ts";
import { indexAll } from "../index-all.ts";

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
  {
    name: "002-words",
    up: (t) => [
      // a part of a word from some letter on, and the word; what is in no product any more may stay
      `CREATE TABLE word_parts (
        part ${t.string} NOT NULL,
        word ${t.string} NOT NULL,
        PRIMARY KEY (part, word)
      ) ${t.options}`,
      `CREATE TABLE product_words (
        word ${t.string} NOT NULL,
        product_id ${t.id} NOT NULL,
        PRIMARY KEY (word, product_id)
      ) ${t.options}`,
    ],
  },
  { name: "003-words-of-products", up: () => [], fill: indexAll },
];
