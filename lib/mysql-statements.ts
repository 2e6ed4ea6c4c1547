import type { Connection, QueryError } from "mysql2";
import { ConnectionError, type Sequelize } from "sequelize";
import type { Statements, Tx } from "./database.ts";
import { toDatabaseError, withoutContention } from "./database-errors.ts";

/**
 * A statement that has no answer by then is given up together with its connection, on which the answer may still come. One of
 * a transaction may wait for locks, 5 s at most; its beginning and its end wait for nobody but the disk.
 */
const answerWithinMs = { alone: 15_000, inTransaction: 8_000, control: 4_000 };

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
    execute: async (sql, values, tx) => ((await run(sql, values, tx)) as { affectedRows?: number }).affectedRows ?? 0,
    transaction: (work) =>
      withoutContention(async () => {
        const tx = new MysqlTransaction();
        const result = await withConnection((connection) => tx.run(connection, () => work(tx as unknown as Tx)));
        await tx.committed();
        return result;
      }),
  };
}

/** What Sequelize's models, and `afterCommit`, need of a transaction. */
class MysqlTransaction {
  connection!: Connection;
  finished: "commit" | "rollback" | undefined;
  private readonly hooks: ((tx: MysqlTransaction) => unknown)[] = [];

  /** Never once it has ended: its connection may be another's then. */
  async ask(sql: string, values: readonly unknown[]): Promise<Answer> {
    if (this.finished !== undefined) throw new Error(`this transaction has ended: ${sql}`);
    return ask(this.connection, sql, values, answerWithinMs.inTransaction);
  }

  afterCommit(hook: (tx: MysqlTransaction) => unknown): void {
    this.hooks.push(hook);
  }

  async run<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
    this.connection = connection;
    await control(connection, "START TRANSACTION");
    try {
      const result = await work();
      await control(connection, "COMMIT");
      this.finished = "commit";
      return result;
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  /** A connection that cannot be rolled back is given up; the server then does it. */
  async rollback(): Promise<void> {
    this.finished = "rollback";
    await control(this.connection, "ROLLBACK").catch(() => this.connection.destroy());
  }

  async committed(): Promise<void> {
    for (const hook of this.hooks) await hook(this);
  }
}

const control = (connection: Connection, sql: string): Promise<Answer> =>
  ask(connection, sql, [], answerWithinMs.control);

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
