import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import type { Hub } from "./hub.ts";

/** `orders.order_history.detail` and one value that is there. */
export type Place = readonly [where: string, value: string];

/** Every value in every table of every database of a hub, as text. */
export async function everyValue({ env }: Pick<Hub, "env">): Promise<Place[]> {
  return env.DATABASE_URL ? ofServer(env.DATABASE_URL, env.DATABASE_PREFIX ?? "hub_") : ofFiles(env.DATA_DIR ?? "");
}

/** Of a copy: the process that has the files open lets nobody else in. */
function ofFiles(dataDir: string): Place[] {
  const copy = mkdtempSync(join(tmpdir(), "hub-copy-"));
  try {
    cpSync(dataDir, copy, { recursive: true, filter: (file) => file === dataDir || file.includes(".sqlite") });
    return readdirSync(copy)
      .filter((file) => file.endsWith(".sqlite"))
      .flatMap((file) => ofFile(join(copy, file), file.replace(/\.sqlite$/, "")));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function ofFile(path: string, database: string): Place[] {
  const db = new Sqlite(path);
  const tables = db.prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const rowsOf = (name: string): object[] => db.prepare<[], object>(`SELECT * FROM "${name}"`).all();
  const places = tables.flatMap(({ name }) => rowsOf(name).flatMap(placesOf(database, name)));
  db.close();
  return places;
}

async function ofServer(url: string, prefix: string): Promise<Place[]> {
  const connection = await createConnection({ uri: url, dateStrings: true });
  try {
    const [tables] = await connection.query<RowDataPacket[]>(
      "SELECT table_schema AS db, table_name AS name FROM information_schema.tables WHERE LEFT(table_schema, ?) = ?",
      [prefix.length, prefix],
    );
    const places: Place[] = [];
    for (const { db, name } of tables as { db: string; name: string }[]) {
      const [rows] = await connection.query<RowDataPacket[]>(`SELECT * FROM \`${db}\`.\`${name}\``);
      places.push(...rows.flatMap(placesOf(db.slice(prefix.length), name)));
    }
    return places;
  } finally {
    await connection.end();
  }
}

const placesOf =
  (database: string, table: string) =>
  (row: object): Place[] =>
    Object.entries(row).map(([column, value]) => [
      `${database}.${table}.${column}`,
      Buffer.isBuffer(value) ? value.toString("latin1") : typeof value === "string" ? value : JSON.stringify(value),
    ]);
