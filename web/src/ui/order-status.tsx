import type { OrderStatus } from "../../../contracts/orders.ts";
import { translator } from "../lib/i18n.ts";
import { Badge, type Tone } from "./bits.tsx";
import { t } from "./words.ts";

const tones: Record<OrderStatus, Tone> = {
  CREATED: "wait",
  PAID: "good",
  SHIPPED: "good",
  COMPLETED: "good",
  CANCELLED: "plain",
  EXPIRED: "bad",
  REFUNDED: "plain",
};

export const statusName = translator(
  {
    CREATED: "Awaiting payment",
    PAID: "Paid",
    SHIPPED: "On its way",
    COMPLETED: "Received",
    CANCELLED: "Cancelled",
    EXPIRED: "Expired",
    REFUNDED: "Refunded",
  },
  {
    CREATED: "待付款",
    PAID: "已付款",
    SHIPPED: "运输中",
    COMPLETED: "已收货",
    CANCELLED: "已取消",
    EXPIRED: "已过期",
    REFUNDED: "已退款",
  },
);

export const orderStatuses = Object.keys(tones) as OrderStatus[];

export const StatusBadge = ({ status }: { status: OrderStatus }) => (
  <Badge tone={tones[status]}>{statusName(status)}</Badge>
);

/** Which orders a list shows: those of one status, or, with "", all. */
export const StatusFilter = ({ value, onChange }: { value: string; onChange: (status: string) => void }) => (
  <label>
    {t("status")}{" "}
    <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      <option value="">{t("all")}</option>
      {orderStatuses.map((name) => (
        <option key={name} value={name}>
          {statusName(name)}
        </option>
      ))}
    </select>
  </label>
);
