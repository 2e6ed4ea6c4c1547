import { configOf } from "../../config.ts";
import { defineService, type Bus } from "../../contracts/bus.ts";
import { notFound } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { memoryReadsOf } from "../../lib/memory-reads.ts";
import { defaultLimit } from "../../lib/page.ts";
import { peekCached } from "../../lib/tiered-cacher.ts";
import { signedIn } from "../../middlewares/guard.middleware.ts";
import { dbMixin, type WithDatabase } from "../../mixins/db.mixin.ts";
import { entityMixin, type WithEntity } from "../../mixins/entity.mixin.ts";
import { afterChanges } from "./after-changes.ts";
import { importProducts } from "./import-products.ts";
import { availableOf, listProducts } from "./list-products.ts";
import { migrations } from "./migrations/index.ts";
import { change, details, view, withUnits } from "./product.ts";
import { productInMemory } from "./product-in-memory.ts";
import { productModel, type ProductRow } from "./products.model.ts";
import { productsRepository, type ProductsRepository } from "./products.repository.ts";

interface Vars extends WithDatabase, WithEntity<ProductRow> {
  products: ProductsRepository;
}

export default defineService<"products", Vars>({
  name: "products",
  mixins: [dbMixin(migrations), entityMixin(productModel)],
  actions: {
    list(ctx) {
      return listProducts(ctx, this.products, { sort: "name", limit: defaultLimit, ...ctx.params });
    },
    async get(ctx) {
      const product = await ctx.call("products.details", ctx.params);
      return withUnits(product, await unitsOf(ctx, product.sku));
    },
    async details(ctx) {
      const product = await this.products.find(ctx.params.sku);
      if (!product || product.status === "archived") throw notFound("product");
      return details(product);
    },
    async create(ctx) {
      const { description = "", ...rest } = ctx.params;
      const at = Date.now();
      const { currency } = configOf(this.broker);
      const product = { ...rest, description, currency, id: newId(), status: "active" as const };
      const state = { ...product, createdAt: at, updatedAt: at };
      // asked first: an answer that fails after the product was made could not be repeated
      const units = await unitsOf(ctx, state.sku);
      await this.products.insert(state);
      this.logger.info("product created", { sku: state.sku, by: signedIn(ctx).id });
      return view(state, units);
    },
    async update(ctx) {
      const { sku, ...changes } = ctx.params;
      const units = await unitsOf(ctx, sku);
      const product = await this.products.change(sku, (current) => change(current, changes, Date.now()));
      if (!product) throw notFound("product");
      this.logger.info("product changed", { sku, by: signedIn(ctx).id });
      return view(product, units);
    },
    async import(ctx) {
      const { csv, initialStock = 0 } = ctx.params;
      const { currency } = configOf(this.broker);
      const report = await importProducts(
        { bus: ctx, products: this.products, now: Date.now, newId, currency },
        csv,
        initialStock,
      );
      const { read, imported, unchanged, skipped } = report;
      const by = signedIn(ctx).id;
      this.logger.info("catalogue imported", { read, imported, unchanged, skipped: skipped.length, by });
      return report;
    },
    quote(ctx) {
      return this.products.orderable(ctx.params.skus);
    },
  },
  async started() {
    const products = productsRepository(this.db, this.adapter);
    this.products = afterChanges(products, () => this.broker.cacher?.clean("products.details"));
    const { broker } = this;
    const reads = memoryReadsOf(broker);
    const inMemory = productInMemory({
      details: (sku) => peekCached(broker, "products.details", sku),
      available: (sku) => reads.peekOf("inventory.levels")?.({ skus: [sku] }, null)?.[0]?.available,
    });
    reads.offer("products.get", inMemory);
  },
  async stopped() {
    memoryReadsOf(this.broker).withdraw("products.get");
  },
});

const unitsOf = async (bus: Bus, sku: string): Promise<number> => (await availableOf(bus, [sku])).get(sku) ?? 0;
