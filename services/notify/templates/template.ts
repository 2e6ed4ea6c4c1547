import type { EventData, SubscribedBy } from "../../../contracts/events.ts";

/** The events that a person is told of. */
export type NotifiedType = Exclude<SubscribedBy<"notify">, "user.erased">;

/** What one event says in one language. */
export interface Wording {
  /** The in-app title and the e-mail's subject; without what users wrote, so that it stays short. */
  title: string;
  /** The in-app text. */
  body: string;
  /** The e-mail's paragraphs between the greeting and the closing. */
  email: string[];
  sms: string;
}

/** One language: a wording for each event, none missing. Pure functions of what happened and of the person's name. */
export interface Language {
  greeting(name: string): string;
  closing: string;
  events: { [T in NotifiedType]: (data: EventData<T>, name: string) => Wording };
  passwordReset(token: string, minutes: number): Wording;
}

const longestLineList = 20;

/** How people name an order: the last eight characters of its id. */
export const orderRef = (orderId: string): string => orderId.slice(-8).toUpperCase();

/** `items` one a line, those after the first twenty summed up by `andMore`. */
export function lineList<T>(
  items: readonly T[],
  line: (item: T) => string,
  andMore: (count: number) => string,
): string {
  const shown = items.slice(0, longestLineList).map(line);
  if (items.length > longestLineList) shown.push(andMore(items.length - longestLineList));
  return shown.join("\n");
}

/** By language: making one costs a hundred times what using it does. */
const momentFormats = new Map<string, Intl.DateTimeFormat>();

/** A moment as people write it in `locale`, in UTC, which is the one zone that is surely known. */
export function formatMoment(iso: string, locale: string): string {
  let format = momentFormats.get(locale);
  if (!format) {
    format = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });
    momentFormats.set(locale, format);
  }
  return `${format.format(new Date(iso))} UTC`;
}
