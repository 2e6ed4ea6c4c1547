const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (sign) => entities[sign] ?? sign);

/** A table; the cells of columns that hold numbers are set to the right. */
export function htmlTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (tag: "th" | "td", text: string): string => {
    const isNumber = tag === "td" && /^[\d.,–-]+$/.test(text);
    return `<${tag}${isNumber ? ' class="number"' : ""}>${escapeHtml(text)}</${tag}>`;
  };
  const line = (tag: "th" | "td", cells: readonly string[]): string =>
    `<tr>${cells.map((text) => cell(tag, text)).join("")}</tr>`;
  return `<div class="wide"><table>${line("th", header)}${rows.map((row) => line("td", row)).join("")}</table></div>`;
}
