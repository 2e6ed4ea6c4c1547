import type { Database } from "../../lib/database.ts";
import { migrate, type Migration } from "../../lib/migrations.ts";
import { migrations as inventory } from "../../services/inventory/migrations/index.ts";
import { migrations as notify } from "../../services/notify/migrations/index.ts";
import { migrations as orders } from "../../services/orders/migrations/index.ts";
import { migrations as products } from "../../services/products/migrations/index.ts";
import { mysqlStore, sqliteStore } from "../support/stores.ts";

describe.each([
  ["orders", orders],
  ["inventory", inventory],
  ["notify", notify],
  ["products", products],
] as const)("the schema of %s", (service, migrations) => {
  it.each([
    ["SQLite", sqliteStore],
    ["MySQL", mysqlStore],
  ] as const)("is what it is to be wherever its making was interrupted, on %s", async (_name, open) => {
    const whole = await schemaAfter(open, service, migrations, Infinity);
    expect(whole.interrupted).toBe(false);
    expect(whole.tables.length).toBeGreaterThan(2);

    for (let statements = 0; ; statements += 1) {
      const { tables, interrupted, steps } = await schemaAfter(open, service, migrations, statements);
      if (!interrupted) break;
      expect({ statements, tables }).toEqual({ statements, tables: whole.tables });
      expect(steps).toEqual(migrations.map(({ name }) => name).sort());
    }
  });
});

/** The tables and the steps that are through, of a schema that was begun, cut short after so many statements, and begun again. */
async function schemaAfter(
  openStore: typeof sqliteStore,
  service: string,
  migrations: readonly Migration[],
  statements: number,
): Promise<{ tables: string[]; steps: string[]; interrupted: boolean }> {
  const store = openStore();
  try {
    const db = await store.open(service, []);
    const mend = cutAfter(db, statements);
    const interrupted = await migrate(db, migrations).then(
      () => false,
      () => true,
    );
    mend();
    const ran = await migrate(db, migrations);
    expect(ran.length > 0).toBe(interrupted);
    const steps = await db.select<{ name: string }>(
      "SELECT name FROM schema_migrations WHERE applied_at > 0 ORDER BY name",
    );
    return { tables: await tablesOf(db), steps: steps.map(({ name }) => name), interrupted };
  } finally {
    await store.dispose();
  }
}

/** Has every statement of Sequelize's fail once there were so many; answers with what makes it whole again. */
function cutAfter({ sequelize }: Database, statements: number): () => void {
  const query = sequelize.query.bind(sequelize);
  let asked = 0;
  sequelize.query = (async (...args: unknown[]) => {
    asked += 1;
    if (asked > statements && !/^(COMMIT|ROLLBACK)/.test(String(args[0]))) throw new Error("interrupted");
    return (query as unknown as (...args: unknown[]) => Promise<unknown>)(...args);
  }) as typeof sequelize.query;
  return () => void (sequelize.query = query);
}

async function tablesOf(db: Database): Promise<string[]> {
  if (db.dialect === "sqlite") {
    const rows = await db.select<{ sql: string }>("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name");
    return rows.map(({ sql }) => sql);
  }
  const names = await db.select<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name",
  );
  const tables: string[] = [];
  for (const { name } of names) {
    const [row] = await db.select<Record<string, string>>(`SHOW CREATE TABLE ${name}`);
    tables.push(String(row?.["Create Table"]));
  }
  return tables;
}
