import { formatMoney } from "../../lib/money.ts";
import { totalsOf, type Plan } from "./plan.ts";
import type { Outcome } from "./run-plan.ts";
import type { Timings } from "./shopper.ts";

export interface Replay {
  plan: Plan;
  outcomes: readonly Outcome[];
  largest: Outcome | null;
  timings: Timings;
  seconds: number;
  currency: string;
}

/** What was ordered and what was not, and how long it took. */
export function reportOf({ plan, outcomes, largest, timings, seconds, currency }: Replay): string {
  const money = (cents: number): string => formatMoney(cents, currency, "en-GB");
  const done = outcomes.filter(({ placed }) => placed !== null).map(({ planned }) => planned);
  const totals = totalsOf(done);
  const customers = new Set(done.map(({ customer }) => customer)).size;
  const requests = [...timings.values()].reduce((sum, taken) => sum + taken.length, 0);
  return [
    row("customers", count(customers)),
    row("orders", `${count(totals.orders)} of ${count(plan.orders.length)}`),
    row("lines", `${count(totals.lines)}, ${count(totals.items)} once equal stock codes of an invoice are merged`),
    row("units", count(totals.units)),
    row("money", `${money(totals.totalCents)} as ordered, at catalogue prices`),
    row("in the file", `${money(totals.fileCents)} at the prices of its lines`),
    ...(largest ? [row("largest", describeLargest(largest, money))] : []),
    row("left out", `${count(plan.leftOut.length)} of ${count(plan.read)} lines`),
    ...tally(plan.leftOut.map(({ reason }) => reason)),
    ...failures([...outcomes, ...(largest ? [largest] : [])]),
    row("took", `${seconds.toFixed(1)} s, ${count(requests)} requests, ${count(requests / seconds)} requests/s`),
    ...[...timings].map(([kind, taken]) => latencies(kind, taken)),
  ].join("\n");
}

function describeLargest({ planned, placed }: Outcome, money: (cents: number) => string): string {
  const { invoice, lines, items, totalCents, fileCents } = planned;
  const end = placed ? `${money(totalCents)}, ${money(fileCents)} in the file` : "not placed";
  return `invoice ${invoice}: ${count(lines)} lines, ${count(items.length)} items in one order, ${end}`;
}

function failures(outcomes: readonly Outcome[]): string[] {
  const failed = outcomes.filter(({ failure }) => failure !== null);
  if (failed.length === 0) return [];
  const reasons = failed.flatMap(({ planned, failure }) => Array<string>(planned.lines).fill(failure ?? ""));
  return [row("not ordered", `${count(reasons.length)} lines of ${count(failed.length)} invoices`), ...tally(reasons)];
}

function tally(reasons: readonly string[]): string[] {
  const groups = [...Map.groupBy(reasons, (reason) => reason)].toSorted(([, a], [, b]) => b.length - a.length);
  return groups.map(([reason, all]) => `                ${count(all.length).padStart(6)}  ${reason}`);
}

function latencies(kind: string, taken: readonly number[]): string {
  const sorted = taken.toSorted((a, b) => a - b);
  const at = (share: number): string => `${Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0)} ms`;
  return `                ${count(taken.length).padStart(6)}  ${kind.padEnd(9)} p50 ${at(0.5)}, p99 ${at(0.99)}`;
}

const row = (name: string, value: string): string => `  ${name.padEnd(14)}${value}`;
const count = (value: number): string => Math.round(value).toLocaleString("en-GB");
