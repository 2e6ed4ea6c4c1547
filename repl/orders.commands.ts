import { randomUUID } from "node:crypto";
import { Option } from "commander";
import { OrderStatus, type Order } from "../contracts/orders.ts";
import type { Payment, PaymentMethod } from "../contracts/payments.ts";
import { formatMoney } from "../lib/money.ts";
import { explanationText } from "../scripts/doctor/text.ts";
import { findUser } from "./people.commands.ts";
import { paint, status, table } from "./table.ts";
import { anId, wholeNumber, type Register, type Terminal } from "./terminal.ts";

interface Listed {
  status?: Order["status"];
  customer?: string;
  limit: number;
  cursor?: string;
}

export const orderStatuses = OrderStatus.anyOf.map(({ const: name }) => name);

/** `orders`, `order <id>`, `pay <id>`. */
export const orderCommands: Register = (program, terminal) => {
  program
    .command("orders")
    .description("List orders, newest first")
    .addOption(new Option("--status <status>", "only these").choices(orderStatuses))
    .option("--customer <customer>", "only of this person: an id or an e-mail address")
    .option("--limit <n>", "how many, up to 100", wholeNumber("--limit", { min: 1, max: 100 }), 20)
    .option("--cursor <cursor>", "go on where a list ended")
    .action((options: Listed) => listOrders(terminal, options));
  program
    .command("order")
    .argument("<id>", "an order's id", anId("an order"))
    .description("Explain an order: what happened to it, its payments, stock and messages, and what would unblock it")
    .action((id: string) => showOrder(terminal, id));
  program
    .command("pay")
    .argument("<id>", "an order's id", anId("an order"))
    .description("Pay an order, as its customer")
    .addOption(new Option("--method <method>", "how").choices(["card", "alipay", "wechat_pay"]).default("card"))
    .option("--token <token>", "what the payment provider knows the card by, such as tok_declined of the sandbox")
    .option("--key <key>", "an Idempotency-Key: the same one again pays nothing more")
    .action((id: string, options: { method: PaymentMethod; token?: string; key?: string }) =>
      pay(terminal, id, options),
    );
};

async function listOrders(terminal: Terminal, { customer, ...filter }: Listed): Promise<void> {
  const customerId = customer === undefined ? undefined : await findUser(terminal, customer).then(({ id }) => id);
  const page = await terminal.bus.call("orders.list", { ...filter, ...(customerId ? { customerId } : {}) });
  terminal.remember(...page.items.map(({ id }) => id));
  terminal.show(page, () => {
    const rows = page.items.map((order) => [
      order.id,
      status(order.status),
      money(order.totalCents, order.currency),
      order.lines.length,
      order.createdAt,
      order.customerId,
    ]);
    const more = page.nextCursor === null ? "" : `more: --cursor ${page.nextCursor}\n`;
    return table(["order", "status", "total", "lines", "created", "customer"], rows) + more;
  });
}

async function showOrder(terminal: Terminal, id: string): Promise<void> {
  terminal.remember(id);
  if (!terminal.identity.roles.includes("admin")) return showAsSeen(terminal, id);
  const explanation = await terminal.bus.call("ops.explain", { id });
  terminal.show(explanation, () => explanationText(explanation).replace(/^\S.*$/gm, (line) => paint("bold", line)));
}

/** What people without the right to an explanation may know of an order. */
async function showAsSeen(terminal: Terminal, id: string): Promise<void> {
  const { bus } = terminal;
  const [order, timeline, payments] = await Promise.all([
    bus.call("orders.get", { id }),
    bus.call("orders.timeline", { id }),
    bus.call("orders.payments", { id }),
  ]);
  const { currency } = order;
  terminal.show({ order, timeline: timeline.items, payments: payments.items }, () =>
    [
      table(["order", "status", "total"], [[order.id, status(order.status), money(order.totalCents, currency)]]),
      table(
        ["sku", "quantity", "each", "name"],
        order.lines.map((line) => [line.sku, line.quantity, money(line.unitPriceCents, currency), line.name]),
      ),
      paymentTable(payments.items),
      table(
        ["at", "what", "by"],
        timeline.items.map(({ at, type, by }) => [at, type, by]),
      ),
    ].join("\n"),
  );
}

async function pay(
  terminal: Terminal,
  id: string,
  { method, token, key = randomUUID() }: { method: PaymentMethod; token?: string; key?: string },
): Promise<void> {
  const { customerId } = await terminal.bus.call("orders.get", { id });
  // only an order's customer can pay it; an operator does it for them
  const payer = terminal.identity.roles.includes("admin")
    ? { ...terminal.identity, id: customerId, roles: ["customer" as const] }
    : terminal.identity;
  const bus = terminal.busAs(payer, { idempotencyKey: key });
  const payment = await bus.call("orders.pay", { id, method, ...(token === undefined ? {} : { token }) });
  terminal.remember(id, payment.id);
  terminal.show(payment, () => {
    const page = payment.redirectUrl === null ? "" : `the customer has to act: ${payment.redirectUrl}\n`;
    return paymentTable([payment]) + page;
  });
}

const paymentTable = (payments: readonly Payment[]): string =>
  table(
    ["payment", "status", "amount", "provider", "failure"],
    payments.map((one) => [
      one.id,
      status(one.status),
      money(one.amountCents, one.currency),
      one.provider,
      one.failureCode,
    ]),
  );

const money = (cents: number, currency: string): string => formatMoney(cents, currency, "en");
