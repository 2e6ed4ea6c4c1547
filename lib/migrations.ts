import { openDatabase, type Database, type StoreConfig, type Tx } from "./database.ts";
import { isDoneAlready } from "./database-errors.ts";

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
  /** Then, what SQL alone cannot do; can be repeated. */
  fill?: (db: Database) => Promise<void>;
}

/**
 * Brings a database's schema up to date; answers with the names of the steps that ran. Safe while other nodes do the
 * same: on MySQL one of them holds a named lock and the others find nothing left to do. A step that was interrupted, by a
 * killed node or a server that went away, is repeated from its beginning, and what it had done by then stays.
 */
export async function migrate(db: Database, migrations: readonly Migration[]): Promise<string[]> {
  await db.execute(
    `CREATE TABLE IF NOT EXISTS schema_migrations (name ${types[db.dialect].word} PRIMARY KEY, applied_at ${types[db.dialect].time} NOT NULL) ${types[db.dialect].options}`,
  );
  return db.exclusively("migrate", async () => {
    const rows = await db.select<{ name: string; applied_at: number | string }>(
      "SELECT name, applied_at FROM schema_migrations",
    );
    const known = new Map(rows.map(({ name, applied_at }) => [name, Number(applied_at)]));
    const ran: string[] = [];
    for (const step of migrations) {
      const appliedAt = known.get(step.name);
      if (appliedAt !== undefined && appliedAt !== begun) continue;
      await run(db, step, appliedAt === begun);
      ran.push(step.name);
    }
    return ran;
  });
}

/** Stands for the time of a step that is not through. */
const begun = 0;

async function run(db: Database, { name, up, fill }: Migration, wasBegun: boolean): Promise<void> {
  if (!wasBegun) await db.execute("INSERT INTO schema_migrations (name, applied_at) VALUES (?, ?)", [name, begun]);
  // without the deadline of other statements: an index of a large table takes its time
  const change = async (tx: Tx | null): Promise<void> => {
    for (const statement of up(types[db.dialect], db.dialect)) {
      await db.sequelize.query(statement, { transaction: tx }).catch((error: unknown) => {
        if (!wasBegun || !isDoneAlready(error)) throw error;
      });
    }
  };
  // MySQL commits with each change of a table; SQLite would write to the disk with each
  await (db.dialect === "sqlite" ? db.transaction(change) : change(null));
  await fill?.(db);
  await db.execute("UPDATE schema_migrations SET applied_at = ? WHERE name = ?", [Date.now(), name]);
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
