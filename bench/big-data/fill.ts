import { createConnection, type Connection, type RowDataPacket } from "mysql2/promise";
import { archiveOf } from "../../lib/archive.ts";
import type { World } from "../world.ts";
import { copyOf, type Copied } from "./copies.ts";
import { ofOrders, ofPeople, type Source } from "./tables.ts";
import { makeTemplates, type Template } from "./templates.ts";

/** How much there is to be. */
export interface Sizes {
  orders: number;
  products: number;
  ledgerRows: number;
}

export const sizesOf = (orders: number): Sizes => ({ orders, products: orders / 10, ledgerRows: orders * 10 });

const ordersEach = 10;
const ledgerRowsEach = 100;
const inStatement = 50_000;
const importAtOnce = 2_000;

/**
 * Fills the databases with old orders: copies of a few that were really placed, with all that every service has of them.
 * So the doctor must find everything as it should be, and counts what there is.
 */
export async function fill(world: World, sizes: Sizes): Promise<void> {
  const { database } = world;
  await importProducts(world, sizes.products);
  const { person, templates } = await makeTemplates(world);
  const people = sizes.orders / ordersEach;
  await numbers(database, Math.max(people, sizes.products));
  const copied: Copied = { personId: person.id, email: person.email, kept: [await idOfAdmin(world)] };
  const all = [...ofOrders, ...ofPeople];
  const names = [...new Set(all.map((source) => source.database))];
  // what is lost with the power is filled in anew
  await database.query("SET GLOBAL innodb_flush_log_at_trx_commit = 0");
  try {
    await Promise.all([
      ...names.map((name) =>
        withConnection(world, async (connection) => {
          const filling = new Filling(connection, name, copied, people);
          await filling.people();
          for (let round = 0; round < ordersEach; round += 1) {
            const template = templates[round % templates.length];
            if (template) await filling.orders(template, round);
          }
          if (name === "hub_notify") await filling.counters();
        }),
      ),
      withConnection(world, (connection) => fillLedger(connection, sizes.ledgerRows / ledgerRowsEach)),
    ]);
    await analyse(database);
  } finally {
    await database.query("SET GLOBAL innodb_flush_log_at_trx_commit = 1");
    await database.query("DROP DATABASE bench_numbers");
  }
}

type Row = Record<string, string | number | null>;

/** Copies what one service has, row by row of what was really there. */
class Filling {
  private readonly connection: Connection;
  private readonly database: string;
  private readonly copied: Copied;
  private readonly count: number;
  /** How many of each table that counts them a person has by now. */
  private had = 0;

  constructor(connection: Connection, database: string, copied: Copied, people: number) {
    this.connection = connection;
    this.database = database;
    this.copied = copied;
    this.count = people;
  }

  async people(): Promise<void> {
    for (const source of ofPeople) await this.copy(source, [this.copied.personId], 0);
  }

  async orders({ subjects }: Template, round: number): Promise<void> {
    for (const source of ofOrders) await this.copy(source, subjects, round * this.count);
  }

  async counters(): Promise<void> {
    const counters: Source = { database: "hub_notify", table: "user_counters", by: "user_id" };
    await this.insert(counters, await this.rowsOf(counters, [this.copied.personId], { last: this.had }), 0);
  }

  private async copy(source: Source, subjects: readonly string[], first: number): Promise<void> {
    if (source.database !== this.database) return;
    await this.insert(source, await this.rowsOf(source, subjects), first);
  }

  private async rowsOf({ database, table, by, counts }: Source, of: readonly string[], over: object = {}) {
    const [rows] = await this.connection.query<RowDataPacket[]>(
      `SELECT * FROM ${database}.${table} WHERE ${by} IN (?) ORDER BY ${counts ?? "1"}`,
      [of],
    );
    return rows.map((row): Row => ({
      ...row,
      ...over,
      ...(counts === undefined ? {} : { [counts]: (this.had += 1) }),
    }));
  }

  private async insert(source: Source, rows: readonly Row[], first: number): Promise<void> {
    const { database, table, archive, without = [] } = source;
    for (const row of rows) {
      const kept = archive?.kept?.map(([column]) => column) ?? Object.keys(row);
      const columns = kept.filter((column) => !without.includes(column));
      const values = columns.map((column) => copyOf(column, row[column], this.copied, first));
      await inChunks(
        this.connection,
        this.count,
        `INSERT INTO ${database}.${archive ? archiveOf(table) : table} (${columns.join(", ")})
         SELECT ${values.join(", ")} FROM bench_numbers.numbers`,
      );
    }
  }
}

/** What came and what went, so that the level stays what it was. */
async function fillLedger(connection: Connection, products: number): Promise<void> {
  for (let round = 0; round < ledgerRowsEach; round += 1) {
    await inChunks(
      connection,
      products,
      `INSERT INTO hub_inventory.stock_ledger (id, sku, delta, kind, reason, created_at)
       SELECT CONCAT('01900000-0000-7000-8000-', LPAD(n + ${round * products}, 12, '0')), ${skuOfN}, ${round % 2 === 0 ? 1 : -1},
         'adjustment', 'counted', ${Date.now()} FROM bench_numbers.numbers`,
    );
  }
}

async function inChunks(connection: Connection, count: number, insert: string): Promise<void> {
  for (let from = 0; from < count; from += inStatement) {
    await connection.query(`${insert} WHERE n >= ? AND n < ? ORDER BY n`, [from, Math.min(count, from + inStatement)]);
  }
}

const skuOf = (n: number): string => `FILL-${String(n).padStart(7, "0")}`;
const skuOfN = "CONCAT('FILL-', LPAD(n, 7, '0'))";

const looks = "red,green,blue,white,black,small,large,old,new,round,square,soft,hard,warm,cold,plain,bright,dark".split(
  ",",
);
const things =
  "lantern,table,chair,lamp,cup,plate,bowl,clock,mirror,basket,candle,cushion,blanket,vase,kettle,灯笼,茶杯".split(",");

/** As an operator would, so that whatever products is to know of them is known. */
async function importProducts(world: World, count: number): Promise<void> {
  for (let from = 0; from < count; from += importAtOnce) {
    const lines = Array.from({ length: Math.min(importAtOnce, count - from) }, (_, i) => {
      const n = from + i;
      const look = looks[n % looks.length];
      const thing = things[Math.floor(n / looks.length) % things.length];
      return `${skuOf(n)},${look} ${thing} ${n},A ${look} ${thing} for those who need one; number ${n} of many.,${100 + (n % 9_000)}`;
    });
    await world.rest.send("/products/import?initialStock=100", {
      method: "POST",
      csv: ["sku,name,description,priceCents", ...lines].join("\n"),
      token: await world.adminToken(),
      timeoutMs: 60_000,
    });
  }
}

async function numbers(database: Connection, count: number): Promise<void> {
  const digit = Array.from({ length: 10 }, (_, i) => `SELECT ${i} AS d`).join(" UNION ALL ");
  await database.query("CREATE DATABASE bench_numbers");
  await database.query("CREATE TABLE bench_numbers.numbers (n INTEGER PRIMARY KEY)");
  const places = ["a", "b", "c", "d"].map((name) => `(${digit}) AS ${name}`).join(", ");
  for (let from = 0; from < count; from += 10_000) {
    await database.query(
      `INSERT INTO bench_numbers.numbers SELECT ${from} + a.d + 10 * b.d + 100 * c.d + 1000 * d.d FROM ${places}`,
    );
  }
}

async function withConnection(world: World, work: (connection: Connection) => Promise<void>): Promise<void> {
  const connection = await createConnection(world.databaseUrl);
  try {
    await work(connection);
  } finally {
    await connection.end();
  }
}

async function analyse(database: Connection): Promise<void> {
  const [tables] = await database.query<RowDataPacket[]>(
    "SELECT CONCAT(table_schema, '.', table_name) AS name FROM information_schema.tables WHERE table_schema LIKE 'hub\\_%'",
  );
  await database.query(`ANALYZE TABLE ${tables.map(({ name }) => String(name)).join(", ")}`);
}

async function idOfAdmin(world: World): Promise<string> {
  const { body } = await world.rest.send<{ id: string }>("/users/me", { token: await world.adminToken() });
  return body.id;
}
