import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ConnectionError, QueryTypes, Sequelize, type Options, type QueryOptions, type Transaction } from "sequelize";
import type { Connection } from "mysql2";
import { isUniqueViolation, toDatabaseError, withoutContention } from "./database-errors.ts";
import { createDatabase, urlFor } from "./mysql-server.ts";
import { mysqlStatements } from "./mysql-statements.ts";
import { inSpan, type SpanDescription } from "./request-context.ts";

export type Tx = Transaction;
export type Dialect = "sqlite" | "mysql";

/** Where a store is: SQLite files in a directory, or databases of a MySQL or MariaDB server. */
export type StoreConfig =
  { dialect: "sqlite"; dataDir: string } | { dialect: "mysql"; url: string; databasePrefix: string; poolSize: number };

export interface Query {
  sql: string;
  values: readonly unknown[];
}

/** One service's database. */
export interface Database {
  readonly sequelize: Sequelize;
  readonly dialect: Dialect;
  /** Runs `work` in one transaction, READ COMMITTED; a deadlock or a lost lock repeats the whole of it. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  select<R extends object>(sql: string, values?: readonly unknown[], tx?: Tx): Promise<R[]>;
  /** The rows of several statements, in their order; in a transaction they go to the server together. */
  selectAll(queries: readonly Query[], tx: Tx): Promise<object[][]>;
  /** Runs a statement; answers with the rows it changed. */
  execute(sql: string, values?: readonly unknown[], tx?: Tx): Promise<number>;
  /**
   * Runs a statement of which only matters that it is done, before the transaction's next one and its end. It may be sent
   * along with that one, and then fails with it.
   */
  write(sql: string, values: readonly unknown[], tx?: Tx): Promise<void>;
  /**
   * Runs `work` while no other node runs any under this name in this database, however long it takes: waits up to 60 s for
   * one that does. SQLite's databases belong to one process, and need no lock.
   */
  exclusively<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Connections to the server; null where there is none. */
  pool(): { used: number; idle: number; awaited: number } | null;
  /** Resolves when the server answers; rejects otherwise. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Opens (and creates where missing) the database of `service`. */
export async function openDatabase(store: StoreConfig, service: string): Promise<Database> {
  if (store.dialect === "sqlite") {
    mkdirSync(store.dataDir, { recursive: true });
    const sequelize = new Sequelize({
      dialect: "sqlite",
      dialectModule: await import("./sqlite-dialect.ts"),
      storage: join(store.dataDir, `${service}.sqlite`),
      ...common,
      // no table declares any, and asking for them would cost each transaction a statement; missing in the declarations
      ...({ foreignKeys: false } as object),
    });
    await sequelize.authenticate();
    return wrap(sequelize, "sqlite", service);
  }
  const name = `${store.databasePrefix}${service}`;
  const serverUrl = urlFor(service, store.url);
  await createDatabase(serverUrl, name);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const sequelize = sayingOutage(
    new Sequelize(url.toString(), {
      dialect: "mysql",
      dialectModule: (await import("mysql2")).default,
      dialectOptions: {
        connectTimeout: 5_000,
        charset: "utf8mb4",
        supportBigNumbers: true,
        stringifyObjects: true,
        // a transaction sends several at once; no value is ever a part of a statement's text
        multipleStatements: true,
        // room is set aside for each, half a megabyte a connection for mysql2's 16,000, and none is prepared here
        maxPreparedStatements: 1,
        // Instead of Sequelize's function, which no column here needs. With a function mysql2 (3.24.6) misses its own
        // cache, and compiles, and keeps, a parser for each result.
        typeCast: true,
      },
      pool: { max: store.poolSize, min: 0, acquire: 5_000, idle: 10_000 },
      ...common,
    }),
  );
  sequelize.addHook("afterConnect", async (connection) => {
    for (const statement of sessionSettings) {
      await new Promise<void>((resolve, reject) => {
        (connection as Connection).query(statement, (error) =>
          // not a statement of Sequelize's, which would say it so by itself
          error ? reject(new ConnectionError(error)) : resolve(),
        );
      });
    }
  });
  try {
    await sequelize.authenticate();
  } catch (error) {
    await sequelize.close();
    throw error;
  }
  return wrap(sequelize, "mysql", name);
}

/** Once per connection. */
const sessionSettings = [
  // REPEATABLE READ would let two groups deadlock on rows they only scanned
  "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
  // the 50 s that it is by itself are longer than any request waits
  "SET SESSION innodb_lock_wait_timeout = 5",
  // MariaDB ends a transaction whose node stands still, and gives its locks to the others; MySQL has nothing like it. The
  // setting for transactions that write leaves alone one that has only locked rows to read them.
  "/*M!100300 SET SESSION idle_transaction_timeout = 2 */",
];

const common: Options = { logging: false, define: { timestamps: false, underscored: true } };

/** How a dialect runs statements. */
export type Statements = {
  select<R extends object>(sql: string, values: readonly unknown[], tx?: Tx): Promise<R[]>;
  execute(sql: string, values: readonly unknown[], tx?: Tx): Promise<number>;
} & Pick<Database, "transaction" | "write" | "exclusively" | "selectAll">;

function wrap(sequelize: Sequelize, dialect: Dialect, name: string): Database {
  const statements = dialect === "mysql" ? mysqlStatements(sequelize) : sqliteStatements(sequelize);
  const describe = (sql: string) => (): SpanDescription => ({
    name: summaryOf(sql),
    kind: "client",
    attributes: { "db.system.name": dialect, "db.namespace": name },
  });
  return {
    sequelize,
    dialect,
    transaction: (work) => inSpan(describe("transaction"), () => statements.transaction(work)),
    select: (sql, values = [], tx) => inSpan(describe(sql), () => statements.select(sql, values, tx)),
    selectAll: (queries, tx) => inSpan(describe(queries[0]?.sql ?? "SELECT"), () => statements.selectAll(queries, tx)),
    execute: (sql, values = [], tx) => inSpan(describe(sql), () => statements.execute(sql, values, tx)),
    write: (sql, values, tx) => inSpan(describe(sql), () => statements.write(sql, values, tx)),
    exclusively: (name, work) => statements.exclusively(name, work),
    pool() {
      // missing in the declarations, and in SQLite
      const { pool } = sequelize.connectionManager as unknown as { pool?: Pool };
      return pool ? { used: pool.using, idle: pool.available, awaited: pool.waiting } : null;
    },
    async ping() {
      await statements.select("SELECT 1", []);
    },
    close: () => sequelize.close(),
  };
}

/** Binds values, so that statements are compiled once. */
function sqliteStatements(sequelize: Sequelize): Statements {
  const parameters = (values: readonly unknown[]): Pick<QueryOptions, "bind"> =>
    values.length === 0 ? {} : { bind: values.map((value) => (value === undefined ? null : value)) };
  const execute: Statements["execute"] = async (sql, values, tx) => {
    const [, meta] = await sequelize.query(numberMarks(sql), { ...parameters(values), transaction: tx ?? null });
    return (meta as { changes?: number } | undefined)?.changes ?? 0;
  };
  const select: Statements["select"] = <R extends object>(sql: string, values: readonly unknown[], tx?: Tx) =>
    sequelize.query<R>(numberMarks(sql), {
      type: QueryTypes.SELECT,
      ...parameters(values),
      transaction: tx ?? null,
    });
  return {
    transaction: (work) => withoutContention(() => sequelize.transaction(work)),
    select,
    async selectAll(queries, tx) {
      const found: object[][] = [];
      for (const { sql, values } of queries) found.push(await select(sql, values, tx));
      return found;
    },
    execute,
    exclusively: (_name, work) => work(),
    async write(sql, values, tx) {
      await execute(sql, values, tx);
    },
  };
}

/** `SELECT orders` of a statement: what it does to which table, and nothing of its values. */
function summaryOf(sql: string): string {
  const [verb = ""] = /^\s*\w+/.exec(sql) ?? [];
  const [, table] = /\b(?:FROM|INTO|UPDATE)\s+(\w+)/.exec(sql) ?? [];
  return table === undefined ? verb.trim() : `${verb.trim()} ${table}`;
}

interface Pool {
  using: number;
  available: number;
  waiting: number;
}

const numbered = new Map<string, string>();

/** `a = ? AND b = ?` as `a = $1 AND b = $2`, which is how Sequelize wants bound parameters. */
function numberMarks(sql: string): string {
  let text = numbered.get(sql);
  if (text === undefined) {
    let n = 0;
    text = sql.replace(/\?/g, () => `$${(n += 1)}`);
    if (numbered.size >= 1_000) numbered.clear();
    numbered.set(sql, text);
  }
  return text;
}

/** Has the statements of Sequelize's models fail as all others do. */
function sayingOutage(sequelize: Sequelize): Sequelize {
  const query = sequelize.query.bind(sequelize) as (...args: unknown[]) => Promise<unknown>;
  sequelize.query = (async (...args: unknown[]) => {
    try {
      return await query(...args);
    } catch (error) {
      throw toDatabaseError(error);
    }
  }) as typeof sequelize.query;
  return sequelize;
}

const maxInserts = 5;

/** A transaction that inserts: of two that insert the same row at once, the second finds it when it runs again. */
export async function insertTransaction<T>(db: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction(work);
    } catch (error) {
      if (attempt >= maxInserts || !isUniqueViolation(error)) throw error;
    }
  }
}

/** `(?, ?), (?, ?)` for `rows` rows of `columns` values. */
export function tuples(rows: number, columns: number): string {
  const one = `(${Array(columns).fill("?").join(", ")})`;
  return Array(rows).fill(one).join(", ");
}

/**
 * Inserts rows, given as the values of each in the order of its columns, with one statement: none where there are no
 * rows. `into` is the table with its columns, `onConflict` what is put after the rows.
 */
export async function insertRows(
  db: Database,
  tx: Tx,
  into: string,
  rows: readonly (readonly unknown[])[],
  onConflict = "",
): Promise<void> {
  const [first] = rows;
  if (!first) return;
  if (db.dialect === "mysql") {
    await db.write(`INSERT INTO ${into} VALUES ${tuples(rows.length, first.length)} ${onConflict}`, rows.flat(), tx);
    return;
  }
  // One text for any number of rows: SQLite would spend more on compiling a text a number than on the rows. WHERE
  // keeps it from reading ON as a part of FROM.
  const values = first.map((_, i) => `value ->> ${i}`).join(", ");
  await db.write(
    `INSERT INTO ${into} SELECT ${values} FROM json_each(?) WHERE true ${onConflict}`,
    [JSON.stringify(rows)],
    tx,
  );
}

/**
 * Whether there is any row to take, asked before the transaction that would lock it: most looks of a poller find none.
 * `from` is what follows FROM.
 */
export async function hasRow(db: Database, from: string, values: readonly unknown[]): Promise<boolean> {
  return (await db.select(`SELECT 1 FROM ${from} LIMIT 1`, values)).length > 0;
}

/** `?, ?, ?` for an IN list; an empty list is the caller's mistake. */
export const marks = (count: number): string => Array(count).fill("?").join(", ");

/** The time that all nodes of a database share, in milliseconds since the epoch. */
export async function clockOf(db: Database): Promise<number> {
  if (db.dialect === "sqlite") return Date.now();
  const [row] = await db.select<{ now_ms: number | string }>("SELECT FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000) AS now_ms");
  return Number(row?.now_ms);
}
