import type { CloudEvent } from "../../contracts/events.ts";
import type { Channel, Contact } from "../../contracts/users.ts";
import { languageOf, toEmail, wordingOf } from "./templates/index.ts";
import type { NotifiedType } from "./templates/template.ts";

/** A message that leaves the system, ready to send. */
export interface Outgoing {
  id: string;
  channel: Exclude<Channel, "in_app">;
  to: string;
  subject: string;
  body: string;
  html: string | null;
}

/** All that one event has to tell one person. */
export interface Telling {
  eventId: string;
  userId: string;
  type: string;
  orderId: string | null;
  /** Null when the person does not want it in the shop. */
  notification: { id: string; title: string; body: string } | null;
  messages: Outgoing[];
  /** What the sending of the messages continues. */
  traceparent?: string | null;
  /** The messages hold a secret: their text goes once they have been sent. */
  forgetBody?: boolean;
}

export type NotifiedEvent = { [T in NotifiedType]: CloudEvent<T> }[NotifiedType];

const defaultChannels: readonly Channel[] = ["in_app", "email"];

/** Where a person wants to hear of a type of event: nowhere by SMS without a phone number. */
export function channelsOf({ preferences, phone }: Contact, type: NotifiedType): readonly Channel[] {
  const chosen = preferences.events[type] ?? defaultChannels;
  return phone === null ? chosen.filter((channel) => channel !== "sms") : chosen;
}

/** What `event` has to tell the person behind `contact`, in their language, over the channels they chose. */
export function compose(event: NotifiedEvent, contact: Contact, newId: () => string): Telling {
  const { userId, email, phone, name } = contact;
  const channels = channelsOf(contact, event.type);
  const language = languageOf(contact.locale);
  const wording = wordingOf(language, event as CloudEvent<NotifiedType>, name);
  const messages: Outgoing[] = [];
  if (channels.includes("email")) {
    const { subject, text, html } = toEmail(language, wording, name);
    messages.push({ id: newId(), channel: "email", to: email, subject, body: text, html });
  }
  if (channels.includes("sms") && phone !== null) {
    messages.push({ id: newId(), channel: "sms", to: phone, subject: wording.title, body: wording.sms, html: null });
  }
  return {
    eventId: event.id,
    userId,
    type: event.type,
    orderId: "orderId" in event.data ? event.data.orderId : null,
    notification: channels.includes("in_app") ? { id: newId(), title: wording.title, body: wording.body } : null,
    messages,
  };
}

export const passwordResetType = "password.reset";

export interface PasswordReset {
  contact: Contact;
  token: string;
  minutes: number;
  /** True where a mail server takes the message, so that the token need not stay here. */
  forgetBody: boolean;
}

/** The e-mail that carries a password reset token. */
export function composePasswordReset(reset: PasswordReset, newId: () => string): Telling {
  const { contact, token, minutes, forgetBody } = reset;
  const language = languageOf(contact.locale);
  const { subject, text, html } = toEmail(language, language.passwordReset(token, minutes), contact.name);
  return {
    eventId: newId(),
    userId: contact.userId,
    type: passwordResetType,
    orderId: null,
    notification: null,
    messages: [{ id: newId(), channel: "email", to: contact.email, subject, body: text, html }],
    forgetBody,
  };
}
