import type { Connection, QueryError } from "mysql2";
import { ConnectionError, type Sequelize } from "sequelize";
import type { Query, Statements, Tx } from "./database.ts";
import { toDatabaseError, withoutContention } from "./database-errors.ts";

/**
 * Statements that have no answer by then are given up together with their connection, on which the answer may still come.
 * Those of a transaction may wait for locks, 5 s at most; its end alone waits for nobody but the disk.
 */
const answerWithinMs = { alone: 15_000, inTransaction: 8_000, atEnd: 6_000, control: 4_000 };

/** The part of Sequelize's connection manager that is missing in its declarations. */
interface Manager {
  getConnection(): Promise<Connection>;
  releaseConnection(connection: Connection): void;
}

type Rows = object[];
type Answer = Rows | { affectedRows?: number };

/**
 * Statements over Sequelize's pool, without what Sequelize does around each: it looks at a text letter by letter for
 * marks, calls hooks, and asks a function for the type of every value. That is most of what a short statement costs.
 */
export function mysqlStatements(sequelize: Sequelize): Statements {
  const manager = sequelize.connectionManager as unknown as Manager;

  const withConnection = async <T>(work: (connection: Connection) => Promise<T>): Promise<T> => {
    const connection = await acquire(manager);
    try {
      return await work(connection);
    } finally {
      manager.releaseConnection(connection);
    }
  };

  const run = (sql: string, values: readonly unknown[], tx?: Tx): Promise<Answer> =>
    tx
      ? (tx as unknown as MysqlTransaction).ask(sql, values)
      : // a transaction of one statement
        withoutContention(() => withConnection((connection) => ask(connection, sql, values, answerWithinMs.alone)));

  return {
    select: async <R extends object>(sql: string, values: readonly unknown[], tx?: Tx) =>
      (await run(sql, values, tx)) as R[],
    selectAll: async (queries, tx) => (await (tx as unknown as MysqlTransaction).askAll(queries)) as Rows[],
    execute: async (sql, values, tx) => ((await run(sql, values, tx)) as { affectedRows?: number }).affectedRows ?? 0,
    async write(sql, values, tx) {
      if (tx) (tx as unknown as MysqlTransaction).later(sql, values);
      else await run(sql, values);
    },
    // a named lock belongs to its connection, on which no transaction is open: MariaDB would end one that says nothing
    exclusively: (name, work) =>
      withConnection(async (connection) => {
        await lock(connection, name);
        try {
          return await work();
        } finally {
          const release = ask(
            connection,
            "DO RELEASE_LOCK(CONCAT(?, ':', DATABASE()))",
            [name],
            answerWithinMs.control,
          );
          await release.catch(() => connection.destroy());
        }
      }),
    transaction: (work) =>
      withoutContention(async () => {
        const tx = new MysqlTransaction();
        const result = await withConnection((connection) => tx.run(connection, () => work(tx as unknown as Tx)));
        await tx.committed();
        return result;
      }),
  };
}

const lockTries = 12;
const lockTrySeconds = 5;

async function lock(connection: Connection, name: string): Promise<void> {
  for (let tries = 0; tries < lockTries; tries += 1) {
    const sql = `SELECT GET_LOCK(CONCAT(?, ':', DATABASE()), ${lockTrySeconds}) AS got`;
    const [row] = (await ask(connection, sql, [name], answerWithinMs.alone)) as { got: number | null }[];
    if (row?.got === 1) return;
  }
  throw new Error(`another node has held the lock ${name} of this database for over ${lockTries * lockTrySeconds} s`);
}

const begin: Query = { sql: "START TRANSACTION", values: [] };
const commit: Query = { sql: "COMMIT", values: [] };

/**
 * A transaction whose beginning goes with its first statement, and whose writes go with the next statement that has an
 * answer to give, or with the commit. Each way to the server and back costs more than most statements: the new orders of
 * a group take one, where one for each statement would be eight.
 */
class MysqlTransaction {
  /** Also for Sequelize's models. */
  finished: "commit" | "rollback" | undefined;
  private opened!: Connection;
  private begun = false;
  private waiting: Query[] = [];
  private readonly hooks: ((tx: MysqlTransaction) => unknown)[] = [];

  /** For Sequelize's models, whose statements run on it by themselves: they come after what was said before. */
  get connection(): Promise<Connection> {
    return this.flush().then(() => this.opened);
  }

  /** Never once it has ended: its connection may be another's then. */
  async ask(sql: string, values: readonly unknown[]): Promise<Answer> {
    const [answer] = await this.askAll([{ sql, values }]);
    return answer as Answer;
  }

  async askAll(these: readonly Query[]): Promise<Answer[]> {
    for (const { sql } of these) this.assertOpen(sql);
    const answers = await this.send(these, answerWithinMs.inTransaction);
    return answers.slice(answers.length - these.length);
  }

  later(sql: string, values: readonly unknown[]): void {
    this.assertOpen(sql);
    this.waiting.push({ sql, values });
  }

  afterCommit(hook: (tx: MysqlTransaction) => unknown): void {
    this.hooks.push(hook);
  }

  async run<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
    this.opened = connection;
    try {
      const result = await work();
      await this.commit();
      this.finished = "commit";
      return result;
    } catch (error) {
      this.finished = "rollback";
      await this.rollback();
      throw error;
    }
  }

  async committed(): Promise<void> {
    for (const hook of this.hooks) await hook(this);
  }

  private assertOpen(sql: string): void {
    if (this.finished !== undefined) throw new Error(`this transaction has ended: ${sql}`);
  }

  private async commit(): Promise<void> {
    const writes = this.waiting.length > 0;
    // nothing was asked
    if (!this.begun && !writes) return;
    await this.send([commit], writes ? answerWithinMs.atEnd : answerWithinMs.control);
  }

  private async flush(): Promise<void> {
    if (!this.begun || this.waiting.length > 0) await this.send([], answerWithinMs.inTransaction);
  }

  /** Sends what waits and these, in one way to the server; answers with what each gave. */
  private async send(these: readonly Query[], withinMs: number): Promise<Answer[]> {
    const all = [...(this.begun ? [] : [begin]), ...this.waiting, ...these];
    this.begun = true;
    this.waiting = [];
    const text = all.map(({ sql }) => sql).join(";\n");
    const values = all.flatMap((one) => one.values);
    const answer = await ask(this.opened, text, values, withinMs);
    return all.length === 1 ? [answer] : (answer as Answer[]);
  }

  /** A connection that cannot be rolled back is given up; the server then does it. */
  private async rollback(): Promise<void> {
    if (!this.begun) return;
    await ask(this.opened, "ROLLBACK", [], answerWithinMs.control).catch(() => this.opened.destroy());
  }
}

/** One statement, or several with semicolons in between: the server ends at the first that fails. */
function ask(connection: Connection, sql: string, values: readonly unknown[], withinMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    connection.query(
      {
        sql,
        values: values.map((value) => (value === undefined ? null : value)),
        timeout: withinMs,
      },
      (error: QueryError | null, answer) => {
        if (!error) return resolve(answer);
        if (error.code === "PROTOCOL_SEQUENCE_TIMEOUT") {
          connection.destroy();
          return reject(new ConnectionError(error));
        }
        reject(toDatabaseError(error));
      },
    );
  });
}

async function acquire(manager: Manager): Promise<Connection> {
  try {
    return await manager.getConnection();
  } catch (error) {
    throw toDatabaseError(error);
  }
}
