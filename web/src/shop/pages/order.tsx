import { useEffect, useState } from "preact/hooks";
import type { Order, OrderStatus } from "../../../../contracts/orders.ts";
import type { Payment, TimelineEntry } from "../../../../contracts/payments.ts";
import { get, post, type Page } from "../../lib/api.ts";
import { money, moment } from "../../lib/i18n.ts";
import { once } from "../../lib/idempotency.ts";
import { useLoaded } from "../../lib/loading.ts";
import { isProblem } from "../../lib/problem.ts";
import { user } from "../../lib/session.ts";
import { Heading, Waiting } from "../../ui/bits.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, FormBox, useForm } from "../../ui/form.tsx";
import { Failure } from "../../ui/notice.tsx";
import { StatusBadge } from "../../ui/order-status.tsx";
import { tell } from "../../ui/toast.tsx";
import { addressText } from "../address-form.tsx";
import { latest } from "../notifications.ts";
import { Pay } from "../pay.tsx";
import { productName } from "../product-name.ts";
import { Timeline } from "../timeline.tsx";
import { t } from "../words.ts";
import { NotFound } from "./not-found.tsx";
import { orderRef } from "./orders.tsx";

interface Story {
  order: Order;
  timeline: TimelineEntry[];
  payments: Payment[];
}

/** A hint comes over the stream of notifications; this often the page looks by itself, in case one was lost. */
const lookEveryMs = 5_000;

const isEnded: Partial<Record<OrderStatus, true>> = { COMPLETED: true, CANCELLED: true, REFUNDED: true };

async function load(id: string, signal: AbortSignal): Promise<Story> {
  const [order, { items: timeline }, { items: payments }] = await Promise.all([
    get<Order>(`/orders/${id}`, {}, signal),
    get<{ items: TimelineEntry[] }>(`/orders/${id}/timeline`, {}, signal),
    get<Page<Payment>>(`/orders/${id}/payments`, { limit: 100 }, signal),
  ]);
  return { order, timeline, payments };
}

export function OrderPage({ id }: { id: string }) {
  const [ended, setEnded] = useState(false);
  const story = useLoaded((signal) => load(id, signal), [id], ended ? {} : { everyMs: lookEveryMs });
  const { reload } = story;
  const news = latest.value?.orderId === id ? latest.value.id : null;
  useEffect(() => {
    if (news !== null) reload();
  }, [news]);
  const status = story.value?.order.status;
  useEffect(() => {
    setEnded(status !== undefined && isEnded[status] === true);
  }, [status]);

  if (isProblem(story.error, "NOT_FOUND")) return <NotFound />;
  return (
    <>
      <p>
        <a href="/orders">← {t("orders.title")}</a>
      </p>
      <Waiting of={story}>{(found) => <Shown story={found} reload={reload} isLive={!ended} />}</Waiting>
    </>
  );
}

function Shown({
  story: { order, timeline, payments },
  reload,
  isLive,
}: {
  story: Story;
  reload: () => void;
  isLive: boolean;
}) {
  const { id, status, createdAt } = order;
  const isMine = order.customerId === user.value?.id;
  return (
    <>
      <Heading title={t("orders.number", { ref: orderRef(id) })} aside={<StatusBadge status={status} />} />
      <p class="faint">{t("order.placed", { time: moment(createdAt) })}</p>
      <div class="two-columns">
        <div class="stack">
          {isMine && status === "CREATED" && <Pay order={order} payments={payments} onChange={reload} />}
          <Goods order={order} />
          <Particulars order={order} />
          <Actions order={order} reload={reload} />
        </div>
        <section class="card" aria-labelledby="timeline">
          <h2 id="timeline" class="split">
            {t("order.timeline")}
            {isLive && <span class="live">{t("order.live")}</span>}
          </h2>
          <Timeline entries={timeline} currency={order.currency} />
        </section>
      </div>
    </>
  );
}

function Goods({ order: { lines, currency, totalCents, refundedCents } }: { order: Order }) {
  return (
    <section class="card stack" aria-labelledby="goods">
      <h2 id="goods">{t("order.goods")}</h2>
      <ul class="summary">
        {lines.map(({ sku, name, quantity, lineTotalCents }) => (
          <li key={sku}>
            <span>
              {t("order.quantity", { n: quantity })}{" "}
              <a href={`/products/${encodeURIComponent(sku)}`}>{productName(name)}</a>
            </span>
            <span>{money(lineTotalCents, currency)}</span>
          </li>
        ))}
      </ul>
      <p class="total">
        <span>{t("order.total")}</span>
        <strong>{money(totalCents, currency)}</strong>
      </p>
      {refundedCents > 0 && (
        <p class="total">
          <span>{t("order.refunded")}</span>
          <strong>{money(refundedCents, currency)}</strong>
        </p>
      )}
    </section>
  );
}

function Particulars({ order: { address, note, shipment } }: { order: Order }) {
  if (!address && !note && !shipment) return null;
  return (
    <section class="card" aria-labelledby="particulars">
      <h2 id="particulars">{t("order.details")}</h2>
      <dl class="facts">
        {address && (
          <>
            <dt>{t("order.address")}</dt>
            <dd>{addressText(address)}</dd>
          </>
        )}
        {shipment && (
          <>
            <dt>{t("order.shipment")}</dt>
            <dd>
              {shipment.carrier} {shipment.trackingNumber}
            </dd>
          </>
        )}
        {note && (
          <>
            <dt>{t("order.note")}</dt>
            <dd>{note}</dd>
          </>
        )}
      </dl>
    </section>
  );
}

/** What may be done with the order as it is; nothing else is offered. */
function Actions({ order, reload }: { order: Order; reload: () => void }) {
  const [isCancelling, setCancelling] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const { id, status } = order;
  const complete = async (): Promise<void> => {
    try {
      await post<Order>(`/orders/${id}/complete`);
      setError(null);
      tell(t("order.complete.done"));
    } catch (failure) {
      setError(failure);
    }
    reload();
  };
  return (
    <div class="row">
      {error !== null && <Failure error={error} />}
      {status === "SHIPPED" && (
        <button type="button" class="button primary" onClick={() => void complete()}>
          {t("order.complete")}
        </button>
      )}
      {(status === "CREATED" || status === "PAID") && (
        <button type="button" class="button danger" onClick={() => setCancelling(true)}>
          {t("order.cancel")}
        </button>
      )}
      {isCancelling && (
        <Cancel
          order={order}
          onClose={() => setCancelling(false)}
          onDone={() => {
            setCancelling(false);
            tell(t("order.cancel.done"));
            reload();
          }}
        />
      )}
    </div>
  );
}

function Cancel({ order, onClose, onDone }: { order: Order; onClose: () => void; onDone: () => void }) {
  const { id, status, totalCents, currency } = order;
  const form = useForm({ reason: "" }, async ({ reason }) => {
    const body = reason.trim() === "" ? {} : { reason: reason.trim() };
    await once(`cancel ${id}`, body, (key) => post<Order>(`/orders/${id}/cancel`, body, key));
    onDone();
  });
  return (
    <Dialog title={t("order.cancel")} onClose={onClose}>
      <FormBox of={form}>
        <p>
          {status === "PAID"
            ? t("order.cancel.paid", { amount: money(totalCents, currency) })
            : t("order.cancel.unpaid")}
        </p>
        <Field form={form} name="reason" label={t("order.cancel.reason")} />
        <button class="button danger" disabled={form.isBusy}>
          {t("order.cancel")}
        </button>
      </FormBox>
    </Dialog>
  );
}
