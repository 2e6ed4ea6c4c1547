import type { CloudEvent } from "../../../contracts/events.ts";
import type { Contact } from "../../../contracts/users.ts";
import { newId } from "../../../lib/ids.ts";
import { channelsOf, compose, composePasswordReset, type NotifiedEvent } from "../../../services/notify/telling.ts";
import { eventOf, factOf, notifiedTypes } from "../../support/notified-facts.ts";

const contact = (change: Partial<Contact> = {}): Contact => ({
  userId: newId(),
  email: "ann@example.com",
  name: "Ann",
  locale: "en",
  phone: null,
  preferences: { events: {} },
  ...change,
});
const event = (type: NotifiedEvent["type"]) => eventOf(factOf(type), newId()) as NotifiedEvent;

describe("the channels of an event", () => {
  it("are the shop and e-mail where a person chose nothing", () => {
    expect(channelsOf(contact({ phone: "+44 1" }), "order.paid")).toEqual(["in_app", "email"]);
  });

  it("are those chosen for that very event", () => {
    const { preferences } = { preferences: { events: { "order.paid": ["in_app" as const], "order.shipped": [] } } };

    expect(channelsOf(contact({ preferences }), "order.paid")).toEqual(["in_app"]);
    expect(channelsOf(contact({ preferences }), "order.shipped")).toEqual([]);
    expect(channelsOf(contact({ preferences }), "order.created")).toEqual(["in_app", "email"]);
  });

  it("leave SMS out without a phone number", () => {
    const preferences = { events: { "order.paid": ["sms" as const, "email" as const] } };

    expect(channelsOf(contact({ preferences }), "order.paid")).toEqual(["email"]);
    expect(channelsOf(contact({ preferences, phone: "+44 1" }), "order.paid")).toEqual(["sms", "email"]);
  });
});

describe("composing", () => {
  it.each(notifiedTypes)("makes a notification and an e-mail of %s", (type) => {
    const told = event(type);
    const { notification, messages, orderId, ...rest } = compose(told, contact(), newId);

    expect(rest).toMatchObject({ eventId: told.id, type });
    expect(orderId).toBe("orderId" in told.data ? told.data.orderId : null);
    expect(notification?.title).toBe(messages[0]?.subject);
    expect(messages).toMatchObject([{ channel: "email", to: "ann@example.com" }]);
  });

  it("sends a text message to the phone, short and without HTML", () => {
    const preferences = { events: { "order.paid": ["sms" as const] } };

    const telling = compose(event("order.paid"), contact({ preferences, phone: "+44 1" }), newId);

    expect(telling.notification).toBeNull();
    expect(telling.messages).toMatchObject([{ channel: "sms", to: "+44 1", html: null }]);
  });

  it("speaks the person's language", () => {
    const created = event("order.created") as CloudEvent<"order.created">;

    expect(compose(created, contact({ locale: "zh" }), newId).notification?.title).toContain("我们已收到您的订单");
  });

  it("makes each password reset an event of its own", () => {
    const reset = { contact: contact(), token: "tok", minutes: 30, forgetBody: true };
    const [one, two] = [composePasswordReset(reset, newId), composePasswordReset(reset, newId)];

    expect(one.eventId).not.toBe(two.eventId);
    expect(one).toMatchObject({ notification: null, orderId: null, forgetBody: true });
    expect(one.messages[0]?.body).toContain("tok");
  });
});
