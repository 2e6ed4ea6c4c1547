import type { Results } from "./results.ts";
import { asText } from "./table.ts";

const percent = (now: number, before: number): string => {
  const change = Math.round((now / before - 1) * 100);
  return `${change > 0 ? "+" : ""}${change} %`;
};

/** Each scenario's ratio to the floor beside that of the committed results, which may be another machine's. */
export function compare(now: Results, before: Results): string {
  const rows = now.scenarios.flatMap(({ name, ofWeb }) => {
    const old = before.scenarios.find((row) => row.name === name)?.ofWeb;
    return ofWeb === null || old == null ? [] : [[name, old.toFixed(3), ofWeb.toFixed(3), percent(ofWeb, old)]];
  });
  if (rows.length === 0) return "";
  return asText([`of web, against ${before.commit}`, "committed", "now", "change"], rows);
}
