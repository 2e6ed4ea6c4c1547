import type { HoldBrief } from "../../contracts/inventory.ts";
import { nextKey, type Phase } from "../../lib/audit.ts";
import { marks, type Database } from "../../lib/database.ts";
import type { Clock } from "../../lib/ids.ts";
import { toIso } from "../../lib/time.ts";

/** What the stock tables say of the invariants. */
export interface InventoryAudit {
  phases: readonly Phase[];
  /** Holds of these orders, or a page of all after an order id. */
  briefs(range: { orderIds?: readonly string[]; after?: string; limit?: number }): Promise<HoldBrief[]>;
}

interface StockRow {
  sku: string;
  on_hand: number | string;
  reserved: number | string;
  ledger: number | string;
  held: number | string | null;
}

interface HoldRow {
  order_id: string;
  status: HoldBrief["status"];
  expires_at: number | string;
}

const stockInPage = 1_000;
const holdsInPage = 500;
const shown = 1_000;

/** How long after its time a hold may still be open. */
const overdueMs = 60_000;

export function inventoryAudit(db: Database, now: Clock): InventoryAudit {
  // Stock codes compare byte by byte, and what comes out of JSON does not say so by itself.
  const heldLines =
    db.dialect === "mysql"
      ? `SELECT CONVERT(line.sku USING utf8mb4) COLLATE utf8mb4_bin AS sku, SUM(line.quantity) AS quantity
         FROM reservations, JSON_TABLE(reserved_lines, '$[*]'
           COLUMNS (sku VARCHAR(255) PATH '$.sku', quantity BIGINT PATH '$.quantity')) AS line
         WHERE status = 'HELD' GROUP BY 1`
      : `SELECT json_extract(line.value, '$.sku') AS sku, SUM(json_extract(line.value, '$.quantity')) AS quantity
         FROM reservations, json_each(reserved_lines) AS line WHERE status = 'HELD' GROUP BY 1`;

  // One statement, so that a level, its ledger and its holds are seen at the same moment.
  const stock: Phase = async (after, found) => {
    const rows = await db.select<StockRow>(
      `SELECT page.sku, page.on_hand, page.reserved, held.quantity AS held,
         (SELECT COALESCE(SUM(delta), 0) FROM stock_ledger WHERE stock_ledger.sku = page.sku) AS ledger
       FROM (SELECT sku, on_hand, reserved FROM stock WHERE sku > ? ORDER BY sku LIMIT ${stockInPage}) AS page
       LEFT JOIN (${heldLines}) AS held ON held.sku = page.sku ORDER BY page.sku`,
      [after ?? ""],
    );
    for (const row of rows) {
      const [onHand, reserved] = [Number(row.on_hand), Number(row.reserved)];
      found.see("stock.levels", row.sku, onHand >= 0 && reserved >= 0 && reserved <= onHand);
      found.see("stock.ledger", row.sku, onHand === Number(row.ledger));
      found.see("stock.holds", row.sku, reserved === Number(row.held ?? 0));
    }
    return nextKey(rows, stockInPage, ({ sku }) => sku);
  };

  const overdue: Phase = async (_after, found) => {
    const [count] = await db.select<{ n: number | string }>(
      "SELECT COUNT(*) AS n FROM reservations WHERE status = 'HELD'",
    );
    const late = await db.select<{ order_id: string }>(
      `SELECT order_id FROM reservations WHERE status = 'HELD' AND expires_at < ? ORDER BY expires_at LIMIT ${shown}`,
      [now() - overdueMs],
    );
    found.seeAll(
      "stock.overdue",
      Number(count?.n ?? 0),
      late.map(({ order_id }) => order_id),
    );
    return null;
  };

  return {
    phases: [stock, overdue],
    async briefs({ orderIds, after = "", limit = holdsInPage }) {
      if (orderIds?.length === 0) return [];
      const where = orderIds
        ? `order_id IN (${marks(orderIds.length)})`
        : `order_id > ? ORDER BY order_id LIMIT ${limit}`;
      const rows = await db.select<HoldRow>(
        `SELECT order_id, status, expires_at FROM reservations WHERE ${where}`,
        orderIds ?? [after],
      );
      return rows.map(({ order_id, status, expires_at }) => ({
        orderId: order_id,
        status,
        expiresAt: toIso(Number(expires_at)),
      }));
    },
  };
}
