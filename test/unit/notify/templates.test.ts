import { eventData } from "../../../contracts/events.ts";
import { compileSchema } from "../../../lib/validator.ts";
import { escapeHtml, languageOf, toEmail, wordingOf } from "../../../services/notify/templates/index.ts";
import type { NotifiedType } from "../../../services/notify/templates/template.ts";
import { factOf, notifiedTypes } from "../../support/notified-facts.ts";

const orderId = "0198c0de-0000-7000-8000-0000ab12cd34";

const wordOf = (locale: string, type: NotifiedType, change: object = {}) => {
  const { data } = factOf(type, { orderId, ...change });
  return wordingOf(languageOf(locale), { type, data }, "Ann");
};

/** What each event's amount looks like in both languages. */
const amounts: Partial<Record<NotifiedType, string>> = {
  "order.created": "£12.34",
  "order.paid": "£12.34",
  "order.refunded": "£5.00",
  "payment.succeeded": "£12.34",
  "payment.failed": "£12.34",
  "payment.refunded": "£12.34",
};

describe.each(["en", "zh"])("the templates in %s", (locale) => {
  it.each(notifiedTypes)("say all that %s has to say", (type) => {
    const { data } = factOf(type, type === "user.registered" ? {} : { orderId });
    const wording = wordingOf(languageOf(locale), { type, data }, "Ann");
    const { subject, text, html } = toEmail(languageOf(locale), wording, "Ann");
    const parts = [wording.title, wording.body, wording.sms, subject, text, html];

    expect(compileSchema(eventData[type])(data)).toBe(true);
    for (const part of parts) {
      expect(part.trim()).not.toBe("");
      expect(part).not.toMatch(/undefined|null|NaN|\[object|Invalid/);
    }
    expect(wording.title.length).toBeLessThanOrEqual(100);
    expect(text).toContain("Ann");
    if (type !== "user.registered")
      for (const part of parts) if (part !== wording.title) expect(part).toContain("AB12CD34");
    const amount = amounts[type];
    if (amount) for (const part of [wording.body, wording.sms, text, html]) expect(part).toContain(amount);
  });

  it("name carrier and tracking number of a shipment", () => {
    const { body, email, sms } = wordOf(locale, "order.shipped");

    for (const part of [body, email.join(), sms]) {
      expect(part).toContain("Royal Mail");
      expect(part).toContain("TN <1> & co");
    }
  });

  it("name the lines of an order, and of a very long one the first twenty", () => {
    const line = { sku: "A", name: "Lamp", quantity: 2, unitPriceCents: 617, lineTotalCents: 1234 };
    const lines = Array.from({ length: 30 }, () => line);

    expect(wordOf(locale, "order.created").email.join()).toMatch(/Lamp/);
    const list = wordOf(locale, "order.created", { lines }).email[1] ?? "";
    expect(list.split("\n")).toHaveLength(21);
    expect(list).toContain("10");
  });

  it("tell the total of refunds only when there was one before", () => {
    expect(wordOf(locale, "order.refunded", { amountCents: 500, refundedCents: 500 }).body.match(/£/g)).toHaveLength(1);
    expect(wordOf(locale, "order.refunded", { amountCents: 500, refundedCents: 900 }).body).toContain("£9.00");
  });

  it("repeat any reason, and do without one", () => {
    expect(wordOf(locale, "order.refunded", { reason: "arrived broken" }).body).toContain("arrived broken");
    expect(wordOf(locale, "order.cancelled", { reason: "" }).body).not.toMatch(/Reason|原因/);
  });

  it("carry the token and its life in a password reset", () => {
    const { email } = languageOf(locale).passwordReset("tok-123", 30);

    expect(email).toContain("tok-123");
    expect(email.join()).toContain("30");
  });
});

describe("the templates", () => {
  it("are English where a locale is unknown", () => {
    for (const locale of ["fr", "constructor", ""]) expect(languageOf(locale)).toBe(languageOf("en"));
  });

  it("put the system's own reasons into the customer's language", () => {
    const reason = "payment arrived when the order was EXPIRED";

    expect(wordOf("en", "order.refunded", { reason }).body).toContain(
      "your payment arrived after the order had expired",
    );
    expect(wordOf("zh", "order.refunded", { reason }).body).toContain("款项到账时订单已过期");
    expect(wordOf("zh", "order.expired", { reason: "not paid in time" }).body).toContain("未在规定时间内付款");
  });

  it("never let what users wrote become markup", () => {
    const language = languageOf("en");
    const { html } = toEmail(language, wordOf("en", "order.shipped"), `<img src=x onerror="alert('1')">`);

    expect(html).not.toContain("<img");
    expect(html).toContain("TN &lt;1&gt; &amp; co");
    expect(escapeHtml(`<a href="x">'&'</a>`)).toBe("&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  });
});
