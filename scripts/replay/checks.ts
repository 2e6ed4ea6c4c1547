import { existsSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import { marks, openDatabase, type StoreConfig } from "../../lib/database.ts";
import { sumCents } from "../../lib/money.ts";
import { ScriptError } from "../rest-client.ts";
import { totalsOf } from "./plan.ts";
import type { Outcome } from "./run-plan.ts";

export interface Sums {
  orders: number;
  units: number;
  totalCents: number;
  paid: number;
}

/** What the file says that must have been ordered. */
export function plannedSums(outcomes: readonly Outcome[]): Sums {
  const { orders, units, totalCents } = totalsOf(outcomes.map(({ planned }) => planned));
  return { orders, units, totalCents, paid: orders };
}

/** What the system answered; an invoice that was placed twice, or not at all, shows in the count of different ids. */
export function answeredSums(outcomes: readonly Outcome[]): Sums {
  const placed = outcomes.flatMap((outcome) => (outcome.placed ? [outcome.placed] : []));
  return {
    orders: new Set(placed.map(({ order }) => order.id)).size,
    units: sumCents(placed.flatMap(({ order }) => order.lines.map(({ quantity }) => quantity))),
    totalCents: sumCents(placed.map(({ order }) => order.totalCents)),
    paid: placed.filter(({ payment }) => payment.status === "SUCCEEDED").length,
  };
}

/**
 * Refuses settings that name another store than the system's own: at the end its database is asked, and by then
 * everything would be ordered.
 */
export async function assertSameStore(store: StoreConfig, adminId: string, url: string): Promise<void> {
  const elsewhere = new ScriptError(
    `the system at ${url} keeps its data elsewhere than these settings say: run the replay with its own ` +
      (store.dialect === "sqlite" ? "DATA_DIR, or DATABASE_URL" : "DATABASE_URL and DATABASE_PREFIX"),
  );
  if (store.dialect === "sqlite" && !existsSync(join(store.dataDir, "users.sqlite"))) throw elsewhere;
  const db = await openDatabase(store, "users").catch((error: unknown) => {
    throw new ScriptError(`${elsewhere.message} (${messageOf(error)})`);
  });
  try {
    const rows = await db.select("SELECT id FROM users WHERE id = ?", [adminId]).catch(() => []);
    if (rows.length === 0) throw elsewhere;
  } finally {
    await db.close();
  }
}

const batch = 200;

/** What the database of the orders service says about the orders that were answered. */
export async function storedSums(store: StoreConfig, outcomes: readonly Outcome[]): Promise<Sums> {
  const ids = outcomes.flatMap(({ placed }) => (placed ? [placed.order.id] : []));
  const sums: Sums = { orders: 0, units: 0, totalCents: 0, paid: 0 };
  const db = await openDatabase(store, "orders");
  try {
    for (let i = 0; i < ids.length; i += batch) {
      const some = ids.slice(i, i + batch);
      const [orders] = await db.select<Record<"orders" | "cents" | "paid", number | string | null>>(
        `SELECT COUNT(*) AS orders, SUM(total_cents) AS cents, SUM(CASE WHEN status = 'PAID' THEN 1 ELSE 0 END) AS paid
         FROM orders WHERE id IN (${marks(some.length)})`,
        some,
      );
      const [lines] = await db.select<{ units: number | string | null }>(
        `SELECT SUM(quantity) AS units FROM order_lines WHERE order_id IN (${marks(some.length)})`,
        some,
      );
      sums.orders += Number(orders?.orders ?? 0);
      sums.totalCents += Number(orders?.cents ?? 0);
      sums.paid += Number(orders?.paid ?? 0);
      sums.units += Number(lines?.units ?? 0);
    }
  } finally {
    await db.close();
  }
  return sums;
}

/** A sentence for each sum in which `found` differs from `wanted`. */
export function differences(what: string, wanted: Sums, found: Sums): string[] {
  return (Object.keys(wanted) as (keyof Sums)[])
    .filter((name) => wanted[name] !== found[name])
    .map((name) => `${what}: ${name} is ${found[name]}, but must be ${wanted[name]}`);
}
