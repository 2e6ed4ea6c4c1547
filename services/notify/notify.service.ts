import { configOf } from "../../config.ts";
import { defineService, type Delivery } from "../../contracts/bus.ts";
import type { NotificationsCreated } from "../../contracts/notify.ts";
import { inboxArchive } from "../../lib/archive.ts";
import { auditPage } from "../../lib/audit.ts";
import { messageOf, notFound } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { defaultLimit } from "../../lib/page.ts";
import { askedAsOwner, signedIn } from "../../middlewares/guard.middleware.ts";
import { archiveSweep } from "../../mixins/archive-sweep.ts";
import { auditLogMixin, type WithAuditLog } from "../../mixins/audit-log.mixin.ts";
import { consumerMixin, type WithInbox } from "../../mixins/consumer.mixin.ts";
import { dbMixin, type WithDatabase } from "../../mixins/db.mixin.ts";
import { continueTrace } from "../../mixins/traced.ts";
import { sweeperMixin, type WithSweeps } from "../../mixins/sweeper.mixin.ts";
import { notifyAudit, type NotifyAudit } from "./audit.repository.ts";
import { channelsMixin, type WithChannels } from "./channels/channels.mixin.ts";
import { contactsOver, type Contacts } from "./contacts.ts";
import {
  deliveriesArchive,
  deliveriesRepository,
  type Arrived,
  type DeliveriesRepository,
} from "./deliveries.repository.ts";
import { migrations } from "./migrations/index.ts";
import { notificationView, numbered } from "./notification-view.ts";
import { notificationsRepository, type NotificationsRepository } from "./notifications.repository.ts";
import { senderOf, type Sender } from "./send-deliveries.ts";
import { tellerOf } from "./tell-person.ts";
import { composePasswordReset, type NotifiedEvent } from "./telling.ts";

interface Vars extends WithDatabase, WithAuditLog, WithInbox, WithChannels, WithSweeps {
  notifications: NotificationsRepository;
  deliveries: DeliveriesRepository;
  told: NotifyAudit;
  contacts: Contacts;
  tell(event: NotifiedEvent, delivery: Delivery): Promise<void>;
  sender: Sender;
}

const now = Date.now;

export default defineService<"notify", Vars>({
  name: "notify",
  mixins: [
    dbMixin(migrations),
    auditLogMixin(),
    channelsMixin(),
    consumerMixin(),
    sweeperMixin([
      {
        name: "deliveries",
        everyMs: 1_000,
        pass(this: Vars) {
          return this.sender.pass();
        },
      },
      archiveSweep([inboxArchive, deliveriesArchive]),
    ]),
  ],

  actions: {
    async list(ctx) {
      const { unread = false, cursor, limit = defaultLimit } = ctx.params;
      const page = await this.notifications.list(signedIn(ctx).id, { unread, cursor, limit });
      return { ...page, items: page.items.map(notificationView) };
    },
    async read(ctx) {
      const { id } = ctx.params;
      const read = await this.notifications.read(askedAsOwner(ctx).id, id, now());
      if (!read) {
        const deed = { action: "access.refused", target: `notification ${id}`, outcome: "refused" } as const;
        this.auditLog.noteSoon(ctx, deed, () => this.notifications.exists(id));
        throw notFound("notification");
      }
      return notificationView(read);
    },
    async mailbox(ctx) {
      if (configOf(this.broker).smtpUrl !== null) throw notFound("mailbox");
      const { to, cursor, limit = defaultLimit } = ctx.params;
      return this.deliveries.mailbox({ to, cursor, limit });
    },
    async since(ctx) {
      const { userId, after, limit } = ctx.params;
      const { last, items } = await this.notifications.since(userId, { after, limit });
      return { last, items: items.map(numbered) };
    },
    ofOrder(ctx) {
      return this.notifications.timeline(ctx.params.orderId);
    },
    async ofUser(ctx) {
      return (await this.notifications.ofUser(ctx.params.userId)).map(notificationView);
    },
    messagesOf(ctx) {
      return this.deliveries.ofUser(ctx.params.userId);
    },
    async sendPasswordReset(ctx) {
      // where mail really leaves, nobody needs the token here any longer
      const forgetBody = configOf(this.broker).smtpUrl !== null;
      const telling = composePasswordReset({ ...ctx.params, forgetBody }, newId);
      const { left } = await this.db.transaction((tx) => this.notifications.tell(tx, [telling], now()));
      this.sender.take([], now(), left);
      this.wakeSweep("deliveries");
      return null;
    },
    dossier(ctx) {
      return this.told.ofOrder(ctx.params.orderId);
    },
    audit(ctx) {
      return auditPage(this.told.phases, ctx.params.cursor);
    },
    async hasten() {
      await this.told.hasten();
      this.wakeSweep("deliveries");
      return null;
    },
  },

  consumes: {
    "user.registered"(event, delivery) {
      return this.tell(event, delivery);
    },
    async "user.erased"({ data: { userId } }, delivery) {
      await this.db.transaction(async (tx) => {
        if (await delivery.record(tx)) await this.notifications.erase(tx, userId, now());
      });
      await this.forgetTold(userId);
      this.contacts.forget(userId);
    },
    "order.created"(event, delivery) {
      return this.tell(event, delivery);
    },
    "order.paid"(event, delivery) {
      return this.tell(event, delivery);
    },
    "order.cancelled"(event, delivery) {
      return this.tell(event, delivery);
    },
    "order.expired"(event, delivery) {
      return this.tell(event, delivery);
    },
    "order.shipped"(event, delivery) {
      return this.tell(event, delivery);
    },
    "order.completed"(event, delivery) {
      return this.tell(event, delivery);
    },
    "order.refunded"(event, delivery) {
      return this.tell(event, delivery);
    },
    "payment.succeeded"(event, delivery) {
      return this.tell(event, delivery);
    },
    "payment.failed"(event, delivery) {
      return this.tell(event, delivery);
    },
    "payment.refunded"(event, delivery) {
      return this.tell(event, delivery);
    },
  },

  started() {
    const { db, broker, logger } = this;
    this.notifications = notificationsRepository(db, (channel) => this.channels.of[channel].ownStore === true);
    this.deliveries = deliveriesRepository(db);
    this.told = notifyAudit(db, now);
    this.contacts = contactsOver(broker);
    /** Sends a message as a part of what it is for. */
    const during = <T>({ channel, traceparent, orderId }: Arrived, work: () => Promise<T>): Promise<T> =>
      continueTrace(
        broker,
        { name: `send ${channel}`, kind: "client", traceparent },
        { orderId: orderId ?? undefined },
        work,
      );
    this.sender = senderOf({
      deliveries: this.deliveries,
      channels: this.channels,
      now,
      during,
      onFailure: ({ id, channel, attempts }, { final, error }) =>
        logger.warn("delivery failed", { delivery: id, channel, attempts, final, error }),
    });
    this.tell = tellerOf({
      db,
      contacts: this.contacts,
      notifications: this.notifications,
      sender: this.sender,
      newId,
      now,
      onTold: (notified) => {
        for (const [userId, items] of notified) {
          // only a hint: streams that miss it catch up by sequence
          broker
            .broadcast("notify.created", { userId, items: items.map(numbered) } satisfies NotificationsCreated)
            .catch((error: unknown) => logger.warn("streams were not woken", { userId, error: messageOf(error) }));
        }
      },
      onArrived: (message) => void during(message, () => Promise.resolve()),
      onCommitted: () => this.wakeSweep("deliveries"),
    });
  },
});
