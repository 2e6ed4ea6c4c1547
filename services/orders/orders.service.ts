import { LRUCache } from "lru-cache";
import { configOf } from "../../config.ts";
import { contracts, defineService, type Bus, type Ctx } from "../../contracts/bus.ts";
import { inboxArchive, outboxArchive } from "../../lib/archive.ts";
import type { Caller } from "../../lib/audit-log.ts";
import { auditPage } from "../../lib/audit.ts";
import { messageOf } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { liveOf } from "../../lib/live-settings.ts";
import { memoryReadsOf } from "../../lib/memory-reads.ts";
import { metricsOf } from "../../lib/metrics.ts";
import { defaultLimit, pageOfShort } from "../../lib/page.ts";
import { toIso } from "../../lib/time.ts";
import { callerOf, isOpenTo, isStaff, signedIn } from "../../middlewares/guard.middleware.ts";
import { archiveSweep } from "../../mixins/archive-sweep.ts";
import { consumerMixin } from "../../mixins/consumer.mixin.ts";
import { auditLogMixin, type WithAuditLog } from "../../mixins/audit-log.mixin.ts";
import { dbMixin, type WithDatabase } from "../../mixins/db.mixin.ts";
import { outboxMixin, type WithOutbox } from "../../mixins/outbox.mixin.ts";
import { sweeperMixin, type WithSweeps } from "../../mixins/sweeper.mixin.ts";
import { ordersAudit, type OrdersAudit } from "./audit.repository.ts";
import { keysArchive } from "./answered-keys.ts";
import { erasuresRepository, type ErasuresRepository } from "./erasures.repository.ts";
import { expireSome } from "./expiry.ts";
import { idempotently, type InFlight, type KeyedRequest } from "./idempotency.ts";
import { migrations } from "./migrations/index.ts";
import { complete, meaningOf, ship, type Refund } from "./order.ts";
import { orderView } from "./order-view.ts";
import { inTurns, withKeptOrders, type KeptOrders } from "./kept-orders.ts";
import { ordersRepository, type OrdersRepository } from "./orders.repository.ts";
import { lookToPay, payOrder } from "./pay-order.ts";
import { placeOrder, quoteOrder } from "./place-order.ts";
import { cancelOrder, finishRefund, refundOrder, type RefundDeps } from "./refund-order.ts";
import { refundsRepository, type RefundsRepository } from "./refunds.repository.ts";
import { settlePayment } from "./settle-payment.ts";
import { timeline } from "./timeline.ts";
import { notingForeign, visible } from "./visible-order.ts";

interface Vars extends WithDatabase, WithAuditLog, WithOutbox, WithSweeps {
  orders: KeptOrders;
  refunds: RefundsRepository;
  erasures: ErasuresRepository;
  books: OrdersAudit;
  inFlight: InFlight;
  /** Payments that requests of this process have brought to their order; of others the order is looked at. */
  settledHere: LRUCache<string, true>;
}

type Members = Vars & { broker: Bus; logger: { warn(event: string, fields: object): void } };

const now = Date.now;
const refundBatch = 20;
const refundLeaseMs = 30_000;
const erasureBatch = 20;
/** Their events come within seconds, at a peak of some hundred a second within half a minute. */
const mostSettled = 20_000;

const depsOf = (service: Vars, bus: Bus, caller: Caller = { meta: {} }): RefundDeps => ({
  bus,
  noteRefund: ({ orderId, id: refundId, amountCents, kind }) =>
    service.auditLog.note(caller, {
      action: "refund",
      target: `order ${orderId}`,
      detail: { refundId, amountCents, kind },
    }),
  orders: service.orders,
  refunds: service.refunds,
  now,
  newId,
});

/** A first try at a refund that nobody waits for; the sweep makes the others. */
async function tryRefund(service: Members, refund: Refund | null): Promise<void> {
  if (!refund) return;
  try {
    await finishRefund(depsOf(service, service.broker), refund);
  } catch (error) {
    service.logger.warn("refund will be tried again", { refundId: refund.id, error: messageOf(error) });
  }
}

export default defineService<"orders", Vars>({
  name: "orders",
  mixins: [
    dbMixin(migrations),
    auditLogMixin(),
    outboxMixin(),
    consumerMixin({ atOnce: 4 }),
    sweeperMixin([
      {
        name: "expiry",
        everyMs: 500,
        pass(this: Members, stopping: AbortSignal) {
          return expireSome(this.orders, now(), stopping);
        },
      },
      {
        name: "refunds",
        everyMs: 1_000,
        async pass(this: Members) {
          const due = await this.refunds.claimDue(now(), refundBatch, refundLeaseMs);
          await Promise.all(due.map((refund) => tryRefund(this, refund)));
          return due.length === refundBatch;
        },
      },
      {
        name: "erasures",
        everyMs: 1_000,
        async pass(this: Members) {
          const looked = await this.erasures.sweep(now(), erasureBatch);
          if (looked > 0) this.orders.forgetAll();
          return looked === erasureBatch;
        },
      },
      archiveSweep([outboxArchive, inboxArchive, keysArchive]),
    ]),
  ],

  actions: {
    place(ctx) {
      const { currency } = configOf(this.broker);
      const { orderTtlSeconds: ttlSeconds, ordersOpen: isOpen } = liveOf(this.broker).values;
      const deps = { bus: ctx, orders: this.orders, now, newId, ttlSeconds, currency };
      const customerId = signedIn(ctx).id;
      // asked for while the key is looked up: nearly every key is new
      const quoted = quoteOrder({ bus: ctx, isOpen }, customerId, ctx.params);
      return idempotently(this, ctx, "place", async (request) => placeOrder(deps, customerId, await quoted, request));
    },
    async pay(ctx) {
      const { orders, settledHere } = this;
      const deps = { bus: ctx, orders, now, newId };
      // while the key is looked up, as for `place`
      const order = lookToPay(orders, ctx.params.id);
      const paid = idempotently(this, ctx, "pay", async (request) => {
        const { status, payment } = await payOrder(deps, callerOf(ctx), ctx.params, await order, request);
        if (status === 200) settledHere.set(payment.id, true);
        ctx.meta.$statusCode = status;
        return payment;
      });
      return notingForeign(this, ctx, paid);
    },
    cancel(ctx) {
      const deps = depsOf(this, ctx, ctx);
      const run = (request: KeyedRequest | null) => cancelOrder(deps, callerOf(ctx), ctx.params, request);
      return notingForeign(this, ctx, idempotently(this, ctx, "cancel", run));
    },
    refund(ctx) {
      const deps = depsOf(this, ctx, ctx);
      return idempotently(this, ctx, "refund", (request) => refundOrder(deps, signedIn(ctx), ctx.params, request));
    },
    async ship(ctx) {
      const { id, carrier, trackingNumber } = ctx.params;
      const by = signedIn(ctx).id;
      const shipment = { carrier, trackingNumber };
      const { order } = await this.orders.change(id, (current) => ship(current, by, shipment, now()), now());
      return orderView(order);
    },
    async complete(ctx) {
      const { id } = (await visible(this, ctx)).order;
      const by = signedIn(ctx).id;
      const { order } = await this.orders.change(id, (current) => complete(current, by, now()), now());
      return orderView(order);
    },
    async get(ctx) {
      return (await visible(this, ctx)).view;
    },
    async list(ctx) {
      const user = signedIn(ctx);
      const { status, cursor, limit = defaultLimit } = ctx.params;
      const customerId = isStaff(user) ? ctx.params.customerId : user.id;
      const page = await this.orders.list({ customerId, status, cursor, limit });
      return { ...page, items: page.items.map(orderView) };
    },
    async timeline(ctx) {
      const { id } = (await visible(this, ctx)).order;
      return { items: await timeline(ctx, this.orders, id) };
    },
    async payments(ctx) {
      const { id } = (await visible(this, ctx)).order;
      return pageOfShort((await ctx.call("payments.ofOrder", { orderId: id })).items, ctx.params);
    },

    async states(ctx) {
      const orders = await this.orders.states(ctx.params.ids);
      return orders.map(({ id, status, eventSequence, expiresAt, shippedAt }) => ({
        id,
        status,
        sequence: eventSequence,
        expiresAt: toIso(expiresAt),
        shipped: shippedAt !== null,
      }));
    },
    async customer(ctx) {
      return (await this.orders.find(ctx.params.id))?.customerId ?? null;
    },
    async ofCustomer(ctx) {
      return (await this.orders.ofCustomer(ctx.params.customerId)).map(orderView);
    },

    historiesOf(ctx) {
      return this.orders.historiesOf(ctx.params.customerId);
    },

    briefs(ctx) {
      return this.books.briefs(ctx.params);
    },
    async dossier(ctx) {
      const { id } = ctx.params;
      const found = this.orders.find(id);
      const [order, history, refunds, answers] = await Promise.all([
        found,
        this.orders.history(id),
        this.books.refundsOf(id),
        found.then((one) => (one ? this.books.answersAbout(one) : [])),
      ]);
      return order && { order: orderView(order), history, refunds, answers };
    },
    audit(ctx) {
      return auditPage(this.books.phases, ctx.params.cursor);
    },
    async hasten() {
      await this.refunds.hasten(now());
      for (const sweep of ["expiry", "refunds"]) this.wakeSweep(sweep);
      return null;
    },
  },

  consumes: {
    async "payment.succeeded"({ data: { orderId, paymentId, amountCents } }, delivery) {
      const { orders, broker: bus, settledHere } = this;
      // the request that paid has done it already; no later change of the order makes that undone
      if (settledHere.has(paymentId)) return delivery.settled();
      const money = { paymentId, amountCents };
      const order = await orders.find(orderId);
      if (order && meaningOf(order, money) === "nothing") return delivery.settled();
      const { refund } = await settlePayment({ bus, orders, now, newId }, orderId, money, { delivery });
      await tryRefund(this, refund);
    },
    async "user.erased"({ data: { userId } }, delivery) {
      await this.erasures.begin(userId, delivery, now());
      this.orders.forgetAll();
    },
  },

  events: {
    "orders.changed"(ctx: Ctx<{ ids: string[] }>) {
      if (ctx.nodeID !== this.broker.nodeID) this.orders.forget(ctx.params.ids);
    },
  },

  started() {
    const { broker, logger } = this;
    const tellOthers = inTurns((ids) => {
      // only a hint: who misses it reads anew within a second
      broker
        .broadcast("orders.changed", { ids })
        .catch((error: unknown) => logger.debug("nobody was told of changed orders", { error: messageOf(error) }));
    });
    const meter = metricsOf(broker)?.groups("orders");
    const stored = ordersRepository(this.db, this.outbox, configOf(broker).groupCommitMost, meter);
    this.orders = withKeptOrders(stored, now, tellOthers);
    this.refunds = refundsRepository(this.db);
    this.erasures = erasuresRepository(this.db);
    this.books = ordersAudit(this.db, now);
    this.inFlight = new Map();
    this.settledHere = new LRUCache({ max: mostSettled });
    const { access } = contracts["orders.get"];
    memoryReadsOf(broker).offer("orders.get", ({ id }, caller) => {
      const kept = this.orders.peek(id);
      return kept && caller && isOpenTo(access, caller, kept.order.customerId) ? kept.view : undefined;
    });
  },
  async stopped() {
    memoryReadsOf(this.broker).withdraw("orders.get");
    await (this.orders as OrdersRepository | undefined)?.stop();
  },
});
