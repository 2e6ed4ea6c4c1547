import { useState } from "preact/hooks";
import type { Order } from "../../../../contracts/orders.ts";
import { money } from "../../lib/i18n.ts";
import { usePages } from "../../lib/paging.ts";
import { navigate, search } from "../../lib/router.ts";
import { Empty, Heading, Pager, Waiting, When } from "../../ui/bits.tsx";
import { orderStatuses, StatusBadge, StatusFilter } from "../../ui/order-status.tsx";
import { t as common } from "../../ui/words.ts";
import { t } from "../words.ts";

export const orderRef = (id: string): string => id.slice(-8).toUpperCase();

const isId = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

export function Orders() {
  const asked = search.value;
  const status = orderStatuses.find((name) => name === asked.get("status"));
  const customerId = asked.get("customerId") ?? undefined;
  const orders = usePages<Order>("/orders", { status, customerId, limit: 25 }, { everyMs: 5_000 });
  const choose = (name: string, value: string): void => {
    const next = new URLSearchParams(asked);
    if (value === "") next.delete(name);
    else next.set(name, value);
    navigate(`/console/orders${next.size > 0 ? `?${next.toString()}` : ""}`, { replace: true });
  };
  return (
    <>
      <Heading title={t("nav.orders")} />
      <div class="filters">
        <StatusFilter value={status ?? ""} onChange={(next) => choose("status", next)} />
        <IdBox
          label={t("orders.customer")}
          go={t("orders.find")}
          initial={customerId ?? ""}
          onId={(id) => choose("customerId", id)}
        />
        <IdBox
          label={t("orders.id")}
          go={t("orders.open")}
          initial=""
          onId={(id) => id !== "" && navigate(`/console/orders/${id}`)}
        />
      </div>
      <Waiting of={orders}>
        {({ items }) => (items.length === 0 ? <Empty title={t("orders.none")} /> : <OrderTable orders={items} />)}
      </Waiting>
      <Pager of={orders} />
    </>
  );
}

function OrderTable({ orders }: { orders: readonly Order[] }) {
  return (
    <div class="card scroll" tabIndex={0} role="region" aria-label={t("nav.orders")}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{t("orders.order")}</th>
            <th scope="col">{common("status")}</th>
            <th class="number">{t("orders.total")}</th>
            <th scope="col">{t("orders.placed")}</th>
            <th scope="col">{t("order.customer")}</th>
          </tr>
        </thead>
        <tbody>
          {orders.map(({ id, status, totalCents, currency, createdAt, customerId }) => (
            <tr key={id}>
              <th scope="row">
                <a href={`/console/orders/${id}`}>
                  <code>{orderRef(id)}</code>
                </a>
              </th>
              <td>
                <StatusBadge status={status} />
              </td>
              <td class="number">{money(totalCents, currency)}</td>
              <td>
                <When at={createdAt} />
              </td>
              <td>
                <a href={`/console/orders?customerId=${customerId}`}>
                  <code>{orderRef(customerId)}</code>
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface IdBoxProps {
  label: string;
  go: string;
  initial: string;
  onId: (id: string) => void;
}

function IdBox({ label, go, initial, onId }: IdBoxProps) {
  const [isWrong, setWrong] = useState(false);
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement).get("id");
    const id = typeof given === "string" ? given.trim() : "";
    setWrong(id !== "" && !isId(id));
    if (id === "" || isId(id)) onId(id);
  };
  return (
    <form class="id-box" noValidate onSubmit={onSubmit}>
      <input
        key={initial}
        name="id"
        placeholder={label}
        aria-label={label}
        aria-invalid={isWrong}
        defaultValue={initial}
      />
      <button class="button small">{go}</button>
      {isWrong && (
        <span class="wrong" role="alert">
          {t("orders.badId")}
        </span>
      )}
    </form>
  );
}
