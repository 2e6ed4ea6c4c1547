import type { TimelineEntry } from "../../../contracts/payments.ts";
import { moment } from "../lib/i18n.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { storyOf } from "./story.ts";

const iconOf = (type: string): IconName => {
  if (type.startsWith("notification.")) return "mail";
  if (/refund|returned/.test(type)) return "undo";
  if (type.startsWith("payment.") || type === "order.paid") return "card";
  if (type === "order.shipped") return "truck";
  if (/cancelled|expired/.test(type)) return "close";
  return type === "order.completed" ? "check" : "box";
};

export function Timeline({ entries, currency }: { entries: readonly TimelineEntry[]; currency: string }) {
  return (
    <ol class="timeline" aria-live="polite">
      {storyOf(entries, currency).map(({ at, type, title, detail }) => (
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
