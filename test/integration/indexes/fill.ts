import { inboxArchive, outboxArchive, type ArchivedTable } from "../../../lib/archive.ts";
import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { deliveriesArchive } from "../../../services/notify/deliveries.repository.ts";
import { keysArchive } from "../../../services/orders/answered-keys.ts";

/** How many rows each table is given; a person has ten of them. */
export const filled = 20_000;
const people = filled / 10;

/** Rows like one that is there, but for these columns. `n` counts them. */
interface Filling {
  table: string;
  /** Which row they are like; none: one that gives all columns. */
  like?: string;
  columns: Record<string, string>;
}

type Sql = { id: (kind: number, n?: string) => string; text: (prefix: string) => string };

const sqlOf = (db: Database): Sql => {
  const padded = (n: string): string => (db.dialect === "mysql" ? `LPAD(${n}, 12, '0')` : `printf('%012d', ${n})`);
  const after = (prefix: string, n: string): string =>
    db.dialect === "mysql" ? `CONCAT('${prefix}', ${padded(n)})` : `'${prefix}' || ${padded(n)}`;
  return {
    id: (kind, n = "n") => after(`0190000${kind}-0000-7000-8000-`, n),
    text: (prefix) => after(prefix, "n"),
  };
};

const [order, payment, event, person, other] = [1, 2, 3, 4, 5];

const outbox = ({ id }: Sql, subject: number): Filling[] =>
  ["outbox", "outbox_archive"].map((table) => ({
    table,
    columns: { id: id(event), subject: id(subject), sequence: "1", published_at: "1" },
  }));
const inbox = ({ id }: Sql): Filling[] =>
  ["inbox", "inbox_archive"].map((table) => ({
    table,
    columns: { event_id: id(event), subject: id(order), sequence: "1", status: "'APPLIED'" },
  }));

const lanternOr = (when: string, otherwise: string): string => `CASE WHEN ${when} THEN 'lantern' ELSE ${otherwise} END`;

const fillings: Record<string, (sql: Sql) => Filling[]> = {
  auth: (sql) => [
    { table: "accounts", columns: { user_id: sql.id(person) } },
    { table: "families", columns: { id: sql.id(other), user_id: sql.id(person, `n % ${people}`) } },
    { table: "refresh_tokens", columns: { digest: sql.id(other), family_id: sql.id(other, "n") } },
    { table: "revocations", columns: { sequence: "n + 100", until_at: "n" } },
    { table: "attempts", columns: { id: sql.id(other), subject: sql.id(person, `n % ${people}`) } },
    { table: "reset_tokens", columns: { digest: sql.id(other), user_id: sql.id(person, `n % ${people}`) } },
    ...inbox(sql),
  ],
  users: (sql) => [
    { table: "users", columns: { id: sql.id(person), email: sql.text("somebody-"), active_admin: "0" } },
    { table: "addresses", columns: { id: sql.id(other), user_id: sql.id(person, `n % ${people}`) } },
    { table: "preferences", columns: { user_id: sql.id(person) } },
    ...outbox(sql, person),
  ],
  products: ({ id, text }): Filling[] => [
    {
      table: "products",
      columns: {
        id: id(other),
        sku: text("P"),
        sort_name: text("product "),
        search_text: text("product "),
        price_cents: "n",
      },
    },
    // one word is in a twentieth of all
    { table: "word_parts", columns: { part: lanternOr("n = 1", text("p")), word: lanternOr("n = 1", text("p")) } },
    { table: "product_words", columns: { word: lanternOr("n % 20 = 0", text("p")), product_id: id(other) } },
  ],
  inventory: (sql) => [
    { table: "stock", columns: { sku: sql.text("P"), on_hand: "100", reserved: "0" } },
    { table: "stock_ledger", columns: { id: sql.id(other), sku: sql.text("P"), delta: "100" } },
    {
      table: "reservations",
      columns: { order_id: sql.id(order), dedup_key: sql.id(other), status: "'COMMITTED'" },
    },
    ...inbox(sql),
  ],
  orders: (sql) => [
    {
      table: "orders",
      like: "status = 'PAID'",
      columns: { id: sql.id(order), customer_id: sql.id(person, `n % ${people}`), payment_id: sql.id(payment) },
    },
    { table: "order_lines", columns: { order_id: sql.id(order), position: "0" } },
    { table: "order_history", columns: { id: sql.id(other), order_id: sql.id(order) } },
    {
      table: "refunds",
      like: "status = 'DONE'",
      columns: { id: sql.id(other), order_id: sql.id(order), request_digest: "NULL", stray_payment_id: "NULL" },
    },
    ...["idempotency_keys", "idempotency_keys_archive"].map((table) => ({
      table,
      columns: { user_id: sql.id(person, `n % ${people}`), idempotency_key: sql.text("key ") },
    })),
    ...outbox(sql, order),
    ...inbox(sql),
  ],
  payments: (sql) => [
    {
      table: "payments",
      like: "status = 'SUCCEEDED'",
      columns: {
        ...{ id: sql.id(payment), order_id: sql.id(order), customer_id: sql.id(person, `n % ${people}`) },
        ...{ dedup_key: sql.id(other), provider_ref: sql.id(other), created_at: "n" },
      },
    },
    { table: "refunds", columns: { id: sql.id(other), payment_id: sql.id(payment) } },
    { table: "payment_ledger", columns: { id: sql.id(payment), payment_id: sql.id(payment), order_id: sql.id(order) } },
    { table: "payment_history", columns: { id: sql.id(other), payment_id: sql.id(payment), order_id: sql.id(order) } },
    {
      table: "provider_events",
      like: "status = 'APPLIED'",
      columns: { event_id: sql.id(event), payment_id: sql.id(payment), due_at: "NULL", handled_at: "n" },
    },
    ...outbox(sql, payment),
  ],
  notify: (sql) => [
    {
      table: "notifications",
      like: "order_id IS NOT NULL",
      columns: {
        ...{ id: sql.id(other), event_id: sql.id(event), user_id: sql.id(person, `n % ${people}`) },
        ...{ sequence: "n", order_id: sql.id(order), read_at: "n" },
      },
    },
    ...["deliveries", "deliveries_archive"].map((table) => ({
      table,
      columns: {
        ...{ id: sql.id(other), event_id: sql.id(event), user_id: sql.id(person, `n % ${people}`) },
        ...{ order_id: sql.id(order), status: "'SENT'", recipient: sql.text("somebody-") },
      },
    })),
    { table: "user_counters", columns: { user_id: sql.id(person) } },
    ...inbox(sql),
  ],
  ops: () => [],
};

const archived: Record<string, readonly ArchivedTable[]> = {
  auth: [inboxArchive],
  users: [outboxArchive],
  inventory: [inboxArchive],
  orders: [outboxArchive, inboxArchive, keysArchive],
  payments: [outboxArchive],
  notify: [inboxArchive, deliveriesArchive],
};

/** What the archive has of the table's columns, so that a filled table can fill its archive. */
const templateOf = (service: string, table: string): { from: string; columns: readonly string[] | null } => {
  const plan = (archived[service] ?? []).find((one) => `${one.table}_archive` === table);
  return plan?.kept
    ? { from: plan.table, columns: plan.kept.map(([column]) => column) }
    : { from: table, columns: null };
};

/** Fills the tables of a service that grow, and has the store look at what they hold. */
export async function fill(service: string, db: Database): Promise<void> {
  const digits = Array.from({ length: 10 }, (_, i) => `SELECT ${i} AS d`).join(" UNION ALL ");
  await db.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)");
  const places = ["a", "b", "c", "d"].map((name) => `(${digits}) AS ${name}`).join(", ");
  const tenThousand = `a.d + 10 * b.d + 100 * c.d + 1000 * d.d`;
  for (let from = 0; from < filled; from += 10_000) {
    await db.execute(`INSERT INTO numbers SELECT ${from} + ${tenThousand} FROM ${places}`);
  }
  for (const { table, like = "1 = 1", columns } of fillings[service]?.(sqlOf(db)) ?? []) {
    const { from, columns: kept } = templateOf(service, table);
    const rows = await db.select<Record<string, unknown>>(`SELECT * FROM ${from} WHERE ${like} LIMIT 1`);
    const template = rows[0] ?? (await stand(db, from));
    const names = (kept ?? Object.keys(template)).filter((name) => !(table === "order_history" && name === "position"));
    const fixed = names.filter((name) => columns[name] === undefined);
    await db.execute(
      `INSERT INTO ${table} (${names.join(", ")}) SELECT ${names.map((name) => columns[name] ?? "?").join(", ")} FROM numbers`,
      fixed.map((name) => template[name]),
    );
    await db.execute(`ANALYZE ${db.dialect === "mysql" ? "TABLE " : ""}${table}`);
  }
  await db.execute("DROP TABLE numbers");
}

/** A row with something in every column, for a table that has none. */
async function stand(db: Database, table: string): Promise<Record<string, unknown>> {
  const columns =
    db.dialect === "mysql"
      ? await db.select<{ name: string; type: string }>(
          "SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?",
          [table],
        )
      : await db.select<{ name: string; type: string }>(`SELECT name, type FROM pragma_table_info('${table}')`);
  return Object.fromEntries(columns.map(({ name, type }) => [name, /int/i.test(type) ? 1 : newId()]));
}
