import { formatMoney } from "../../../lib/money.ts";
import { formatMoment, lineList, orderRef, type Language } from "./template.ts";

const money = (cents: number, currency: string): string => formatMoney(cents, currency, "en-GB");

/** Reasons that the system itself gives, as a customer would put them; what people wrote stays as it is. */
const reasons: Record<string, string> = {
  "not paid in time": "it was not paid in time",
  "cancelled by the customer": "you asked us to cancel the order",
  "payment arrived when the order was EXPIRED": "your payment arrived after the order had expired",
  "payment arrived when the order was CANCELLED": "your payment arrived after the order had been cancelled",
};

const because = (reason: string): string => (reason.trim() === "" ? "" : ` Reason: ${reasons[reason] ?? reason}.`);

const code = (failureCode: string | null | undefined): string => (failureCode ? ` (code: ${failureCode})` : "");

export const en: Language = {
  greeting: (name) => `Hello ${name},`,
  closing: "Kind regards,\nEnterpriseHub",
  events: {
    "user.registered": (_data, name) => ({
      title: "Welcome to EnterpriseHub",
      body: `Welcome, ${name}! Your account is ready.`,
      email: [
        "Your account is ready. You can now place orders, follow them step by step and keep your delivery addresses in one place.",
        "In your account settings you choose which news reaches you by e-mail, by text message or only in the shop.",
      ],
      sms: "EnterpriseHub: Welcome! Your account is ready.",
    }),
    "order.created": ({ orderId, lines, totalCents, currency, expiresAt }) => {
      const ref = orderRef(orderId);
      const total = money(totalCents, currency);
      const until = formatMoment(expiresAt, "en-GB");
      return {
        title: `We have your order ${ref}`,
        body: `Your order ${ref} for ${total} is placed. Please pay by ${until}; until then the goods are held for you.`,
        email: [
          `Thank you for your order ${ref}. This is what you chose:`,
          lineList(
            lines,
            ({ quantity, name, lineTotalCents }) => `${quantity} × ${name}: ${money(lineTotalCents, currency)}`,
            (count) => `… and ${count} more`,
          ),
          `Total: ${total}`,
          `Please pay by ${until}. Until then the goods are held for you.`,
        ],
        sms: `EnterpriseHub: We have your order ${ref} for ${total}. Please pay by ${until}.`,
      };
    },
    "order.paid": ({ orderId, totalCents, currency }) => {
      const ref = orderRef(orderId);
      const total = money(totalCents, currency);
      return {
        title: `Your order ${ref} is paid`,
        body: `We have received ${total} for your order ${ref} and are getting it ready to send.`,
        email: [
          `We have received ${total} for your order ${ref}. Thank you!`,
          "We are getting it ready and will tell you as soon as it is on its way.",
        ],
        sms: `EnterpriseHub: Your order ${ref} is paid (${total}). We will tell you when it is on its way.`,
      };
    },
    "order.cancelled": ({ orderId, reason }) => {
      const ref = orderRef(orderId);
      return {
        title: `Your order ${ref} is cancelled`,
        body: `Your order ${ref} is cancelled.${because(reason)}`,
        email: [
          `Your order ${ref} is cancelled.${because(reason)}`,
          "You do not have to do anything. Should a payment for it still reach us, we will return it in full.",
        ],
        sms: `EnterpriseHub: Your order ${ref} is cancelled.`,
      };
    },
    "order.expired": ({ orderId, reason }) => {
      const ref = orderRef(orderId);
      return {
        title: `Your order ${ref} has expired`,
        body: `Your order ${ref} has expired and the goods are no longer held for you.${because(reason)}`,
        email: [
          `Your order ${ref} has expired and the goods are no longer held for you.${because(reason)}`,
          "If you still want them, simply place the order again.",
        ],
        sms: `EnterpriseHub: Your order ${ref} has expired. If you still want the goods, please order again.`,
      };
    },
    "order.shipped": ({ orderId, carrier, trackingNumber }) => {
      const ref = orderRef(orderId);
      return {
        title: `Your order ${ref} is on its way`,
        body: `We have handed your order ${ref} to ${carrier}. Tracking number: ${trackingNumber}`,
        email: [
          `Good news: your order ${ref} is on its way.`,
          `Carrier: ${carrier}\nTracking number: ${trackingNumber}`,
          "When it has arrived, please confirm in the shop that you have received it.",
        ],
        sms: `EnterpriseHub: Your order ${ref} is on its way with ${carrier}, tracking number ${trackingNumber}`,
      };
    },
    "order.completed": ({ orderId }) => {
      const ref = orderRef(orderId);
      return {
        title: `Your order ${ref} is complete`,
        body: `Your order ${ref} has been received. Thank you for shopping with us!`,
        email: [
          `Your order ${ref} has been received and is complete.`,
          "Thank you for shopping with us. We hope to see you again soon.",
        ],
        sms: `EnterpriseHub: Your order ${ref} is complete. Thank you for shopping with us!`,
      };
    },
    "order.refunded": ({ orderId, amountCents, refundedCents, currency, reason }) => {
      const ref = orderRef(orderId);
      const amount = money(amountCents, currency);
      const inAll =
        refundedCents > amountCents
          ? ` In all, ${money(refundedCents, currency)} of this order has been refunded.`
          : "";
      return {
        title: `${amount} refunded for your order ${ref}`,
        body: `We are returning ${amount} for your order ${ref}.${because(reason)}${inAll}`,
        email: [
          `We are returning ${amount} for your order ${ref}.${because(reason)}${inAll}`,
          "The money goes back the way you paid. Depending on your bank it can take a few days to arrive.",
        ],
        sms: `EnterpriseHub: We are returning ${amount} for your order ${ref}. It can take a few days to arrive.`,
      };
    },
    "payment.succeeded": ({ orderId, amountCents, currency }) => {
      const ref = orderRef(orderId);
      const amount = money(amountCents, currency);
      return {
        title: `Your payment of ${amount} went through`,
        body: `Your payment of ${amount} for order ${ref} went through.`,
        email: [
          `Your payment of ${amount} for order ${ref} went through.`,
          "Please keep this message for your records.",
        ],
        sms: `EnterpriseHub: Your payment of ${amount} for order ${ref} went through.`,
      };
    },
    "payment.failed": ({ orderId, amountCents, currency, failureCode }) => {
      const ref = orderRef(orderId);
      const amount = money(amountCents, currency);
      return {
        title: `Your payment of ${amount} did not go through`,
        body: `Your payment of ${amount} for order ${ref} did not go through${code(failureCode)}. You can try again while the order is open.`,
        email: [
          `Unfortunately your payment of ${amount} for order ${ref} did not go through${code(failureCode)}. No money was taken.`,
          "You can try again, or pay another way, while the order is open.",
        ],
        sms: `EnterpriseHub: Your payment of ${amount} for order ${ref} did not go through. You can try again while the order is open.`,
      };
    },
    "payment.refunded": ({ orderId, amountCents, currency }) => {
      const ref = orderRef(orderId);
      const amount = money(amountCents, currency);
      return {
        title: `Your refund of ${amount} is on its way`,
        body: `The payment provider has confirmed your refund of ${amount} for order ${ref}.`,
        email: [
          `The payment provider has confirmed your refund of ${amount} for order ${ref}.`,
          "Depending on your bank it can take a few days until you see it on your account.",
        ],
        sms: `EnterpriseHub: Your refund of ${amount} for order ${ref} is confirmed and on its way to you.`,
      };
    },
  },
  passwordReset: (token, minutes) => ({
    title: "Reset your password",
    body: "A password reset was asked for.",
    email: [
      "Somebody, hopefully you, asked to reset the password of your account. To choose a new one, enter this code:",
      token,
      `The code works once and for ${minutes} minutes.`,
      "If it was not you, you can ignore this message: your password stays as it is.",
    ],
    sms: `EnterpriseHub: A password reset was asked for. The code is in your e-mail.`,
  }),
};
