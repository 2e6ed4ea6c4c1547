import { CsvError, parse } from "csv-parse/sync";
import { invalidField } from "./errors.ts";

/** One line of data: its number in the file, the header being line 1, and its cells. */
export interface CsvRecord {
  line: number;
  cells: readonly string[];
}

export interface CsvTable {
  header: readonly string[];
  records: readonly CsvRecord[];
}

/** Reads CSV text; empty lines do not count. Refuses text in which a quote is never closed. */
export function readCsv(text: string): CsvTable {
  const [header, ...records] = parsed(text).map(({ record, info }) => ({
    line: info.lines,
    cells: record.map((cell) => cell.trim()),
  }));
  return { header: header?.cells ?? [], records };
}

type Parsed = { record: string[]; info: { lines: number } }[];

function parsed(text: string): Parsed {
  try {
    // its types do not know what `info` makes of a record
    return parse(text, {
      bom: true,
      info: true,
      // a line with too many or too few cells is reported as such; the others are still of use
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    }) as unknown as Parsed;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw invalidField("csv", "INVALID_CSV", `This is not CSV: ${error.message}.`);
  }
}

/** Which cell of a record belongs to which column. */
export function columnsOf<C extends string>(header: readonly string[], columns: readonly C[]): Record<C, number> {
  return Object.fromEntries(columns.map((column) => [column, header.indexOf(column)])) as Record<C, number>;
}

/** The refusal of a file whose header lacks columns. */
export function missingColumns(missing: readonly string[]): Error {
  return invalidField("csv", "MISSING_COLUMNS", `The header lacks ${missing.join(", ")}.`);
}
