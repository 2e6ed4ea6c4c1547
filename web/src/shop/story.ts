import type { TimelineEntry } from "../../../contracts/payments.ts";
import { money } from "../lib/i18n.ts";
import { en } from "./words.en.ts";
import { t } from "./words.ts";

type Words = Parameters<typeof t>[0];

/** Our words for what the server has a name for, where there are some. */
function known(key: string): string | null {
  return Object.hasOwn(en, key) ? t(key as Words) : null;
}

export const eventName = (type: string): string => known(`event.${type}`) ?? type;

export interface Chapter {
  at: string;
  type: string;
  title: string;
  detail: string;
}

/** What happened to an order, for its customer. What was told over several channels at once is told here once, with them. */
export function storyOf(entries: readonly TimelineEntry[], currency: string): Chapter[] {
  const chapters: Chapter[] = [];
  const told = new Map<string, { chapter: Chapter; channels: Set<string> }>();
  for (const { at, type, detail } of entries) {
    if (!type.startsWith("notification.")) {
      chapters.push({ at, type, title: eventName(type), detail: detailOf(detail, currency) });
      continue;
    }
    const [event, channel] = [String(detail.event), String(detail.channel)];
    const name = known(`channel.${channel}`) ?? channel;
    const before = told.get(`${type} ${event}`);
    // over the same channel again it is another event of the same name, such as a second payment that failed
    if (before && !before.channels.has(channel)) {
      before.channels.add(channel);
      before.chapter.detail += t("list.and") + name;
      continue;
    }
    const chapter = { at, type, title: toldWords(type, eventName(event)), detail: name };
    chapters.push(chapter);
    told.set(`${type} ${event}`, { chapter, channels: new Set([channel]) });
  }
  return chapters;
}

function toldWords(type: string, event: string): string {
  if (type === "notification.sent") return t("event.notification", { event });
  return t(type === "notification.queued" ? "event.notification.queued" : "event.notification.failed", { event });
}

function detailOf(detail: Readonly<Record<string, unknown>>, currency: string): string {
  const { amountCents, totalCents, reason, carrier, trackingNumber, failureCode } = detail;
  const cents = amountCents ?? totalCents;
  return [
    typeof cents === "number" ? money(cents, currency) : null,
    reason,
    typeof carrier === "string" && typeof trackingNumber === "string" ? `${carrier} ${trackingNumber}` : null,
    typeof failureCode === "string" ? (known(`failure.${failureCode}`) ?? t("failure.other")) : null,
  ]
    .filter((part) => typeof part === "string" && part !== "")
    .join(" · ");
}
