import type { Explanation } from "../../../../contracts/ops.ts";
import type { Order } from "../../../../contracts/orders.ts";
import type { Payment, TimelineEntry } from "../../../../contracts/payments.ts";
import { get, type Page } from "../../lib/api.ts";
import { useLoaded } from "../../lib/loading.ts";
import { isAdmin } from "../../lib/session.ts";
import { Heading, Waiting } from "../../ui/bits.tsx";
import { StatusBadge } from "../../ui/order-status.tsx";
import { OrderActions } from "../order-actions.tsx";
import { Facts, Payments, Unknown } from "../order-facts.tsx";
import { NextStep } from "../next-step.tsx";
import { StoryList } from "../story-list.tsx";
import { storyOf } from "../story.ts";
import { t } from "../words.ts";
import { orderRef } from "./orders.tsx";

/** What the console shows of an order: administrators see all that is known, support what its own role may read. */
export type Known = Pick<Explanation, "order" | "history" | "payments" | "paymentHistory"> & Partial<Explanation>;

async function load(id: string, signal: AbortSignal): Promise<Known> {
  if (isAdmin.peek()) return get<Explanation>(`/ops/orders/${id}/explain`, {}, signal);
  const [order, { items: history }, { items: payments }] = await Promise.all([
    get<Order>(`/orders/${id}`, {}, signal),
    get<{ items: TimelineEntry[] }>(`/orders/${id}/timeline`, {}, signal),
    get<Page<Payment>>(`/orders/${id}/payments`, { limit: 100 }, signal),
  ]);
  return { order, history, payments, paymentHistory: [] };
}

export function OrderPage({ id }: { id: string }) {
  const known = useLoaded((signal) => load(id, signal), [id], { everyMs: 3_000 });
  return (
    <>
      <p>
        <a href="/console/orders">← {t("nav.orders")}</a>
      </p>
      {known.error !== null && known.value === undefined && <Heading title={t("order.title", { ref: orderRef(id) })} />}
      <Waiting of={known}>
        {(found) => (
          <>
            <Heading
              title={t("order.title", { ref: orderRef(id) })}
              aside={
                <span class="row">
                  <span class="live">{t("order.live")}</span>
                  <StatusBadge status={found.order.status} />
                </span>
              }
            />
            <div class="two-columns">
              <section class="card" aria-labelledby="story">
                <h2 id="story">{t("order.story")}</h2>
                <StoryList entries={storyOf(found)} currency={found.order.currency} />
              </section>
              <div class="stack">
                {found.nextStep !== undefined && <NextStep step={found.nextStep} onDone={known.reload} />}
                <OrderActions order={found.order} onDone={known.reload} />
                <Facts known={found} />
                <Payments known={found} />
                <Unknown known={found} />
              </div>
            </div>
          </>
        )}
      </Waiting>
    </>
  );
}
