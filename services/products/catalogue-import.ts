import { columnsOf, missingColumns, readCsv, type CsvTable } from "../../lib/csv.ts";
import {
  catalogueOf,
  isRetailHeader,
  isStockCode,
  maxNameLength,
  maxPriceCents,
  oneLine,
  retailLinesOf,
  shortened,
  type Skipped,
} from "../../lib/retail-csv.ts";

export interface ImportedProduct {
  sku: string;
  name: string;
  /** Null when the file says nothing of it. */
  description: string | null;
  priceCents: number;
  /** For products that are new. */
  status: "active" | "unlisted";
}

export interface Catalogue {
  /** Lines, without the header. */
  read: number;
  products: ImportedProduct[];
  /** Every line that was not used, in the order of the file. */
  skipped: Skipped[];
}

const required = ["sku", "name", "priceCents"] as const;
const known = [...required, "description"] as const;
const maxDescriptionLength = 4_000;

/**
 * The products of a CSV file: a retail export, or the columns `sku,name,description,priceCents`, of which the
 * description may be missing. Refuses a file with any other header.
 */
export function readCatalogue(csv: string): Catalogue {
  const table = readCsv(csv);
  return isRetailHeader(table.header) ? ofRetail(table) : ofCatalogue(table);
}

function ofRetail(table: CsvTable): Catalogue {
  const { lines, bad } = retailLinesOf(table);
  const { products, skipped } = catalogueOf(lines);
  return {
    read: table.records.length,
    products: products.map((product) => ({ ...product, description: null })),
    skipped: [...bad, ...skipped].toSorted((a, b) => a.line - b.line),
  };
}

function ofCatalogue({ header, records }: CsvTable): Catalogue {
  const missing = required.filter((column) => !header.includes(column));
  if (missing.length > 0) throw missingColumns(missing);
  const at = columnsOf(header, known);
  const products = new Map<string, ImportedProduct & { line: number }>();
  const skipped: Skipped[] = [];
  for (const { line, cells } of records) {
    const [sku = "", name = "", price = "", written = null] = known.map((column) => cells[at[column]]);
    const description = written === null ? null : withoutControls(written);
    const first = products.get(sku);
    const refusal =
      cells.length === header.length
        ? first
          ? skip("DUPLICATE", `The stock code is on line ${first.line} already.`)
          : whyNotUsable(sku, oneLine(name), price, description ?? "")
        : skip("BAD_LINE", `It has ${cells.length} columns where the header has ${header.length}.`);
    if (refusal) skipped.push({ line, ...refusal });
    else
      products.set(sku, { sku, name: oneLine(name), description, priceCents: Number(price), status: "active", line });
  }
  return {
    read: records.length,
    products: [...products.values()].map(({ line: _line, ...product }) => product),
    skipped,
  };
}

const withoutControls = (text: string): string => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "");

const skip = (code: Skipped["code"], reason: string): Omit<Skipped, "line"> => ({ code, reason });

function whyNotUsable(sku: string, name: string, price: string, description: string): Omit<Skipped, "line"> | null {
  if (!isStockCode(sku)) return skip("BAD_STOCK_CODE", `The stock code "${shortened(sku)}" cannot be used.`);
  if (name === "") return skip("NO_NAME", "The name is empty.");
  if (name.length > maxNameLength) return skip("BAD_LINE", `The name has more than ${maxNameLength} characters.`);
  if (!/^\d{1,11}$/.test(price) || Number(price) > maxPriceCents) {
    return skip(
      "NO_PRICE",
      `The price "${shortened(price)}" is not a whole number of minor units up to ${maxPriceCents}.`,
    );
  }
  if (description.length > maxDescriptionLength) {
    return skip("BAD_LINE", `The description has more than ${maxDescriptionLength} characters.`);
  }
  return null;
}
