import { Type, type Static } from "@sinclair/typebox";
import { action, type TypesOf } from "./action.ts";
import { Cents, closed, Currency, Id, line, pageOf, pageParams, Sku, text, Time } from "./shapes.ts";

/** `unlisted` can be ordered by its stock code but is not in the catalogue (postage, charges); `archived` neither. */
export const ProductStatus = Type.Union([Type.Literal("active"), Type.Literal("unlisted"), Type.Literal("archived")]);

export const Product = Type.Object(
  {
    id: Id,
    sku: Sku,
    name: Type.String(),
    description: Type.String(),
    priceCents: Cents,
    currency: Currency,
    available: Type.Integer({ minimum: 0, description: "units that can be ordered now" }),
    status: ProductStatus,
    createdAt: Time,
    updatedAt: Time,
  },
  closed,
);
export type Product = Static<typeof Product>;

/** A product without how many there are, which others change all the time. */
export const ProductDetails = Type.Omit(Product, ["available"], closed);
export type ProductDetails = Static<typeof ProductDetails>;

/** A price at most of a hundred million of the currency's main unit, so that an order's total stays exact. */
const Price = Type.Integer({ minimum: 0, maximum: 10_000_000_000, description: "minor units" });

/** What an order needs to know of a product. */
export const Quote = Type.Object({ sku: Sku, name: Type.String(), priceCents: Cents, currency: Currency }, closed);
export type Quote = Static<typeof Quote>;

export const ImportReport = Type.Object(
  {
    read: Type.Integer({ description: "lines, without the header" }),
    imported: Type.Integer({ description: "products created or changed" }),
    unchanged: Type.Integer({ description: "products that were already as the file says" }),
    skipped: Type.Array(Type.Object({ line: Type.Integer(), code: Type.String(), reason: Type.String() }, closed)),
  },
  closed,
);
export type ImportReport = Static<typeof ImportReport>;

export const productActions = {
  "products.list": action({
    summary: "The catalogue",
    access: "public",
    params: Type.Object(
      {
        search: Type.Optional(text(100)),
        sort: Type.Optional(
          Type.Union([Type.Literal("name"), Type.Literal("price"), Type.Literal("-price"), Type.Literal("newest")], {
            default: "name",
          }),
        ),
        inStock: Type.Optional(Type.Boolean()),
        ...pageParams,
      },
      closed,
    ),
    result: pageOf(Product),
  }),
  "products.get": action({
    summary: "One product",
    access: "public",
    params: Type.Object({ sku: Sku }, closed),
    result: Product,
    retryable: true,
  }),
  "products.details": action({
    summary: "One product without its stock",
    access: "internal",
    params: Type.Object({ sku: Sku }, closed),
    result: ProductDetails,
    retryable: true,
    cache: { keys: ["sku"], ttlSeconds: 30 },
  }),
  "products.create": action({
    summary: "Add a product",
    access: "admin",
    params: Type.Object(
      { sku: Sku, name: line(200), description: Type.Optional(text(4000)), priceCents: Price },
      closed,
    ),
    result: Product,
    refusals: ["SKU_TAKEN"],
  }),
  "products.update": action({
    summary: "Change a product",
    access: "admin",
    params: Type.Object(
      {
        sku: Sku,
        name: Type.Optional(line(200)),
        description: Type.Optional(text(4000)),
        priceCents: Type.Optional(Price),
        status: Type.Optional(ProductStatus),
      },
      closed,
    ),
    result: Product,
  }),
  "products.import": action({
    summary: "Load a catalogue from CSV: a retail export, or the columns sku, name, description, priceCents",
    access: "admin",
    params: Type.Object(
      {
        csv: Type.String(),
        initialStock: Type.Optional(
          Type.Integer({ minimum: 0, maximum: 1_000_000, description: "units for stock codes that are new" }),
        ),
      },
      closed,
    ),
    result: ImportReport,
    timeoutMs: 60_000,
  }),
  "products.quote": action({
    summary: "Names and prices of products that can be ordered; a stock code that cannot is left out",
    access: "internal",
    params: Type.Object({ skus: Type.Array(Sku, { minItems: 1, maxItems: 1000 }) }, closed),
    result: Type.Array(Quote),
    retryable: true,
  }),
};
export type ProductActions = TypesOf<typeof productActions>;
