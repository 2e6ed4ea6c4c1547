import type { TimelineEntry } from "../../../contracts/payments.ts";
import { moment, money } from "../lib/i18n.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { en } from "./words.en.ts";
import { t } from "./words.ts";

type Words = Parameters<typeof t>[0];

export const eventName = (type: string): string => {
  const key = `event.${type}`;
  return Object.hasOwn(en, key) ? t(key as Words) : type;
};

const iconOf = (type: string): IconName => {
  if (type.startsWith("notification.")) return "mail";
  if (/refund|returned/.test(type)) return "undo";
  if (type.startsWith("payment.") || type === "order.paid") return "card";
  if (type === "order.shipped") return "truck";
  if (/cancelled|expired/.test(type)) return "close";
  return type === "order.completed" ? "check" : "box";
};

interface Shown {
  at: string;
  type: string;
  title: string;
  detail: string;
}

/** What was told over several channels at once is told here once, with the channels. */
function shownOf(entries: readonly TimelineEntry[], currency: string): Shown[] {
  const shown = new Map<string, Shown>();
  for (const [i, { at, type, detail }] of entries.entries()) {
    if (!type.startsWith("notification.")) {
      shown.set(String(i), { at, type, title: eventName(type), detail: detailOf(detail, currency) });
      continue;
    }
    const event = String(detail.event);
    const channel = `channel.${String(detail.channel)}` as Words;
    const before = shown.get(event);
    if (before) before.detail += `, ${t(channel)}`;
    else shown.set(event, { at, type, title: `${t("event.notification")}: ${eventName(event)}`, detail: t(channel) });
  }
  return [...shown.values()];
}

function detailOf(detail: Readonly<Record<string, unknown>>, currency: string): string {
  const { amountCents, totalCents, reason, carrier, trackingNumber, failureCode } = detail;
  const cents = amountCents ?? totalCents;
  return [
    typeof cents === "number" ? money(cents, currency) : null,
    reason,
    typeof carrier === "string" && typeof trackingNumber === "string" ? `${carrier} ${trackingNumber}` : null,
    failureCode,
  ]
    .filter((part) => typeof part === "string" && part !== "")
    .join(" · ");
}

export function Timeline({ entries, currency }: { entries: readonly TimelineEntry[]; currency: string }) {
  return (
    <ol class="timeline" aria-live="polite">
      {shownOf(entries, currency).map(({ at, type, title, detail }) => (
        <li key={`${at} ${type} ${title}`} class={type.startsWith("order.") ? "main" : ""}>
          <span class="dot">
            <Icon name={iconOf(type)} />
          </span>
          <div>
            <strong>{title}</strong>
            {detail !== "" && <span class="block small">{detail}</span>}
            <time class="faint small" dateTime={at}>
              {moment(at)}
            </time>
          </div>
        </li>
      ))}
    </ol>
  );
}
