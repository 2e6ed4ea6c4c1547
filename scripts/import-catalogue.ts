import { isUtf8 } from "node:buffer";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Config } from "../config.ts";
import type { ImportReport } from "../contracts/products.ts";
import { messageOf } from "../lib/errors.ts";
import { restClient, ScriptError, signInAsAdmin } from "./rest-client.ts";

export interface ImportOptions {
  file: string;
  /** Units for stock codes that are new. */
  stock: number;
  /** Where the system runs. */
  url: string;
  /** Prints every line that was left out, and why. */
  verbose: boolean;
}

const timeoutMs = 90_000;

/** Loads a file into the running system over REST, prints what came of it and keeps the whole report. */
export async function importCatalogue(config: Config, { file, stock, url, verbose }: ImportOptions): Promise<void> {
  const csv = await readText(file);
  const client = restClient(url);
  const token = await signInAsAdmin(client, config);
  const { body: report } = await client.send<ImportReport>(`/products/import?initialStock=${stock}`, {
    method: "POST",
    csv,
    token,
    timeoutMs,
  });
  const path = await keep(config.dataDir, report);
  process.stdout.write(`${summaryOf(basename(file), report, verbose)}\nThe whole report is in ${path}\n`);
}

/** Spreadsheets in the west still export Windows-1252; in UTF-8 its letters would not be valid. */
export async function readText(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: unknown) => {
    const { code } = error as { code?: string };
    const why =
      code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a directory" : messageOf(error);
    throw new ScriptError(`${file} cannot be read: ${why}`);
  });
  return new TextDecoder(isUtf8(bytes) ? "utf-8" : "windows-1252").decode(bytes);
}

async function keep(dataDir: string, report: ImportReport): Promise<string> {
  const path = join(dataDir, "import-report.json");
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
  } catch (error) {
    throw new ScriptError(`The file was imported, but its report cannot be written to ${path}: ${messageOf(error)}`);
  }
  return path;
}

export function summaryOf(
  name: string,
  { read, imported, unchanged, skipped }: ImportReport,
  verbose: boolean,
): string {
  const byCode = [...Map.groupBy(skipped, ({ code }) => code)].toSorted(([, a], [, b]) => b.length - a.length);
  return [
    `${name}: ${read} lines read, ${read - skipped.length} used, ${skipped.length} skipped`,
    `  products     ${imported} created or changed, ${unchanged} unchanged`,
    ...byCode.map(([code, lines]) => `  ${code.padEnd(16)} ${String(lines.length).padStart(6)} lines`),
    ...(verbose ? skipped.map(({ line, code, reason }) => `  line ${line}: ${code}: ${reason}`) : []),
  ].join("\n");
}
