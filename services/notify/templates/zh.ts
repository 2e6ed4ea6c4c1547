import { formatMoney } from "../../../lib/money.ts";
import { formatMoment, lineList, orderRef, type Language } from "./template.ts";

const money = (cents: number, currency: string): string => formatMoney(cents, currency, "zh-CN");

/** Reasons that the system itself gives, in Chinese; what people wrote stays as it is. */
const reasons: Record<string, string> = {
  "not paid in time": "未在规定时间内付款",
  "cancelled by the customer": "您取消了该订单",
  "payment arrived when the order was EXPIRED": "款项到账时订单已过期",
  "payment arrived when the order was CANCELLED": "款项到账时订单已取消",
};

const because = (reason: string): string => (reason.trim() === "" ? "" : `原因：${reasons[reason] ?? reason}。`);

const code = (failureCode: string | null | undefined): string => (failureCode ? `（代码：${failureCode}）` : "");

export const zh: Language = {
  greeting: (name) => `${name}，您好：`,
  closing: "此致\nEnterpriseHub",
  events: {
    "user.registered": (_data, name) => ({
      title: "欢迎加入 EnterpriseHub",
      body: `${name}，欢迎您！您的账户已经可以使用。`,
      email: [
        "您的账户已经可以使用。现在您可以下单、随时查看订单进度，并集中管理收货地址。",
        "您可以在账户设置中选择通过电子邮件、短信还是仅在商城内接收消息。",
      ],
      sms: "【EnterpriseHub】欢迎您！您的账户已经可以使用。",
    }),
    "order.created": ({ orderId, lines, totalCents, currency, expiresAt }) => {
      const ref = orderRef(orderId);
      const total = money(totalCents, currency);
      const until = formatMoment(expiresAt, "zh-CN");
      return {
        title: `我们已收到您的订单 ${ref}`,
        body: `您的订单 ${ref} 已提交，金额 ${total}。请在 ${until} 之前付款，在此之前我们会为您保留商品。`,
        email: [
          `感谢您的惠顾。您的订单 ${ref} 包含以下商品：`,
          lineList(
            lines,
            ({ quantity, name, lineTotalCents }) => `${name} × ${quantity}：${money(lineTotalCents, currency)}`,
            (count) => `……另有 ${count} 项商品`,
          ),
          `合计：${total}`,
          `请在 ${until} 之前付款，在此之前我们会为您保留商品。`,
        ],
        sms: `【EnterpriseHub】我们已收到您的订单 ${ref}，金额 ${total}，请在 ${until} 之前付款。`,
      };
    },
    "order.paid": ({ orderId, totalCents, currency }) => {
      const ref = orderRef(orderId);
      const total = money(totalCents, currency);
      return {
        title: `您的订单 ${ref} 已付款`,
        body: `我们已收到您为订单 ${ref} 支付的 ${total}，正在为您备货。`,
        email: [`我们已收到您为订单 ${ref} 支付的 ${total}，谢谢！`, "我们正在备货，发货后会立即通知您。"],
        sms: `【EnterpriseHub】您的订单 ${ref} 已付款（${total}），发货后我们会通知您。`,
      };
    },
    "order.cancelled": ({ orderId, reason }) => {
      const ref = orderRef(orderId);
      return {
        title: `您的订单 ${ref} 已取消`,
        body: `您的订单 ${ref} 已取消。${because(reason)}`,
        email: [
          `您的订单 ${ref} 已取消。${because(reason)}`,
          "您无需进行任何操作。如果之后仍有款项到账，我们会全额退还。",
        ],
        sms: `【EnterpriseHub】您的订单 ${ref} 已取消。`,
      };
    },
    "order.expired": ({ orderId, reason }) => {
      const ref = orderRef(orderId);
      return {
        title: `您的订单 ${ref} 已过期`,
        body: `您的订单 ${ref} 已过期，商品不再为您保留。${because(reason)}`,
        email: [`您的订单 ${ref} 已过期，商品不再为您保留。${because(reason)}`, "如果您仍然需要这些商品，请重新下单。"],
        sms: `【EnterpriseHub】您的订单 ${ref} 已过期。如仍需购买，请重新下单。`,
      };
    },
    "order.shipped": ({ orderId, carrier, trackingNumber }) => {
      const ref = orderRef(orderId);
      return {
        title: `您的订单 ${ref} 已发货`,
        body: `您的订单 ${ref} 已交由 ${carrier} 承运，运单号：${trackingNumber}`,
        email: [
          `好消息：您的订单 ${ref} 已经发货。`,
          `承运商：${carrier}\n运单号：${trackingNumber}`,
          "收到商品后，请在商城中确认收货。",
        ],
        sms: `【EnterpriseHub】您的订单 ${ref} 已由 ${carrier} 发出，运单号：${trackingNumber}`,
      };
    },
    "order.completed": ({ orderId }) => {
      const ref = orderRef(orderId);
      return {
        title: `您的订单 ${ref} 已完成`,
        body: `您的订单 ${ref} 已确认收货。感谢您的惠顾！`,
        email: [`您的订单 ${ref} 已确认收货，交易完成。`, "感谢您的惠顾，期待您再次光临。"],
        sms: `【EnterpriseHub】您的订单 ${ref} 已完成，感谢您的惠顾！`,
      };
    },
    "order.refunded": ({ orderId, amountCents, refundedCents, currency, reason }) => {
      const ref = orderRef(orderId);
      const amount = money(amountCents, currency);
      const inAll = refundedCents > amountCents ? `该订单累计退款 ${money(refundedCents, currency)}。` : "";
      return {
        title: `您的订单 ${ref} 退款 ${amount}`,
        body: `我们正在为您的订单 ${ref} 退款 ${amount}。${because(reason)}${inAll}`,
        email: [
          `我们正在为您的订单 ${ref} 退款 ${amount}。${because(reason)}${inAll}`,
          "款项将按原支付方式退回，视银行处理情况，可能需要几天到账。",
        ],
        sms: `【EnterpriseHub】我们正在为您的订单 ${ref} 退款 ${amount}，可能需要几天到账。`,
      };
    },
    "payment.succeeded": ({ orderId, amountCents, currency }) => {
      const ref = orderRef(orderId);
      const amount = money(amountCents, currency);
      return {
        title: `您已成功支付 ${amount}`,
        body: `您为订单 ${ref} 支付的 ${amount} 已成功。`,
        email: [`您为订单 ${ref} 支付的 ${amount} 已成功。`, "请保留此邮件作为凭证。"],
        sms: `【EnterpriseHub】您为订单 ${ref} 支付的 ${amount} 已成功。`,
      };
    },
    "payment.failed": ({ orderId, amountCents, currency, failureCode }) => {
      const ref = orderRef(orderId);
      const amount = money(amountCents, currency);
      return {
        title: `您的 ${amount} 付款未成功`,
        body: `您为订单 ${ref} 支付的 ${amount} 未成功${code(failureCode)}。在订单有效期内，您可以重新付款。`,
        email: [
          `很抱歉，您为订单 ${ref} 支付的 ${amount} 未成功${code(failureCode)}，款项未被扣除。`,
          "在订单有效期内，您可以重新付款，或更换其他支付方式。",
        ],
        sms: `【EnterpriseHub】您为订单 ${ref} 支付的 ${amount} 未成功，在订单有效期内可重新付款。`,
      };
    },
    "payment.refunded": ({ orderId, amountCents, currency }) => {
      const ref = orderRef(orderId);
      const amount = money(amountCents, currency);
      return {
        title: `您的退款 ${amount} 已确认`,
        body: `支付机构已确认订单 ${ref} 的退款 ${amount}。`,
        email: [`支付机构已确认订单 ${ref} 的退款 ${amount}。`, "视银行处理情况，可能需要几天才会显示在您的账户中。"],
        sms: `【EnterpriseHub】订单 ${ref} 的退款 ${amount} 已确认，即将退回给您。`,
      };
    },
  },
  passwordReset: (token, minutes) => ({
    title: "重置您的密码",
    body: "有人申请重置密码。",
    email: [
      "有人（希望是您本人）申请重置您账户的密码。请输入以下验证码来设置新密码：",
      token,
      `验证码在 ${minutes} 分钟内有效，且只能使用一次。`,
      "如果不是您本人操作，请忽略此邮件，您的密码不会改变。",
    ],
    sms: "【EnterpriseHub】有人申请重置密码，验证码已发送到您的邮箱。",
  }),
};
