import type { DoctorReport, Explanation } from "../../contracts/ops.ts";
import { formatMoney } from "../../lib/money.ts";

/** A report as a table for a terminal. */
export function reportText({ ok, at, checks }: DoctorReport): string {
  const rows = checks.map(({ id, ok: holds, checked, violations, title }) => [
    id,
    holds ? "ok" : "RED",
    String(checked),
    String(violations),
    title,
  ]);
  const table = columns([["", "", "checked", "wrong", ""], ...rows]);
  const reds = checks.filter((check) => !check.ok);
  const details = reds.map(({ id, title, violations, examples, problem }) => {
    if (problem !== null) return `${id} could not be checked: ${title}\n  ${problem}\n`;
    const more = violations > examples.length ? [`and ${violations - examples.length} more`] : [];
    return `${id} does not hold: ${title}\n${[...examples, ...more].map((line) => `  ${line}\n`).join("")}`;
  });
  const verdict = ok ? "every invariant holds" : `${reds.length} of ${checks.length} checks do not hold`;
  return `${table}\n${details.join("\n")}${details.length > 0 ? "\n" : ""}${verdict} (${at})\n`;
}

/** All that is known of an order, on one page. */
export function explanationText(known: Explanation): string {
  const { order, history, reservation, payments, paymentHistory, refunds, events, notifications, answers } = known;
  const money = (cents: number): string => formatMoney(cents, order.currency, "en");
  const sections: [string, string[][]][] = [
    [
      "order",
      [
        ["id", order.id],
        ["status", order.status],
        ["customer", order.customerId],
        ["total", money(order.totalCents)],
        ["refunded", money(order.refundedCents)],
        ["created", order.createdAt],
        ["to be paid by", order.expiresAt],
      ],
    ],
    ["lines", order.lines.map((line) => [line.sku, `${line.quantity} x ${money(line.unitPriceCents)}`, line.name])],
    ["stock", reservation ? [[reservation.status, `until ${reservation.expiresAt}`]] : []],
    [
      "payments",
      payments.map((one) => [
        one.id,
        one.status,
        money(one.amountCents),
        one.provider,
        one.providerRef ?? "no reference",
      ]),
    ],
    [
      "refunds",
      refunds.map((one) => [one.id, one.status, money(one.amountCents), one.kind, one.reason, one.lastError ?? ""]),
    ],
    [
      "history",
      [...history, ...paymentHistory].sort((a, b) => (a.at < b.at ? -1 : 1)).map(({ at, type, by }) => [at, type, by]),
    ],
    [
      "events",
      events.map(({ id, type, sequence, publishedAt, consumers }) => [
        id,
        `${type} ${sequence}`,
        publishedAt === null ? "NOT PUBLISHED" : "published",
        consumers.map(({ consumer, status }) => `${consumer} ${status}`).join(", "),
      ]),
    ],
    ["told", notifications.map((one) => [one.createdAt, one.type, one.channel, one.status, one.lastError ?? ""])],
    ["stored answers", answers.map(({ key, status, createdAt }) => [createdAt, String(status), key])],
    ["could not be asked", known.unknown.map((problem) => [problem])],
  ];
  const page = sections
    .filter(([, rows]) => rows.length > 0)
    .map(([name, rows]) => `${name}\n${columns(rows)}`)
    .join("\n");
  const step = known.nextStep;
  return `${page}\nnext step: ${step ? `${step.action} ${step.target}: ${step.why}` : "none, nothing holds it up"}\n`;
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const line = (row: readonly string[]): string => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ");
  return rows.map((row) => `  ${line(row).trimEnd()}\n`).join("");
}
