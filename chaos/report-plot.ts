import { faults } from "./faults/index.ts";
import { escapeHtml } from "./html.ts";
import type { NemesisEvent } from "./nemesis.ts";
import type { Run } from "./run.ts";
import { percentile } from "./timeline.ts";

const width = 960;
const margin = { left: 52, right: 12, top: 10, bottom: 26 };
const panel = { height: 150, gap: 22 };
const mostColumns = 480;
const inner = width - margin.left - margin.right;
const height = margin.top + 2 * panel.height + panel.gap + margin.bottom;

/** What faults are drawn as: by what they are done to. */
export const familyOf = (name: string): string => faults.find((fault) => fault.name === name)?.targets[0] ?? name;

export const familiesOf = (events: readonly NemesisEvent[]): string[] =>
  [...new Set(events.map(({ fault }) => familyOf(fault)))].toSorted();

/** Orders acknowledged and p99 latency over time, with the faults as bands behind both. */
export function plot({ timeline, events, startedAtMs }: Pick<Run, "timeline" | "events" | "startedAtMs">): string {
  const length = Math.max(1, timeline.acknowledged.length);
  const each = Math.max(1, Math.ceil(length / mostColumns));
  const columns = Math.ceil(length / each);
  const slice = <T>(values: readonly T[], column: number): T[] => values.slice(column * each, (column + 1) * each);
  const indices = Array.from({ length: columns }, (_, column) => column);
  const perSecond = indices.map((column) => mean(slice(timeline.acknowledged, column)));
  const latencies = indices.map((column) => Math.max(0, ...slice(timeline.p99Ms, column).map((ms) => ms ?? 0)));
  const x = (second: number): number => margin.left + (Math.min(Math.max(second, 0), length) / length) * inner;
  const secondOf = (atMs: number): number => (atMs - startedAtMs) / 1_000;

  const families = familiesOf(events);
  const bands = events.map((event) => {
    const from = x(secondOf(event.startedAtMs));
    const to = x(secondOf(event.healedAtMs));
    const label = `${event.number} ${event.fault}${event.notes.length > 0 ? `: ${event.notes.join("; ")}` : ""}`;
    const family = families.indexOf(familyOf(event.fault));
    return `<rect class="band f${family % 8}" x="${at(from)}" width="${at(Math.max(1, to - from))}" y="${margin.top}" height="${height - margin.top - margin.bottom}"><title>${escapeHtml(label)}</title></rect>`;
  });
  const line = (values: readonly number[], top: number, most: number): string =>
    values.map((value, column) => `${at(x((column + 0.5) * each))},${at(yOf(value, top, most))}`).join(" ");
  const upper = margin.top;
  const lower = margin.top + panel.height + panel.gap;
  const mostOrders = niceAbove(Math.max(1, percentile(perSecond, 1) ?? 1));
  const mostMs = niceAbove(Math.max(10, percentile(latencies, 1) ?? 10));
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Orders acknowledged a second, and the 99th percentile of latency, over the run">`,
    ...bands,
    axis(upper, mostOrders, "orders/s"),
    axis(lower, mostMs, "p99 ms"),
    `<polyline class="orders" points="${line(perSecond, upper, mostOrders)}"/>`,
    `<polyline class="latency" points="${line(latencies, lower, mostMs)}"/>`,
    ...ticksOf(length).map(
      ({ second, text }) => `<text x="${at(x(second))}" y="${height - 8}" text-anchor="middle">${text}</text>`,
    ),
    "</svg>",
  ].join("\n");
}

const at = (value: number): string => value.toFixed(1);

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

const yOf = (value: number, top: number, most: number): number =>
  top + panel.height * (1 - Math.min(value, most) / most);

function axis(top: number, most: number, unit: string): string {
  const rows = [0, most / 2, most].map((value) => {
    const y = yOf(value, top, most);
    const text = value === most ? `${value} ${unit}` : String(value);
    const label =
      value === most
        ? `<text x="${margin.left + 4}" y="${at(y + 12)}">${text}</text>`
        : `<text x="${margin.left - 6}" y="${at(y + 4)}" text-anchor="end">${text}</text>`;
    return `<line x1="${margin.left}" x2="${width - margin.right}" y1="${at(y)}" y2="${at(y)}"/>${label}`;
  });
  return `<g class="axis">${rows.join("")}</g>`;
}

/** The next of 1, 2, 5, 10, 20, 50 … */
function niceAbove(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((factor) => factor * magnitude >= value) ?? 10;
  return step * magnitude;
}

/** About six, at whole minutes or seconds. */
function ticksOf(length: number): { second: number; text: string }[] {
  const steps = [1, 5, 10, 30, 60, 120, 300, 600, 1_200, 3_600];
  const step = steps.find((seconds) => length / seconds <= 7) ?? 7_200;
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, i) => ({
    second: i * step,
    text: step >= 60 ? `${(i * step) / 60} min` : `${i * step} s`,
  }));
}
