import { instant, money } from "../lib/i18n.ts";
import { Badge, type Tone } from "../ui/bits.tsx";
import { Icon, type IconName } from "../ui/icon.tsx";
import type { StoryEntry, StoryKind } from "./story.ts";
import { t } from "./words.ts";

const icons: Record<StoryKind, IconName> = {
  order: "box",
  payment: "card",
  refund: "undo",
  event: "pulse",
  delivery: "mail",
};

export function StoryList({ entries, currency }: { entries: readonly StoryEntry[]; currency: string }) {
  return (
    <ol class="timeline story">
      {entries.map((entry, i) => (
        <li key={i} class={`${entry.kind} ${entry.isBad ? "bad" : ""}`}>
          <span class="dot">
            <Icon name={icons[entry.kind]} />
          </span>
          <div>
            <p class="split">
              <span>
                <span class="faint small">{t(`kind.${entry.kind}`)}</span> <strong>{entry.title}</strong>
              </span>
              <time class="faint small" dateTime={entry.at}>
                {instant(entry.at)}
              </time>
            </p>
            <p class="small faint">{detailOf(entry, currency)}</p>
            {entry.hearers.length > 0 && (
              <p class="row small">
                {entry.hearers.map(({ name, status, attempts, error }) => (
                  <span key={name} title={error ?? ""}>
                    <Badge tone={toneOf(status)}>
                      {name}: {status}
                      {attempts > 1 && ` (${t("story.attempts", { n: attempts })})`}
                    </Badge>
                  </span>
                ))}
              </p>
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}

const toneOf = (status: string): Tone => {
  if (status === "APPLIED") return "good";
  return status === "DEAD" ? "bad" : "wait";
};

function detailOf({ by, detail, publishedAt }: StoryEntry, currency: string): string {
  const parts = Object.entries(detail)
    .filter(([, value]) => value !== null && value !== "" && value !== false && typeof value !== "object")
    .map(([name, value]) =>
      name.endsWith("Cents") ? money(Number(value), currency) : `${name} ${String(value as string | number | boolean)}`,
    );
  if (publishedAt !== undefined)
    parts.push(publishedAt === null ? t("story.unpublished") : t("story.published", { time: instant(publishedAt) }));
  if (by !== null) parts.unshift(t("story.by", { who: by }));
  return parts.join(" · ");
}
