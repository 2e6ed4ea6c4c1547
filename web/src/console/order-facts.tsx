import { money, moment } from "../lib/i18n.ts";
import { isAdmin } from "../lib/session.ts";
import { Badge } from "../ui/bits.tsx";
import { Notice } from "../ui/notice.tsx";
import type { Known } from "./pages/order.tsx";
import { t } from "./words.ts";

export function Facts({ known: { order, reservation } }: { known: Known }) {
  const { currency, address, note } = order;
  return (
    <section class="card stack" aria-labelledby="facts">
      <h2 id="facts">{t("order.facts")}</h2>
      <dl class="facts">
        <dt>{t("orders.id")}</dt>
        <dd>
          <code>{order.id}</code>
        </dd>
        <dt>{t("order.customer")}</dt>
        <dd>
          <a href={`/console/${isAdmin.value ? `users?id=` : `orders?customerId=`}${order.customerId}`}>
            <code>{order.customerId}</code>
          </a>
        </dd>
        <dt>{t("order.paid")}</dt>
        <dd>
          {money(order.totalCents, currency)} / {money(order.refundedCents, currency)}
        </dd>
        <dt>{t("order.expires")}</dt>
        <dd>{moment(order.expiresAt)}</dd>
        <dt>{t("order.lines")}</dt>
        <dd>
          {order.lines.map(({ sku, name, quantity, lineTotalCents }) => (
            <span class="block" key={sku}>
              {quantity} × {name} <code>{sku}</code> {money(lineTotalCents, currency)}
            </span>
          ))}
        </dd>
        {reservation && (
          <>
            <dt>{t("order.reservation")}</dt>
            <dd>
              {reservation.status} {t("order.until", { time: moment(reservation.expiresAt) })}
            </dd>
          </>
        )}
        {address && (
          <>
            <dt>{t("order.address")}</dt>
            <dd>{Object.values(address).filter(Boolean).join(", ")}</dd>
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

const toneOf = { PENDING: "wait", SUCCEEDED: "good", FAILED: "bad", CANCELLED: "plain" } as const;

export function Payments({ known: { order, payments, paymentChecks = [], refunds = [] } }: { known: Known }) {
  if (payments.length === 0) return null;
  return (
    <section class="card stack" aria-labelledby="payments">
      <h2 id="payments">{t("order.payments")}</h2>
      {payments.map(
        ({ id, status, method, provider, providerRef, amountCents, refundedCents, currency, failureCode }) => {
          const check = paymentChecks.find(({ paymentId }) => paymentId === id);
          return (
            <div key={id}>
              <p class="split">
                <span>
                  {money(amountCents, currency)} · {method} · {provider}
                </span>
                <Badge tone={toneOf[status]}>{status}</Badge>
              </p>
              <p class="small faint">
                {[
                  providerRef,
                  failureCode,
                  refundedCents > 0 ? `${t("order.refunds")} ${money(refundedCents, currency)}` : null,
                  check && check.checks > 0 ? t("order.checks", { n: check.checks }) : null,
                  check?.conflict,
                ]
                  .filter(Boolean)
                  .join(" · ")}
              </p>
            </div>
          );
        },
      )}
      {refunds.map(({ id, amountCents, status, reason, lastError }) => (
        <p class="split" key={id}>
          <span>
            {t("order.refunds")} {money(amountCents, order.currency)} · {reason} {lastError}
          </span>
          <Badge tone={status === "DONE" ? "good" : status === "REFUSED" ? "bad" : "wait"}>{status}</Badge>
        </p>
      ))}
    </section>
  );
}

export function Unknown({ known: { unknown = [] } }: { known: Known }) {
  if (unknown.length === 0) return null;
  return (
    <Notice kind="bad">
      <strong>{t("order.unknown")}</strong>
      {unknown.map((what) => (
        <span class="block" key={what}>
          {what}
        </span>
      ))}
    </Notice>
  );
}
