import { randomBytes } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type BetterSqlite from "better-sqlite3";
import { messageOf } from "./errors.ts";
import { load } from "./load.ts";

/** A reason not to start that a person can act on; shown without a stack. */
export class StartError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "StartError";
  }
}

/** Makes the directory where it is missing; refuses one that cannot be written to. */
export function prepareDataDir(dataDir: string): void {
  try {
    makeDirectory(dataDir);
    accessSync(dataDir, constants.W_OK);
    writeFileSync(join(dataDir, ".writable"), "");
  } catch (error) {
    throw new StartError(`DATA_DIR ${dataDir} cannot be written to: ${messageOf(error)}`);
  }
}

/** With its parents, one by one: told to do it itself, mkdir never returns below some special file systems. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // another process was faster
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
}

/**
 * Keeps other processes from using the same SQLite files; answers with the release. The lock is one that the operating
 * system drops with the process, however it ends.
 */
export function lockDataDir(dataDir: string): () => void {
  const Database = load("better-sqlite3") as typeof BetterSqlite;
  const db = new Database(join(dataDir, "lock.sqlite"), { timeout: 0 });
  try {
    db.exec("BEGIN EXCLUSIVE");
  } catch {
    db.close();
    throw new StartError(`DATA_DIR ${dataDir} is in use by another running system; stop it or choose another DATA_DIR`);
  }
  return () => db.close();
}

/** The content of a 0600 file of the data directory, made on first use. */
export function secretFile(
  dataDir: string,
  name: string,
  make: () => string = () => randomBytes(48).toString("base64url"),
): {
  value: string;
  created: boolean;
} {
  const path = join(dataDir, name);
  try {
    // wx: of two processes that start at once, one makes it and the other reads it
    const value = make();
    writeFileSync(path, `${value}\n`, { mode: 0o600, flag: "wx" });
    return { value, created: true };
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
    return { value: readFileSync(path, "utf8").trim(), created: false };
  }
}
