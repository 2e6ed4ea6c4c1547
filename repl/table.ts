import { stripVTControlCharacters, styleText } from "node:util";

export type Style = "red" | "green" | "yellow" | "dim" | "bold" | "cyan";

/** What stands in a table: text, or text with a meaning that is also shown by colour. */
export type Cell = string | number | null | { text: string; style: Style };

/** Colours go to terminals, and only where NO_COLOR does not forbid them. */
export const paint = (style: Style, text: string): string => styleText(style, text, { stream: process.stdout });

export const isColoured = (): boolean => paint("red", "x") !== "x";

const noRows = "none\n";

/** Columns of the same width under their titles; numbers to the right, nothing as a dash. */
export function table(titles: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return noRows;
  const texts = rows.map((row) => row.map(textOf));
  const widths = titles.map((title, i) => Math.max(widthOf(title), ...texts.map((row) => widthOf(row[i] ?? ""))));
  const isNumeric = titles.map((_, i) => rows.every((row) => typeof row[i] === "number" || row[i] === null));
  const line = (cells: readonly string[], styled: (i: number, text: string) => string): string =>
    cells
      .map((text, i) => {
        const blank = " ".repeat((widths[i] ?? 0) - widthOf(text));
        const isLast = i === cells.length - 1;
        return isNumeric[i] ? blank + styled(i, text) : styled(i, text) + (isLast ? "" : blank);
      })
      .join("  ")
      .trimEnd();
  const lines = [
    line(titles, (_, text) => paint("bold", text)),
    ...rows.map((row, y) =>
      line(texts[y] ?? [], (x, text) => {
        const cell = row[x] ?? null;
        return typeof cell === "object" && cell !== null ? paint(cell.style, text) : text;
      }),
    ),
  ];
  return `${lines.join("\n")}\n`;
}

function textOf(cell: Cell): string {
  if (cell === null || cell === "") return "-";
  return visible(String(typeof cell === "object" ? cell.text : cell));
}

/** What customers and providers wrote must not steer the operator's terminal. */
export const visible = (text: string): string =>
  stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");

const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;

/** Characters of Chinese, Japanese and Korean take two columns. */
function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += wide.test(char) ? 2 : 1;
  return width;
}

const good = new Set(["PAID", "SHIPPED", "COMPLETED", "SUCCEEDED", "APPLIED", "DONE", "ok"]);
const bad = new Set(["CANCELLED", "EXPIRED", "FAILED", "DEAD", "RED", "away"]);

export const status = (text: string): Cell => ({
  text,
  style: good.has(text) ? "green" : bad.has(text) ? "red" : "yellow",
});
