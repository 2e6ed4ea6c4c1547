import { useEffect, useState } from "preact/hooks";
import type { Order } from "../../../../contracts/orders.ts";
import { money } from "../../lib/i18n.ts";
import { usePages } from "../../lib/paging.ts";
import { user } from "../../lib/session.ts";
import { Empty, Heading, Pager, Waiting, When } from "../../ui/bits.tsx";
import { StatusBadge, StatusFilter } from "../../ui/order-status.tsx";
import { latest } from "../notifications.ts";
import { productName } from "../product-name.ts";
import { t } from "../words.ts";

/** Shorter than an id, and long enough to tell one's own orders apart. */
export const orderRef = (id: string): string => id.slice(-8).toUpperCase();

export function Orders() {
  const [status, setStatus] = useState("");
  // staff would see everybody's
  const orders = usePages<Order>("/orders", { status, customerId: user.value?.id, limit: 20 });
  const news = latest.value?.id;
  const { reload } = orders;
  useEffect(() => {
    if (news !== undefined) reload();
  }, [news]);
  return (
    <>
      <Heading title={t("orders.title")} />
      <div class="filters">
        <StatusFilter value={status} onChange={setStatus} />
      </div>
      <Waiting of={orders}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t("orders.none")}>
              <a class="button primary" href="/">
                {t("notFound.back")}
              </a>
            </Empty>
          ) : (
            <ul class="rows">
              {items.map((order) => (
                <Row key={order.id} order={order} />
              ))}
            </ul>
          )
        }
      </Waiting>
      <Pager of={orders} />
    </>
  );
}

function Row({ order: { id, status, lines, totalCents, currency, createdAt } }: { order: Order }) {
  const goods = lines.map(({ name }) => productName(name)).join(t("list.and"));
  const n = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  return (
    <li>
      <a class="card order-row" href={`/orders/${id}`}>
        <span class="order-goods">
          <strong>{t("orders.number", { ref: orderRef(id) })}</strong>
          <span class="faint clip">{goods}</span>
        </span>
        <StatusBadge status={status} />
        <span class="faint small">
          <When at={createdAt} /> · {t("orders.items", { n })}
        </span>
        <strong class="price">{money(totalCents, currency)}</strong>
      </a>
    </li>
  );
}
