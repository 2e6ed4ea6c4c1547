import { useState } from "preact/hooks";
import type { Order, OrderStatus } from "../../../contracts/orders.ts";
import { post } from "../lib/api.ts";
import { once } from "../lib/idempotency.ts";
import { Problem } from "../lib/problem.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Field, FormBox, useForm } from "../ui/form.tsx";
import { tell } from "../ui/toast.tsx";
import { t } from "./words.ts";

type Action = "ship" | "refund" | "cancel" | "complete";

/** What the order's status lets staff do; nothing else is offered. */
const possible: Record<OrderStatus, readonly Action[]> = {
  CREATED: ["cancel"],
  PAID: ["ship", "refund", "cancel"],
  SHIPPED: ["complete", "refund"],
  COMPLETED: ["refund"],
  CANCELLED: [],
  EXPIRED: [],
  REFUNDED: [],
};

interface Props {
  order: Order;
  onDone: () => void;
}

export function OrderActions({ order, onDone }: Props) {
  const [open, setOpen] = useState<Action | null>(null);
  const actions = possible[order.status].filter(
    (action) => action !== "refund" || order.refundedCents < order.totalCents,
  );
  if (actions.length === 0) return null;
  const done = (): void => {
    setOpen(null);
    onDone();
  };
  const close = (): void => setOpen(null);
  return (
    <div class="row">
      {actions.map((action) => (
        <button
          key={action}
          type="button"
          class={`button ${action === "cancel" || action === "refund" ? "danger" : ""}`}
          onClick={() => setOpen(action)}
        >
          {t(`order.${action}`)}
        </button>
      ))}
      {open === "ship" && <Ship order={order} onDone={done} onClose={close} />}
      {open === "refund" && <Refund order={order} onDone={done} onClose={close} />}
      {open === "cancel" && <Cancel order={order} onDone={done} onClose={close} />}
      {open === "complete" && <Complete order={order} onDone={done} onClose={close} />}
    </div>
  );
}

interface FormProps extends Props {
  onClose: () => void;
}

function Ship({ order: { id }, onDone, onClose }: FormProps) {
  const form = useForm({ carrier: "", trackingNumber: "" }, async ({ carrier, trackingNumber }) => {
    await post(`/orders/${id}/ship`, { carrier: carrier.trim(), trackingNumber: trackingNumber.trim() });
    tell(t("order.shipped"));
    onDone();
  });
  return (
    <Dialog title={t("order.ship")} onClose={onClose}>
      <FormBox of={form}>
        <Field form={form} name="carrier" label={t("order.carrier")} required />
        <Field form={form} name="trackingNumber" label={t("order.trackingNumber")} required />
        <button class="button primary" disabled={form.isBusy}>
          {t("order.ship")}
        </button>
      </FormBox>
    </Dialog>
  );
}

function Refund({ order: { id, currency }, onDone, onClose }: FormProps) {
  const form = useForm({ amountCents: "", reason: "" }, async ({ amountCents, reason }) => {
    const body = {
      reason: reason.trim(),
      ...(amountCents.trim() === "" ? {} : { amountCents: centsOf(amountCents, currency) }),
    };
    await once(`refund ${id}`, body, (key) => post(`/orders/${id}/refund`, body, key));
    tell(t("order.refunded"));
    onDone();
  });
  return (
    <Dialog title={t("order.refund")} onClose={onClose}>
      <FormBox of={form}>
        <Field
          form={form}
          name="amountCents"
          label={t("order.amount", { currency })}
          hint={t("order.amountHint")}
          inputMode="decimal"
        />
        <Field form={form} name="reason" label={t("order.reason")} required />
        <button class="button danger" disabled={form.isBusy}>
          {t("order.refund")}
        </button>
      </FormBox>
    </Dialog>
  );
}

/** `12.50` as 1250, without the detour over a fraction; what is no amount is refused beside its field. */
function centsOf(text: string, currency: string): number {
  const places =
    new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  const [, whole = "", part = ""] = /^(\d{1,13})(?:[.,](\d+))?$/.exec(text.trim()) ?? [];
  if (whole === "" || part.length > places) {
    const message = t("order.badAmount");
    throw new Problem(
      422,
      { code: "VALIDATION_FAILED", errors: [{ field: "amountCents", code: "AMOUNT", message }] },
      null,
    );
  }
  return Number(whole + part.padEnd(places, "0"));
}

function Cancel({ order: { id }, onDone, onClose }: FormProps) {
  const form = useForm({ reason: "" }, async ({ reason }) => {
    const body = reason.trim() === "" ? {} : { reason: reason.trim() };
    await once(`cancel ${id}`, body, (key) => post(`/orders/${id}/cancel`, body, key));
    tell(t("order.cancelled"));
    onDone();
  });
  return (
    <Dialog title={t("order.cancel")} onClose={onClose}>
      <FormBox of={form}>
        <Field form={form} name="reason" label={t("order.reason")} />
        <button class="button danger" disabled={form.isBusy}>
          {t("order.cancel")}
        </button>
      </FormBox>
    </Dialog>
  );
}

function Complete({ order: { id }, onDone, onClose }: FormProps) {
  const form = useForm({}, async () => {
    await post(`/orders/${id}/complete`);
    tell(t("order.completed"));
    onDone();
  });
  return (
    <Dialog title={t("order.complete")} onClose={onClose}>
      <FormBox of={form}>
        <button class="button primary" disabled={form.isBusy}>
          {t("order.complete")}
        </button>
      </FormBox>
    </Dialog>
  );
}
