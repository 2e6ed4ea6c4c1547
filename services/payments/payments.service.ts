import { configOf, type Config } from "../../config.ts";
import { defineService } from "../../contracts/bus.ts";
import { outboxArchive } from "../../lib/archive.ts";
import { auditPage } from "../../lib/audit.ts";
import { isOutage } from "../../lib/database-errors.ts";
import { DomainError, messageOf, notFound } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { metricsOf } from "../../lib/metrics.ts";
import { mayUse } from "../../middlewares/guard.middleware.ts";
import { archiveSweep } from "../../mixins/archive-sweep.ts";
import { auditLogMixin, type WithAuditLog } from "../../mixins/audit-log.mixin.ts";
import { dbMixin, patiently, type WithDatabase } from "../../mixins/db.mixin.ts";
import { outboxMixin, type WithOutbox } from "../../mixins/outbox.mixin.ts";
import { sweeperMixin, type WithSweeps } from "../../mixins/sweeper.mixin.ts";
import { continueTrace } from "../../mixins/traced.ts";
import { paymentsAudit, type PaymentsAudit } from "./audit.repository.ts";
import { createPayment } from "./create-payment.ts";
import type { Deps } from "./deps.ts";
import { migrations } from "./migrations/index.ts";
import { toView } from "./payment-view.ts";
import { paymentsRepository } from "./payments.repository.ts";
import { handledEvents, providerEventsRepository } from "./provider-events.repository.ts";
import { answerBy, askOnce } from "./providers/ask.ts";
import { providerKinds } from "./providers/kinds.ts";
import { ProviderUnavailable, type PaymentProvider } from "./providers/provider.ts";
import { providerDirectory, type Providers } from "./providers/providers.ts";
import { sandboxProvider, type SandboxProvider } from "./providers/sandbox/client.ts";
import { startSandbox, type Sandbox } from "./providers/sandbox/server.ts";
import { sandboxSecrets } from "./providers/sandbox/signature.ts";
import { tokenNames } from "./providers/sandbox/tokens.ts";
import { traced } from "./providers/traced.ts";
import { reconcilePayments } from "./reconcile-payments.ts";
import { refundPayment, sendDueRefunds } from "./refund-payment.ts";
import { refundsRepository } from "./refunds.repository.ts";
import { applyDueEvents, receiveWebhook } from "./webhooks.ts";

interface Vars extends WithDatabase, WithAuditLog, WithOutbox, WithSweeps {
  deps: Deps;
  books: PaymentsAudit;
  sandbox: SandboxProvider;
  /** The sandbox itself, where this node hosts it. */
  hosted: Sandbox | null;
}

const now = Date.now;

/** A question to the sandbox's approval page, for which no answer is an error of its own. */
async function askSandbox<T>(question: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await askOnce(question);
  } catch (error) {
    if (!(error instanceof ProviderUnavailable)) throw error;
    throw new DomainError("unavailable", "PAYMENT_PROVIDER_UNAVAILABLE", "The payment provider cannot be reached.", {
      retryAfterSeconds: 5,
    });
  }
}

/** Whoever paid with another provider than the present one can still be refunded. */
async function providersOf(config: Config, sandbox: SandboxProvider): Promise<Providers> {
  const all: PaymentProvider[] = [sandbox];
  for (const kind of providerKinds) {
    const account = config.paymentAccounts[kind.name];
    const webhookUrl = `${config.webhookUrl}/api/v1/payments/webhooks/${kind.name}`;
    const addresses = { webhookUrl, returnUrl: config.paymentReturnUrl };
    if (account) all.push(traced(await kind.open(account, addresses)));
  }
  const isCurrent = ({ name }: PaymentProvider): boolean => name === config.paymentProvider;
  return providerDirectory(
    all.find(isCurrent) ?? sandbox,
    all.filter((provider) => !isCurrent(provider)),
  );
}

export default defineService<"payments", Vars>({
  name: "payments",
  mixins: [
    dbMixin(migrations),
    auditLogMixin(),
    outboxMixin(),
    sweeperMixin([
      {
        name: "webhooks",
        everyMs: 500,
        pass(this: Vars) {
          return applyDueEvents(this.deps);
        },
      },
      {
        name: "reconcile",
        everyMs: 1_000,
        pass(this: Vars) {
          return reconcilePayments(this.deps);
        },
      },
      {
        name: "refunds",
        everyMs: 1_000,
        pass(this: Vars) {
          return sendDueRefunds(this.deps);
        },
      },
      archiveSweep([outboxArchive, handledEvents]),
    ]),
  ],

  actions: {
    methods() {
      const { name, methods } = this.deps.providers.current;
      return { provider: name, methods: [...methods], testTokens: name === "sandbox" ? [...tokenNames] : [] };
    },
    async get(ctx) {
      const payment = await this.deps.payments.find(ctx.params.id);
      if (payment && !mayUse(ctx, payment.customerId)) {
        this.auditLog.noteSoon(ctx, { action: "access.refused", target: `payment ${payment.id}`, outcome: "refused" });
        throw notFound("payment");
      }
      if (!payment) throw notFound("payment");
      return toView(payment);
    },
    async webhook(ctx) {
      await receiveWebhook(this.deps, ctx.params);
      this.wakeSweep("webhooks");
      return { received: true };
    },
    async create(ctx) {
      return toView(await createPayment(this.deps, ctx.params, answerBy(ctx.meta)));
    },
    async byKey(ctx) {
      const payment = await this.deps.payments.byKey(ctx.params.key);
      return payment && toView(payment);
    },
    async refund(ctx) {
      const { refundId, ...asked } = ctx.params;
      return toView(await refundPayment(this.deps, { id: refundId, ...asked }, answerBy(ctx.meta)));
    },
    async ofOrder(ctx) {
      return { items: (await this.deps.payments.ofOrder(ctx.params.orderId)).map(toView) };
    },
    history(ctx) {
      return this.deps.payments.history(ctx.params.orderId);
    },
    async ofCustomer(ctx) {
      return (await this.deps.payments.ofCustomer(ctx.params.customerId)).map(toView);
    },
    async approvalPage(ctx) {
      const charge = await askSandbox((signal) => this.sandbox.approval(ctx.params.providerRef, signal));
      if (!charge) return null;
      const { ref: providerRef, status, amountCents, currency } = charge;
      return { providerRef, status, amountCents, currency };
    },
    async approve(ctx) {
      const { providerRef, decision } = ctx.params;
      const { status } = await askSandbox((signal) => this.sandbox.approve(providerRef, decision, signal));
      return { status };
    },

    briefs(ctx) {
      return this.books.briefs(ctx.params);
    },
    async dossier(ctx) {
      const { orderId } = ctx.params;
      const found = this.deps.payments.ofOrder(orderId);
      const [payments, refunds, checks, history] = await Promise.all([
        found,
        found.then((all) => this.books.refundsOf(all.map(({ id }) => id))),
        this.books.checksOf(orderId),
        this.deps.payments.history(orderId),
      ]);
      return { payments: payments.map(toView), refunds, checks, history };
    },
    audit(ctx) {
      return auditPage(this.books.phases, ctx.params.cursor);
    },
    async hasten() {
      await this.books.hasten();
      for (const sweep of ["webhooks", "reconcile", "refunds"]) this.wakeSweep(sweep);
      return null;
    },
  },

  async started() {
    const config = configOf(this.broker);
    const { store, sandboxUrl, publicUrl, webhookUrl } = config;
    const webhookSecrets = sandboxSecrets(config);
    const onError = (error: unknown): void => this.logger.warn("sandbox failed", { error: messageOf(error) });
    const sandbox = { store, port: 0, webhookSecret: webhookSecrets[0], onError };
    this.hosted = sandboxUrl === null ? await patiently(this, () => startSandbox(sandbox), isOutage) : null;
    const url = this.hosted?.url ?? sandboxUrl ?? "";
    this.sandbox = traced(sandboxProvider({ url, publicUrl, webhookUrl, webhookSecrets }));
    const providers = await providersOf(config, this.sandbox);
    this.books = paymentsAudit(this.db, providers.all, now);
    const payments = paymentsRepository(
      this.db,
      this.outbox,
      config.groupCommitMost,
      metricsOf(this.broker)?.groups("payments"),
    );
    this.deps = {
      payments,
      refunds: refundsRepository(this.db, payments),
      events: providerEventsRepository(this.db),
      providers,
      newId,
      now,
      continuing: (payment, name, work) =>
        continueTrace(
          this.broker,
          { name, kind: "consumer", traceparent: payment?.traceparent },
          { orderId: payment?.orderId },
          work,
        ),
      log: this.logger,
    };
  },
  async stopped() {
    await (this.deps as Deps | undefined)?.payments.stop();
    await (this.hosted as Sandbox | null | undefined)?.stop();
  },
});
