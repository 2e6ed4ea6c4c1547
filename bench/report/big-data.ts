import { explainRoute } from "../big-data/routes.ts";
import type { BigData, MeasuredRoute } from "../studies/big-data.ts";

/** How much slower a route may become by what is stored. */
export const mostRatio = 1.5;
export const explainWithinMs = 50;

export const ratioOf = ({ empty, full }: MeasuredRoute): number => full.p50Ms / empty.p50Ms;

export const bigDataHeader = ["route", "empty p50 ms", "full p50 ms", "ratio", "empty p95 ms", "full p95 ms", "within"];

export const bigDataCells = ({ routes }: BigData): string[][] =>
  routes.map((route) => {
    const { name, empty, full } = route;
    const ratio = ratioOf(route);
    const isQuick = name === explainRoute ? full.p95Ms <= explainWithinMs : ratio <= mostRatio;
    return [
      name,
      empty.p50Ms.toFixed(1),
      full.p50Ms.toFixed(1),
      ratio.toFixed(2),
      empty.p95Ms.toFixed(1),
      full.p95Ms.toFixed(1),
      isQuick ? "yes" : "no",
    ];
  });

export const bigDataSizes = ({ orders, products, ledgerRows, fillSeconds }: BigData): string =>
  `${orders} orders with all that belongs to them, ${products} products and ${ledgerRows} rows of the stock ledger, filled in in ${Math.round(fillSeconds)} s. One client at a time. Within: a median of at most ${mostRatio} times the empty system's; of the explanation, a p95 of at most ${explainWithinMs} ms.`;

export const bigDataDoctor = ({ doctor: { emptySeconds, fullSeconds, checked } }: BigData): string =>
  `The doctor reads everything there is: ${emptySeconds.toFixed(1)} s in the empty system, ${fullSeconds === null ? "and in the full one no answer while anybody waited" : `${fullSeconds.toFixed(1)} s in the full one (${checked} rows and relations checked)`}.`;
