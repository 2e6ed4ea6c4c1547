import { Type, type Static } from "@sinclair/typebox";
import { action, type TypesOf } from "./action.ts";
import { audit, hasten } from "./audit.ts";
import { BriefsOf, closed, Id, line, Nothing, nullable, Sku, Time } from "./shapes.ts";

export const StockLevel = Type.Object(
  { sku: Sku, onHand: Type.Integer(), reserved: Type.Integer(), available: Type.Integer() },
  closed,
);
export type StockLevel = Static<typeof StockLevel>;

export const ReservationLine = Type.Object({ sku: Sku, quantity: Type.Integer({ minimum: 1 }) }, closed);
export type ReservationLine = Static<typeof ReservationLine>;

const units = { minimum: 0, maximum: 1_000_000_000 };

const ReservationStatus = Type.Union([
  Type.Literal("HELD"),
  Type.Literal("COMMITTED"),
  Type.Literal("RELEASED"),
  Type.Literal("RETURNED"),
]);

export const HoldBrief = Type.Object({ orderId: Id, status: ReservationStatus, expiresAt: Time }, closed);
export type HoldBrief = Static<typeof HoldBrief>;

export const inventoryActions = {
  "inventory.get": action({
    summary: "Stock of one product",
    access: "admin",
    params: Type.Object({ sku: Sku }, closed),
    result: StockLevel,
  }),
  "inventory.set": action({
    summary: "Set what is on hand, as counted",
    access: "admin",
    params: Type.Object({ sku: Sku, onHand: Type.Integer(units) }, closed),
    result: StockLevel,
    refusals: ["BELOW_RESERVED"],
  }),
  "inventory.adjust": action({
    summary: "Add to or take from what is on hand",
    access: "admin",
    params: Type.Object(
      { sku: Sku, delta: Type.Integer({ minimum: -1_000_000_000, maximum: 1_000_000_000 }), reason: line(200) },
      closed,
    ),
    result: StockLevel,
    refusals: ["BELOW_RESERVED"],
  }),
  "inventory.levels": action({
    summary: "Available units by stock code; a stock code never stocked counts 0",
    access: "internal",
    params: Type.Object({ skus: Type.Array(Sku, { maxItems: 1000 }) }, closed),
    result: Type.Array(Type.Object({ sku: Sku, available: Type.Integer() }, closed)),
    retryable: true,
  }),
  "inventory.stockNew": action({
    summary: "Give stock codes that were never stocked their first units; others keep what they have",
    access: "internal",
    params: Type.Object({ skus: Type.Array(Sku, { maxItems: 1000 }), onHand: Type.Integer(units) }, closed),
    result: Nothing,
    retryable: true,
  }),
  "inventory.reserve": action({
    summary:
      "Hold stock for an order: all lines or none. The same `key` again answers with the order id that holds it already",
    access: "internal",
    params: Type.Object(
      {
        orderId: Id,
        key: Type.Optional(Type.String({ maxLength: 64, description: "digest of who asks and their idempotency key" })),
        lines: Type.Array(ReservationLine, { minItems: 1, maxItems: 1000 }),
        expiresAt: Time,
        sequence: Type.Integer({ minimum: 0, description: "the order's last event when this was asked" }),
      },
      closed,
    ),
    result: Type.Object({ orderId: Id }, closed),
    retryable: true,
    refusals: ["OUT_OF_STOCK", "RESERVATION_COMMITTED"],
  }),
  "inventory.release": action({
    summary: "Give a hold back, unless it was made after the order's event `sequence`; nothing when there is none",
    access: "internal",
    params: Type.Object({ orderId: Id, sequence: Type.Integer({ minimum: 0 }) }, closed),
    result: Nothing,
    retryable: true,
  }),
  "inventory.reservation": action({
    summary: "An order's hold and its lines, or null",
    access: "internal",
    params: Type.Object({ orderId: Id }, closed),
    result: nullable(
      Type.Object(
        {
          orderId: Id,
          status: ReservationStatus,
          expiresAt: Time,
          lines: Type.Array(ReservationLine),
        },
        closed,
      ),
    ),
  }),
  "inventory.briefs": action({
    summary: "Holds of these orders, or all of them by order id, a page at a time",
    access: "internal",
    params: BriefsOf,
    result: Type.Array(HoldBrief),
    timeoutMs: 30_000,
    retryable: true,
  }),
  "inventory.audit": audit(),
  "inventory.hasten": hasten("holds whose time is over"),
};
export type InventoryActions = TypesOf<typeof inventoryActions>;
