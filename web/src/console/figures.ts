import { number } from "../lib/i18n.ts";

export const ms = (value: number | null): string =>
  value === null ? "–" : `${number(value, { maximumFractionDigits: value < 10 ? 1 : 0 })} ms`;

export const percent = (share: number): string => number(share, { style: "percent", maximumFractionDigits: 1 });
