import { checkout } from "./checkout.ts";
import { flashSale, flashSaleUngrouped } from "./flash-sale.ts";
import { login } from "./login.ts";
import { pay } from "./pay.ts";
import { placeMany, placeManyUngrouped, placeSingle, placeSingleUngrouped } from "./place.ts";
import { orderRead, productRead } from "./reads.ts";
import type { Scenario } from "./scenario.ts";

/** In the order in which they run: the node is started anew only where the size of its groups changes. */
export const scenarioNames = [
  "product-read",
  "order-read",
  "login",
  "place",
  "place-single",
  "flash-sale",
  "pay",
  "checkout",
  "place-ungrouped",
  "place-single-ungrouped",
  "flash-sale-ungrouped",
] as const;
export type ScenarioName = (typeof scenarioNames)[number];

/** Measurements of another form than a line of the table. What fills the databases comes last. */
export const studyNames = [
  "curve",
  "drain",
  "lag",
  "recovery",
  "watched",
  "plots",
  "scale",
  "memory",
  "big-data",
] as const;
export type StudyName = (typeof studyNames)[number];

export const scenarios = (checkoutsPerSecond: number): Record<ScenarioName, Scenario> => ({
  "product-read": productRead,
  "order-read": orderRead,
  login,
  place: placeMany,
  "place-single": placeSingle,
  "flash-sale": flashSale,
  pay,
  checkout: checkout(checkoutsPerSecond),
  "place-ungrouped": placeManyUngrouped,
  "place-single-ungrouped": placeSingleUngrouped,
  "flash-sale-ungrouped": flashSaleUngrouped,
});
