import type { Curve } from "../studies/curve.ts";

const width = 720;
const height = 360;
const margin = { left: 64, right: 24, top: 40, bottom: 48 };

/** Latency over load as an SVG: p50 and p99, the latency on a logarithmic scale, and the knee. */
export function plot({ name, points, knee }: Curve): string {
  const mostLoad = Math.max(...points.map(({ offered }) => offered), 1);
  const latencies = points.flatMap(({ p50Ms, p99Ms }) => [p50Ms, p99Ms]).filter((ms) => ms > 0);
  const lowest = 10 ** Math.floor(Math.log10(Math.min(...latencies, 10)));
  const highest = 10 ** Math.ceil(Math.log10(Math.max(...latencies, 10 * lowest)));
  const x = (load: number): number => margin.left + (load / mostLoad) * (width - margin.left - margin.right);
  const y = (ms: number): number => {
    const part = Math.log10(Math.max(ms, lowest) / lowest) / Math.log10(highest / lowest);
    return height - margin.bottom - part * (height - margin.top - margin.bottom);
  };
  const at = (value: number): string => value.toFixed(1);
  const line = (of: "p50Ms" | "p99Ms", colour: string): string => {
    const path = points.map((point) => `${at(x(point.offered))},${at(y(point[of]))}`).join(" ");
    const dots = points.map(
      (point) => `<circle cx="${at(x(point.offered))}" cy="${at(y(point[of]))}" r="3" fill="${colour}"/>`,
    );
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join("")}`;
  };
  const decades = Array.from({ length: Math.round(Math.log10(highest / lowest)) + 1 }, (_, i) => lowest * 10 ** i);
  const rows = decades.map(
    (ms) =>
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${at(y(ms))}" y2="${at(y(ms))}" stroke="#ccc"/>` +
      `<text x="${margin.left - 8}" y="${at(y(ms) + 4)}" text-anchor="end">${ms} ms</text>`,
  );
  const loads = points.map(
    ({ offered }) =>
      `<text x="${at(x(offered))}" y="${height - margin.bottom + 20}" text-anchor="middle">${offered}</text>`,
  );
  const bend = knee
    ? `<line x1="${at(x(knee.offered))}" x2="${at(x(knee.offered))}" y1="${margin.top}" y2="${height - margin.bottom}" stroke="#888" stroke-dasharray="4"/>` +
      `<text x="${at(x(knee.offered) + 6)}" y="${margin.top + 12}">knee: ${knee.offered}/s</text>`
    : "";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${margin.left}" y="24" font-size="14">${name}: latency over load (offered a second)</text>`,
    ...rows,
    ...loads,
    bend,
    line("p50Ms", "#1a5fb4"),
    line("p99Ms", "#c01c28"),
    `<text x="${width - margin.right}" y="24" text-anchor="end"><tspan fill="#1a5fb4">p50</tspan> <tspan fill="#c01c28">p99</tspan></text>`,
    "</svg>",
    "",
  ].join("\n");
}
