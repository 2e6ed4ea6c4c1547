import { BaseError, ConnectionError, DatabaseError, UniqueConstraintError } from "sequelize";
import { backoffMs, delay } from "./time.ts";

interface ServerError extends Error {
  code?: string;
  fatal?: boolean;
}

/** What a driver or server said, under what Sequelize made of it. */
const parentOf = (error: unknown): ServerError =>
  (error as { parent?: ServerError } | null)?.parent ?? (error as ServerError);

const contention = new Set(["ER_LOCK_DEADLOCK", "ER_LOCK_WAIT_TIMEOUT", "ER_CHECKREAD", "SQLITE_BUSY"]);

/** True for errors after which the same transaction, run again, can succeed. */
export const isContention = (error: unknown): boolean => contention.has(parentOf(error)?.code ?? "");

/** Sequelize takes each broken constraint of SQLite for a unique one. */
export const isUniqueViolation = (error: unknown): boolean =>
  error instanceof UniqueConstraintError && !/: (NOT NULL|CHECK) constraint failed/.test(error.parent.message);

/** True when no connection was to be had, or it broke, or a statement had no answer by its deadline. */
export const isOutage = (error: unknown): boolean => error instanceof ConnectionError;

const doneAlready = new Set([
  ...["ER_TABLE_EXISTS_ERROR", "ER_DUP_KEYNAME", "ER_DUP_FIELDNAME", "ER_CANT_DROP_FIELD_OR_KEY", "ER_BAD_TABLE_ERROR"],
  "ER_DUP_ENTRY",
]);

/** True when a change of the schema fails because it was made before. */
export const isDoneAlready = (error: unknown): boolean =>
  doneAlready.has(parentOf(error)?.code ?? "") ||
  isUniqueViolation(error) ||
  /already exists|duplicate column name|no such (index|table)/.test(parentOf(error)?.message ?? "");

/** What a server says to those whose connections it ends. */
const endedByServer = new Set(["ER_SERVER_SHUTDOWN", "ER_CONNECTION_KILLED", "ER_QUERY_INTERRUPTED"]);

/**
 * A statement's failure as what Sequelize throws. One whose connection broke fails like one that got none; whether it was
 * carried out is unknown.
 */
export function toDatabaseError(error: unknown): Error {
  if (isOutage(error)) return error as Error;
  const parent = parentOf(error);
  if (parent.fatal === true || endedByServer.has(parent.code ?? "")) return new ConnectionError(parent);
  if (error instanceof BaseError) return error;
  if (parent.code === "ER_DUP_ENTRY")
    return new UniqueConstraintError({ parent: parent as never, message: parent.message });
  return new DatabaseError(parent as never);
}

const maxAttempts = 6;

/** Runs a transaction again when a deadlock or a lost lock ended it. */
export async function withoutContention<T>(transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction();
    } catch (error) {
      if (attempt >= maxAttempts || !isContention(error)) throw error;
      await delay(backoffMs(attempt, 4, 200, Math.random()));
    }
  }
}
