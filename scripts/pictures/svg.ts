// As much of SVG as our pictures need: boxes, arrows and words, readable on light and dark.

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
  title: string;
  /** Lines under the title. */
  notes?: readonly string[];
}

interface Point {
  x: number;
  y: number;
}

const escaped = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

export function picture(width: number, height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}" font-family="system-ui, sans-serif" font-size="13">
<style>
  svg { color: #1b2733; background: #ffffff }
  .box { fill: #eef3f8; stroke: #5b7083; rx: 6px }
  .arrow { fill: none; stroke: #5b7083; stroke-width: 1.2; marker-end: url(#head) }
  .quiet { stroke-dasharray: 4 3 }
  text { fill: currentColor } .note { font-size: 11px; opacity: 0.8 }
  @media (prefers-color-scheme: dark) {
    svg { color: #e6edf3; background: #10161d }
    .box { fill: #1c2733; stroke: #8aa0b4 } .arrow { stroke: #8aa0b4 } #head path { fill: #8aa0b4 }
  }
</style>
<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"><path d="M0 0 8 4 0 8z" fill="#5b7083"/></marker></defs>
<title>${escaped(title)}</title>
${parts.join("\n")}
</svg>
`;
}

export function box({ x, y, width, height, title, notes = [] }: Box): string {
  const middle = x + width / 2;
  const first = y + height / 2 + 5 - (notes.length * 14) / 2;
  return [
    `<rect class="box" x="${x}" y="${y}" width="${width}" height="${height}"/>`,
    `<text x="${middle}" y="${first}" text-anchor="middle" font-weight="600">${escaped(title)}</text>`,
    ...notes.map(
      (note, i) =>
        `<text class="note" x="${middle}" y="${first + 15 + i * 14}" text-anchor="middle">${escaped(note)}</text>`,
    ),
  ].join("\n");
}

export function arrow(from: Point, to: Point, { quiet = false, bend = 0 } = {}): string {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const control = {
    x: Math.round((from.x + to.x) / 2 - (dy / length) * bend),
    y: Math.round((from.y + to.y) / 2 + (dx / length) * bend),
  };
  return `<path class="arrow${quiet ? " quiet" : ""}" d="M${from.x} ${from.y} Q${control.x} ${control.y} ${to.x} ${to.y}"/>`;
}

export const words = (at: Point, text: string, anchor: "start" | "middle" | "end" = "start"): string =>
  `<text class="note" x="${at.x}" y="${at.y}" text-anchor="${anchor}">${escaped(text)}</text>`;
