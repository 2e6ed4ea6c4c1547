import type { Bus } from "../../contracts/bus.ts";
import type { Order, OrderAddress, PlaceOrder } from "../../contracts/orders.ts";
import { DomainError, notFound, type FieldError } from "../../lib/errors.ts";
import { reach } from "../../lib/failpoints.ts";
import type { Clock, NewId } from "../../lib/ids.ts";
import { toIso } from "../../lib/time.ts";
import { AlreadyServed, type KeyedRequest } from "./idempotency.ts";
import { draftOrder, mergeItems, type Priced } from "./draft-order.ts";
import { orderView } from "./order-view.ts";
import type { OrdersRepository } from "./orders.repository.ts";

/** A hold outlives its order's deadline, so that the deadline alone decides. */
const holdGraceMs = 30_000;

export interface PlaceDeps {
  bus: Bus;
  orders: OrdersRepository;
  now: Clock;
  newId: NewId;
  ttlSeconds: number;
  currency: string;
}

/** What is wanted, at the prices of now, and where it is to go. */
export interface Quoted {
  items: { sku: string; quantity: number }[];
  lines: Priced[];
  address: OrderAddress | null;
  note: string | null;
}

export interface QuoteDeps {
  bus: Bus;
  /** Whether new orders are taken. */
  isOpen: boolean;
}

/** Prices an order; changes nothing. Nobody has to look at what comes of it: where its answer is stored, nobody does. */
export function quoteOrder(deps: QuoteDeps, customerId: string, input: PlaceOrder): Promise<Quoted> {
  const quoted = quote(deps, customerId, input);
  quoted.catch(() => {});
  return quoted;
}

async function quote({ bus, isOpen }: QuoteDeps, customerId: string, input: PlaceOrder): Promise<Quoted> {
  if (!isOpen) throw new DomainError("conflict", "ORDERS_CLOSED", "No new orders are taken at present.");
  const items = mergeItems(input.items);
  const [lines, address] = await Promise.all([
    price(bus, items, input.items),
    input.addressId === undefined ? null : addressOf(bus, customerId, input.addressId),
  ]);
  return { items, lines, address, note: input.note ?? null };
}

/**
 * Holds the stock of an order and stores it. The hold knows the request, so that a retry, also after this process
 * died in between, goes on with the same order. If storing fails, the hold ends by itself: whether the order was
 * committed may then be unknown, and its stock must not be given away before it is.
 */
export async function placeOrder(
  { bus, orders, now, newId, ttlSeconds, currency }: PlaceDeps,
  customerId: string,
  { items, lines, address, note }: Quoted,
  request: KeyedRequest | null,
): Promise<Order> {
  const createdAt = now();
  const expiresAt = createdAt + ttlSeconds * 1_000;
  const draft = { id: newId(), customerId, currency, lines, address, note, expiresAt };
  // before any stock is held: a total that cannot be charged is refused here
  draftOrder(draft, createdAt);

  const held = await bus.call("inventory.reserve", {
    orderId: draft.id,
    // not the key's alone: a hold for other lines must not take the place of one whose order is being stored
    ...(request ? { key: request.exactDigest } : {}),
    lines: items,
    expiresAt: toIso(expiresAt + holdGraceMs),
    sequence: 0,
  });
  await reach("place.after-reserve");
  const change = draftOrder({ ...draft, id: held.orderId }, createdAt);
  const view = orderView(change.order);
  if (!(await orders.insert(change, request, { status: 201, body: view }))) throw new AlreadyServed();
  await reach("place.after-commit");
  return view;
}

/** Merged lines with their names and prices; names the items that are no products. */
async function price(
  bus: Bus,
  items: readonly { sku: string; quantity: number }[],
  asked: PlaceOrder["items"],
): Promise<Priced[]> {
  const quotes = await bus.call("products.quote", { skus: items.map(({ sku }) => sku) });
  const bySku = new Map(quotes.map((quote) => [quote.sku, quote]));
  const errors: FieldError[] = asked.flatMap(({ sku }, i) =>
    bySku.has(sku) ? [] : [{ field: `items[${i}].sku`, code: "UNKNOWN_PRODUCT", message: "is not for sale" }],
  );
  if (errors.length > 0) {
    throw new DomainError("invalid", "UNKNOWN_PRODUCT", "Some items are not for sale.", { errors });
  }
  return items.flatMap(({ sku, quantity }) => {
    const quote = bySku.get(sku);
    return quote ? [{ sku, name: quote.name, quantity, unitPriceCents: quote.priceCents }] : [];
  });
}

async function addressOf(bus: Bus, userId: string, addressId: string): Promise<OrderAddress> {
  const address = await bus.call("users.address", { userId, addressId });
  if (!address) throw notFound("address");
  const { name, line1, line2, city, region, postalCode, country, phone } = address;
  return {
    name,
    line1,
    line2: line2 ?? null,
    city,
    region: region ?? null,
    postalCode,
    country,
    phone: phone ?? null,
  };
}
