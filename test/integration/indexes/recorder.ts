import type { Database } from "../../../lib/database.ts";

/** A statement as the product made it. */
export interface Statement {
  service: string;
  sql: string;
  values: readonly unknown[];
}

/** Texts that differ only in how many values they are given are one statement. */
const shapeOf = (sql: string): string =>
  sql
    .replace(/\s+/g, " ")
    .replace(/\?(, \?)+/g, "?, …")
    .replace(/(\([^()]*\))(( OR |, )\([^()]*\))+/g, "$1, …");

/** Remembers the first of each statement that a service makes from now on. */
export function record(service: string, db: Database, seen: Map<string, Statement>): void {
  const note = (sql: string, values: readonly unknown[] = []): void => {
    const key = `${service}: ${shapeOf(sql)}`;
    if (/^\s*(SELECT|UPDATE|DELETE|INSERT)/i.test(sql) && !seen.has(key)) seen.set(key, { service, sql, values });
  };
  const select = db.select.bind(db);
  const execute = db.execute.bind(db);
  Object.assign(db, {
    select: (sql: string, values: readonly unknown[], tx: never) => (note(sql, values), select(sql, values, tx)),
    execute: (sql: string, values: readonly unknown[], tx: never) => (note(sql, values), execute(sql, values, tx)),
  });
  // of models, with their values in them
  const { options } = db.sequelize as unknown as { options: { logging: (sql: string) => void } };
  options.logging = (sql) => {
    const text = sql.replace(/^Executing \([^)]*\): /, "");
    if (!/\$\d|\?/.test(text)) note(text);
  };
}

const many = 1_000;

/** What is wrong with how the store goes about a statement; null when nothing is. */
export async function faultOf(db: Database, { sql, values }: Statement): Promise<string | null> {
  return db.dialect === "mysql" ? faultOnMysql(db, sql, values) : faultOnSqlite(db, sql, values);
}

interface MysqlStep {
  table: string | null;
  type: string | null;
  key: string | null;
  rows: number | string | null;
  Extra: string | null;
}

async function faultOnMysql(db: Database, sql: string, values: readonly unknown[]): Promise<string | null> {
  const steps = await db.select<MysqlStep>(`EXPLAIN ${sql}`, values);
  const bad = steps.filter(({ table, type, rows, Extra }) => {
    if (table === null || table.startsWith("<") || Number(rows) < many) return false;
    return type === "ALL" || type === "index" || /filesort|temporary/.test(Extra ?? "");
  });
  return bad.length === 0
    ? null
    : bad.map(({ table, type, key, rows, Extra }) => `${table}: ${type} by ${key}, ${rows} rows, ${Extra}`).join("; ");
}

async function faultOnSqlite(db: Database, sql: string, values: readonly unknown[]): Promise<string | null> {
  const steps = await db.select<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, values);
  const details = steps.map(({ detail }) => detail);
  const isSorted = details.some((detail) => detail.startsWith("USE TEMP B-TREE FOR ORDER BY"));
  const bad: string[] = [];
  for (const detail of details) {
    const name = /^SCAN (\w+)/.exec(detail)?.[1];
    if (name === undefined) continue;
    const table = new RegExp(`(?:FROM|JOIN|,)\\s+(\\w+)\\s+(?:AS\\s+)?${name}\\b`).exec(sql)?.[1] ?? name;
    const [known] = await db.select("SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?", [table]);
    if (!known) continue;
    const [count] = await db.select<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`);
    // in the order of an index until there are enough
    const isEndedEarly = /LIMIT/.test(sql) && detail.includes("USING") && !isSorted;
    if ((count?.n ?? 0) >= many && !isEndedEarly) bad.push(detail);
  }
  return bad.length === 0 ? null : bad.join("; ");
}
