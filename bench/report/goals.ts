import { explainRoute } from "../big-data/routes.ts";
import { explainWithinMs, mostRatio, ratioOf } from "./big-data.ts";
import type { Memory } from "../studies/memory.ts";
import type { Results } from "./results.ts";

/** What is to be reached: ratios within one run. */
export interface Goal {
  what: string;
  atLeast: string;
  aim: string;
  /** What was measured; null when it was not. */
  found: string | null;
  reached: boolean | null;
}

const growthOf = ({ slopeMbPerMinute, minutes, mostMb }: Memory): number => (slopeMbPerMinute * minutes) / 2 / mostMb;

const ratio = (value: number): string => value.toFixed(value < 0.1 ? 3 : 2);

export function goalsOf({ scenarios, drain, lag, watched, plots, memory, bigData }: Results): Goal[] {
  const row = (name: string) => scenarios.find((one) => one.name === name);
  const least = (what: string, value: number | null | undefined, atLeast: number, aim: number): Goal => ({
    what,
    atLeast: String(atLeast),
    aim: String(aim),
    found: value == null ? null : ratio(value),
    reached: value == null ? null : value >= atLeast,
  });
  const over = (name: string): number | null => {
    const [grouped, alone] = [row(name)?.perSecond, row(`${name}-ungrouped`)?.perSecond];
    return grouped && alone ? grouped / alone : null;
  };
  const [single, singleAlone] = [row("place-single")?.p50Ms, row("place-single-ungrouped")?.p50Ms];
  const slower = single && singleAlone ? single / singleAlone : null;
  const costs = (what: string, name: string, atLeast: string, least: number): Goal => {
    const ofPlain = watched?.find((one) => one.name === name)?.ofPlain ?? null;
    return {
      ...{ what, atLeast, aim: "" },
      found: ofPlain === null ? null : `${((1 - ofPlain) * 100).toFixed(0)} %`,
      reached: ofPlain === null ? null : ofPlain >= least,
    };
  };
  const explain = bigData?.routes.find(({ name }) => name === explainRoute);
  const slowest = bigData?.routes.toSorted((a, b) => ratioOf(b) - ratioOf(a))[0];
  const checkout = row("checkout");
  const isFast = checkout?.perSecond == null ? null : checkout.perSecond >= 475 && (checkout.p99Ms ?? 0) <= 150;
  const most = Math.max(...scenarios.map(({ rssMb }) => rssMb), 0);
  return [
    least("`GET /products/:sku`, of the empty action", row("product-read")?.ofWeb, 0.7, 0.85),
    least("`GET /orders/:id`, of the empty action", row("order-read")?.ofWeb, 0.5, 0.7),
    least("place, 64 clients, of the empty action", row("place")?.ofWeb, 0.1, 0.19),
    least("place, over ungrouped", over("place"), 2.2, 4),
    least("flash sale, over ungrouped", over("flash-sale"), 4, 6),
    least("pay, 64 clients, of the empty action", row("pay")?.ofWeb, 0.03, 0.06),
    {
      what: "place, one client: median latency over ungrouped",
      atLeast: "≤ 1.1",
      aim: "",
      found: slower === null ? null : ratio(slower),
      reached: slower === null ? null : slower <= 1.1,
    },
    {
      what: "checkouts a second with p99 ≤ 150 ms",
      atLeast: "500",
      aim: "1000",
      found:
        checkout?.perSecond == null
          ? null
          : `${Math.round(checkout.perSecond)} with ${Math.round(checkout.p99Ms ?? 0)} ms`,
      reached: isFast,
    },
    {
      what: "events a second after a peak, while checkouts go on",
      atLeast: "2000",
      aim: "5000",
      found: drain ? String(Math.round(drain.perSecond)) : null,
      reached: drain ? drain.perSecond >= 2_000 : null,
    },
    {
      what: "order to notification at 100 orders/s, p99",
      atLeast: "",
      aim: "",
      found: lag ? `${Math.round(lag.p99Ms)} ms` : null,
      reached: null,
    },
    costs("metrics on, read every second: orders a second lost", "metrics", "≤ 10 %", 0.9),
    costs("traces of 1 %: orders a second lost", "traces of 1 %", "≤ 5 %", 0.95),
    {
      what: "plots of 3 consoles at 1,000 requests/s: p99 raised (a tenth of what 30 do)",
      atLeast: "≤ 5 %",
      aim: "",
      found: plots ? `${(plots.p99Raised * 100).toFixed(1)} %` : null,
      reached: plots ? plots.p99Raised <= 0.05 : null,
    },
    {
      what: "explain one of many orders, p95",
      atLeast: `≤ ${explainWithinMs} ms`,
      aim: "",
      found: explain ? `${explain.full.p95Ms.toFixed(1)} ms of ${bigData?.orders} orders` : null,
      reached: explain ? explain.full.p95Ms <= explainWithinMs : null,
    },
    {
      what: "routes over large data: median over the empty system's, the most",
      atLeast: `≤ ${mostRatio}`,
      aim: "",
      found: slowest ? `${ratioOf(slowest).toFixed(2)} (${slowest.name})` : null,
      reached: slowest ? ratioOf(slowest) <= mostRatio : null,
    },
    {
      what: "memory of a full node, the most",
      atLeast: "< 300 MB",
      aim: "200 MB",
      found: scenarios.length === 0 ? null : `${Math.round(most)} MB`,
      reached: scenarios.length === 0 ? null : most < 300,
    },
    {
      what: "memory of a full node that is used on and on: the most, and growth in the second half",
      atLeast: "< 300 MB, ≤ 5 %",
      aim: "200 MB",
      found:
        memory &&
        `${Math.round(memory.mostMb)} MB, ${(growthOf(memory) * 100).toFixed(1)} % in ${memory.minutes / 2} min`,
      reached: memory && memory.mostMb < 300 && growthOf(memory) <= 0.05,
    },
  ];
}
