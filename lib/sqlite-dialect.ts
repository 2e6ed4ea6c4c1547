import BetterSqlite from "better-sqlite3";
import { delay } from "./time.ts";

// Sequelize's SQLite dialect speaks the callback API of the `sqlite3` package. This is the part of that API it uses,
// over better-sqlite3, which ships its binaries. What it adds: writers to one file queue, from BEGIN to COMMIT,
// because SQLite has one writer at a time and would otherwise answer SQLITE_BUSY.

type Callback = (this: { lastID: number; changes: number }, error: Error | null, rows?: unknown[]) => void;
type Parameters = unknown[] | Record<string, unknown>;

/** How long a writer waits for the one before it. Longer means that a transaction was left open: a bug. */
const lockTimeoutMs = 10_000;

class FileLock {
  private tail: Promise<void> = Promise.resolve();

  /** Resolves with the release once every earlier writer has finished. */
  async acquire(): Promise<() => void> {
    const before = this.tail;
    let release = (): void => {};
    this.tail = new Promise((resolve) => (release = resolve));
    const overdue = new AbortController();
    const waited = await Promise.race([
      before.then(() => true),
      delay(lockTimeoutMs, overdue.signal).then(() => false),
    ]);
    overdue.abort();
    if (!waited) {
      void before.then(release);
      throw Object.assign(new Error(`SQLITE_BUSY: no turn to write within ${lockTimeoutMs} ms`), {
        code: "SQLITE_BUSY",
      });
    }
    return release;
  }
}

interface Handle {
  db: BetterSqlite.Database;
  statements: Map<string, BetterSqlite.Statement>;
}

/** What the connections to one file share: the writers' queue, and handles to use again. */
class SharedFile {
  readonly lock = new FileLock();
  private readonly idle: Handle[] = [];
  /** Connections that are open, with or without a handle. */
  users = 0;
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  take(): Handle {
    const handle = this.idle.pop();
    if (handle) return handle;
    // timeout 0: waiting inside SQLite would block the event loop that has to finish the other transaction
    const db = new BetterSqlite(this.path, { timeout: 0 });
    db.pragma("journal_mode = WAL");
    // FULL: a commit that was answered is on the disk, as with MySQL's default
    db.pragma("synchronous = FULL");
    db.pragma("cache_size = -2000");
    return { db, statements: new Map() };
  }

  /** A connection has closed; its handle, if it had one, serves the next. */
  leave(handle: Handle | null): void {
    this.users -= 1;
    if (handle) this.idle.push(handle);
    if (this.users > 0) return;
    for (const each of this.idle.splice(0)) each.db.close();
    files.delete(this.path);
  }
}

const files = new Map<string, SharedFile>();
const maxStatements = 300;

export class Database {
  readonly filename: string;
  uuid?: string;
  private readonly file: SharedFile;
  private opened: Handle | null = null;
  private release: (() => void) | null = null;
  private last: Promise<void> = Promise.resolve();

  constructor(filename: string, _mode: number, opened: (error: Error | null) => void) {
    this.filename = filename;
    const file = files.get(filename) ?? new SharedFile(filename);
    files.set(filename, file);
    this.file = file;
    file.users += 1;
    queueMicrotask(() => opened(null));
  }

  serialize(work: () => void): void {
    work();
  }

  run(sql: string, parameters?: Parameters | Callback, callback?: Callback): void {
    this.enqueue(sql, parameters, callback);
  }

  all(sql: string, parameters?: Parameters | Callback, callback?: Callback): void {
    this.enqueue(sql, parameters, callback);
  }

  close(callback?: (error: Error | null) => void): void {
    void this.last.then(() => {
      if (this.opened?.db.inTransaction) this.opened.db.exec("ROLLBACK");
      this.unlock();
      this.file.leave(this.opened);
      callback?.(null);
    });
  }

  /**
   * Taken with the first statement, and so, of many transactions that wait for their turn, by one: each handle has
   * caches of its own.
   */
  private get handle(): Handle {
    return (this.opened ??= this.file.take());
  }

  private enqueue(sql: string, parameters?: Parameters | Callback, callback?: Callback): void {
    const done = typeof parameters === "function" ? parameters : callback;
    const values = typeof parameters === "function" ? [] : (parameters ?? []);
    this.last = this.last.then(() => this.execute(sql, values, done));
  }

  private async execute(sql: string, values: Parameters, done: Callback | undefined): Promise<void> {
    const context = new Statement();
    let rows: unknown[] = [];
    let error: Error | null = null;
    try {
      rows = await this.step(sql, values, context);
    } catch (caught) {
      error = asSqliteError(caught);
    }
    done?.call(context, error, rows);
  }

  private async step(sql: string, values: Parameters, context: Statement): Promise<unknown[]> {
    if (/^\s*BEGIN/i.test(sql)) {
      this.release = await this.file.lock.acquire();
      try {
        // IMMEDIATE: the queue has just given this connection its turn to write, so take it
        this.handle.db.exec("BEGIN IMMEDIATE");
      } catch (error) {
        this.unlock();
        throw error;
      }
      return [];
    }
    if (/^\s*(COMMIT|ROLLBACK)\s*;?\s*$/i.test(sql)) {
      try {
        if (this.handle.db.inTransaction) this.handle.db.exec(sql);
      } finally {
        this.unlock();
      }
      return [];
    }
    const statement = this.prepare(sql);
    if (statement.readonly || this.release) return perform(statement, values, context);
    const release = await this.file.lock.acquire();
    try {
      return perform(statement, values, context);
    } finally {
      release();
    }
  }

  private prepare(sql: string): BetterSqlite.Statement {
    const { statements, db } = this.handle;
    const known = statements.get(sql);
    if (known) return known;
    const statement = db.prepare(sql);
    if (statements.size >= maxStatements) statements.delete(statements.keys().next().value as string);
    statements.set(sql, statement);
    return statement;
  }

  private unlock(): void {
    this.release?.();
    this.release = null;
  }
}

/** Sequelize looks at the name of this class to read generated ids. */
class Statement {
  lastID = 0;
  changes = 0;
}

function perform(statement: BetterSqlite.Statement, values: Parameters, context: Statement): unknown[] {
  const bound = Array.isArray(values) ? values.map(toSqlite) : bindNamed(values);
  if (statement.reader) return Array.isArray(bound) ? statement.all(...bound) : statement.all(bound);
  const info = Array.isArray(bound) ? statement.run(...bound) : statement.run(bound);
  context.lastID = Number(info.lastInsertRowid);
  context.changes = info.changes;
  return [];
}

/** `sqlite3` names parameters with their prefix (`$1`), better-sqlite3 without. */
function bindNamed(values: Record<string, unknown>): Record<string, unknown> {
  const bound: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) bound[name.replace(/^[$:@]/, "")] = toSqlite(value);
  return bound;
}

function toSqlite(value: unknown): unknown {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  return value;
}

/** Sequelize tells constraint errors by `code` and message as `sqlite3` gives them. */
function asSqliteError(caught: unknown): Error {
  // Not by instanceof: the addon throws the error class of whoever loaded it first, under Jest another test file's.
  const { code = "SQLITE_ERROR", message = String(caught) } = (caught ?? {}) as { code?: string; message?: string };
  const family = /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? code;
  return Object.assign(new Error(`${family}: ${message}`, { cause: caught }), { code: family });
}

export const OPEN_READONLY = 1;
export const OPEN_READWRITE = 2;
export const OPEN_CREATE = 4;
