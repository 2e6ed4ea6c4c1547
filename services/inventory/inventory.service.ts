import { configOf } from "../../config.ts";
import { defineService, type Actions, type AppBroker, type Ctx } from "../../contracts/bus.ts";
import type { StockLevel } from "../../contracts/inventory.ts";
import { inboxArchive } from "../../lib/archive.ts";
import { auditPage } from "../../lib/audit.ts";
import { newId } from "../../lib/ids.ts";
import { memoryReadsOf } from "../../lib/memory-reads.ts";
import { metricsOf } from "../../lib/metrics.ts";
import { toIso } from "../../lib/time.ts";
import { signedIn } from "../../middlewares/guard.middleware.ts";
import { archiveSweep } from "../../mixins/archive-sweep.ts";
import { consumerMixin } from "../../mixins/consumer.mixin.ts";
import { auditLogMixin, type WithAuditLog } from "../../mixins/audit-log.mixin.ts";
import { dbMixin, type WithDatabase } from "../../mixins/db.mixin.ts";
import { sweeperMixin, type WithSweeps } from "../../mixins/sweeper.mixin.ts";
import { inventoryAudit, type InventoryAudit } from "./audit.repository.ts";
import { inventoryRepository, type InventoryRepository } from "./inventory.repository.ts";
import { withKeptLevels, type KeptLevels } from "./kept-levels.ts";
import { migrations } from "./migrations/index.ts";
import { returnGoods } from "./return-goods.ts";
import { adjust, availableOf, commit, count, noLevel, release, reserve, type Level } from "./stock.ts";
import { sweepHolds } from "./sweep-holds.ts";

interface Vars extends WithDatabase, WithAuditLog, WithSweeps {
  inventory: KeptLevels;
  books: InventoryAudit;
}

const sweepMs = 1_000;

export default defineService<"inventory", Vars>({
  name: "inventory",
  mixins: [
    dbMixin(migrations),
    auditLogMixin(),
    consumerMixin(),
    sweeperMixin([
      {
        name: "holds",
        everyMs: sweepMs,
        pass(this: Vars & { broker: AppBroker }) {
          return sweepHolds(this.broker, this.inventory, Date.now);
        },
      },
      archiveSweep([inboxArchive]),
    ]),
  ],
  actions: {
    get(ctx) {
      return levelOf(ctx, this.inventory);
    },
    async set(ctx) {
      const { sku, onHand } = ctx.params;
      const by = signedIn(ctx).id;
      await levelOf(ctx, this.inventory);
      const note = this.auditLog.note(ctx, { action: "stock.change", target: `product ${sku}`, detail: { onHand } });
      const level = await this.inventory.changeLevel(sku, (before) => count(before, onHand, by), note);
      return view(level);
    },
    async adjust(ctx) {
      const { sku, delta, reason } = ctx.params;
      const by = signedIn(ctx).id;
      await levelOf(ctx, this.inventory);
      const deed = { action: "stock.change", target: `product ${sku}`, detail: { delta, reason } } as const;
      const change = (before: Level) => adjust(before, delta, by, reason);
      const level = await this.inventory.changeLevel(sku, change, this.auditLog.note(ctx, deed));
      return view(level);
    },
    async levels(ctx) {
      const skus = [...new Set(ctx.params.skus)];
      const levels = await this.inventory.levels(skus);
      return skus.map((sku) => ({ sku, available: availableOf(levels.get(sku) ?? noLevel(sku)) }));
    },
    async stockNew(ctx) {
      const { skus, onHand } = ctx.params;
      const deed = { action: "stock.change", target: "new products", detail: { count: skus.length, onHand } } as const;
      await this.inventory.stockNew(skus, onHand, ctx.meta.user?.id ?? null, this.auditLog.note(ctx, deed));
      return null;
    },
    async reserve(ctx) {
      const { orderId, key = null, lines, expiresAt, sequence } = ctx.params;
      const ask = { orderId, key, lines, expiresAt: Date.parse(expiresAt), sequence };
      const wanted = { orderId, key, skus: lines.map(({ sku }) => sku) };
      const held = await this.inventory.change(wanted, (found, stock) => reserve(found, ask, stock));
      return { orderId: held?.orderId ?? orderId };
    },
    async release(ctx) {
      const { orderId, sequence } = ctx.params;
      await this.inventory.change({ orderId }, (found, stock) => found && release(found, sequence, stock));
      return null;
    },
    async reservation(ctx) {
      const found = await this.inventory.reservation(ctx.params.orderId);
      if (!found) return null;
      const { orderId, status, expiresAt, lines } = found;
      return { orderId, status, expiresAt: toIso(expiresAt), lines: [...lines] };
    },
    briefs(ctx) {
      return this.books.briefs(ctx.params);
    },
    audit(ctx) {
      return auditPage(this.books.phases, ctx.params.cursor);
    },
    hasten() {
      this.wakeSweep("holds");
      return null;
    },
  },
  consumes: {
    async "order.paid"({ data: { orderId }, sequence }, delivery) {
      await this.inventory.change({ orderId }, (found, stock) => commit(found, orderId, sequence, stock), delivery);
    },
    async "order.cancelled"({ data: { orderId }, sequence }, delivery) {
      await this.inventory.change({ orderId }, (found, stock) => found && release(found, sequence, stock), delivery);
    },
    async "order.expired"({ data: { orderId }, sequence }, delivery) {
      await this.inventory.change({ orderId }, (found, stock) => found && release(found, sequence, stock), delivery);
    },
    "order.refunded"(event, delivery) {
      return returnGoods(this.broker, this.inventory, event, delivery);
    },
  },
  async started() {
    this.books = inventoryAudit(this.db, Date.now);
    const { groupCommitMost } = configOf(this.broker);
    const meter = metricsOf(this.broker)?.groups("stock");
    this.inventory = withKeptLevels(inventoryRepository(this.db, Date.now, newId, groupCommitMost, meter));
    memoryReadsOf(this.broker).offer("inventory.levels", ({ skus }) => levelsInMemory(this.inventory, skus));
  },
  async stopped() {
    memoryReadsOf(this.broker).withdraw("inventory.levels");
    await (this.inventory as InventoryRepository | undefined)?.stop();
  },
});

type Levels = Actions["inventory.levels"]["result"];

/** All of them or none: what is missing has to be asked for. */
function levelsInMemory(inventory: KeptLevels, skus: readonly string[]): Levels | undefined {
  const levels: Levels = [];
  for (const sku of new Set(skus)) {
    const level = inventory.peek(sku);
    if (!level) return undefined;
    levels.push({ sku, available: availableOf(level) });
  }
  return levels;
}

/** What there is of a product, refusing stock codes that are none: a product that was never stocked has a level of zero. */
async function levelOf(ctx: Ctx<{ sku: string }>, inventory: InventoryRepository): Promise<StockLevel> {
  const { sku } = ctx.params;
  const level = await inventory.level(sku);
  if (!level) await ctx.call("products.get", { sku });
  return view(level ?? noLevel(sku));
}

const view = (level: Level): StockLevel => ({ ...level, available: availableOf(level) });
