import { Umzug, type UmzugStorage } from "umzug";
import { openDatabase, type Database, type StoreConfig } from "./database.ts";

/** Column types that both stores have, with the same order and equality of values. */
export interface ColumnTypes {
  /** UUIDs and other ASCII identifiers of at most 64 characters. */
  id: string;
  /** Short ASCII words: statuses, codes. */
  word: string;
  /** Text that is compared byte by byte. */
  string: string;
  text: string;
  json: string;
  /** Integers up to 2^53: money in minor units, counts. */
  integer: string;
  /** Milliseconds since the epoch, UTC. */
  time: string;
  /** Put after the closing bracket of CREATE TABLE. */
  options: string;
}

const types: Record<Database["dialect"], ColumnTypes> = {
  sqlite: {
    id: "TEXT",
    word: "TEXT",
    string: "TEXT",
    text: "TEXT",
    json: "TEXT",
    integer: "INTEGER",
    time: "INTEGER",
    options: "",
  },
  mysql: {
    id: "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin",
    word: "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin",
    string: "VARCHAR(255)",
    text: "MEDIUMTEXT",
    json: "MEDIUMTEXT",
    integer: "BIGINT",
    time: "BIGINT",
    options: "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
  },
};

/** One step of a schema: statements that run once, in order. A step that was released is never edited. */
export interface Migration {
  name: string;
  up: (t: ColumnTypes, dialect: Database["dialect"]) => readonly string[];
  /** Then, what SQL alone cannot do. Repeated from its beginning where it was interrupted. */
  fill?: (db: Database) => Promise<void>;
}

/**
 * Brings a database's schema up to date; answers with the names of the steps that ran. Safe while other nodes do the
 * same: on MySQL one of them holds a named lock and the others find nothing left to do.
 */
export async function migrate(db: Database, migrations: readonly Migration[]): Promise<string[]> {
  await db.execute(
    `CREATE TABLE IF NOT EXISTS schema_migrations (name ${types[db.dialect].word} PRIMARY KEY, applied_at ${types[db.dialect].time} NOT NULL) ${types[db.dialect].options}`,
  );
  const umzug = new Umzug({
    migrations: migrations.map(({ name, up, fill }) => ({
      name,
      up: async () => {
        // without the deadline of other statements: an index of a large table takes its time
        for (const statement of up(types[db.dialect], db.dialect)) await db.sequelize.query(statement);
        await fill?.(db);
      },
    })),
    storage: tableStorage(db),
    logger: undefined,
  });
  const ran = await db.exclusively("migrate", () => umzug.up());
  return ran.map(({ name }) => name);
}

/** Opens the database of `service` with its schema up to date; `ran` are the steps that this took. */
export async function openMigrated(
  store: StoreConfig,
  service: string,
  migrations: readonly Migration[],
): Promise<{ db: Database; ran: string[] }> {
  const db = await openDatabase(store, service);
  try {
    return { db, ran: await migrate(db, migrations) };
  } catch (error) {
    await db.close();
    throw error;
  }
}

function tableStorage(db: Database): UmzugStorage {
  return {
    async logMigration({ name }) {
      await db.execute("INSERT INTO schema_migrations (name, applied_at) VALUES (?, ?)", [name, Date.now()]);
    },
    async unlogMigration({ name }) {
      await db.execute("DELETE FROM schema_migrations WHERE name = ?", [name]);
    },
    async executed() {
      const rows = await db.select<{ name: string }>("SELECT name FROM schema_migrations ORDER BY name");
      return rows.map(({ name }) => name);
    },
  };
}
