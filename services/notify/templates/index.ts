import type { EventData } from "../../../contracts/events.ts";
import { en } from "./en.ts";
import type { Language, NotifiedType, Wording } from "./template.ts";
import { zh } from "./zh.ts";

const languages: Record<string, Language> = { en, zh };

/** The language of a locale; English where there is none. */
export const languageOf = (locale: string): Language =>
  Object.hasOwn(languages, locale) ? (languages[locale] ?? en) : en;

/** What `event` says to a person named `name`. */
export const wordingOf = <T extends NotifiedType>(
  language: Language,
  event: { type: T; data: EventData<T> },
  name: string,
): Wording => language.events[event.type](event.data, name);

/** A wording as an e-mail. */
export function toEmail(
  language: Language,
  { title, email }: Wording,
  name: string,
): { subject: string; text: string; html: string } {
  const paragraphs = [language.greeting(name), ...email, language.closing];
  return {
    subject: title,
    text: paragraphs.join("\n\n"),
    html: paragraphs.map((text) => `<p>${escapeHtml(text).replaceAll("\n", "<br>")}</p>`).join("\n"),
  };
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text as HTML: what users wrote never becomes markup. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => entities[char] ?? char);
