import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import roll from "pino-roll";
import { messageOf } from "./errors.ts";

// A transport of pino, in a thread of its own: files that roll by day and size, of which all but the one that is written
// to are compressed, and the oldest deleted.

export interface LogFileOptions {
  /** Path without the date, the number and `.log`. */
  file: string;
  /** As in pino-roll: `50m`. */
  size: string;
  /** How many compressed files are kept. */
  keep: number;
}

export default async function logFiles({ file, size, keep }: LogFileOptions): ReturnType<typeof roll> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true });
  const stream = await roll({ file, size, frequency: "daily", dateFormat: "yyyy-MM-dd", extension: ".log" });
  let work = Promise.resolve();
  const tidy = (): void => {
    const active = basename(stream.file);
    work = work
      .then(() => archive(folder, { name: basename(file), active, keep }))
      .catch((error: unknown) => void process.stderr.write(`old logs cannot be compressed: ${messageOf(error)}\n`));
  };
  // it opens a file at the start, and each time it rolls
  stream.on("ready", tidy);
  return stream;
}

/** Compresses what is not written to any more, and deletes the oldest archives. */
export async function archive(
  folder: string,
  { name, active, keep }: { name: string; active: string; keep: number },
): Promise<void> {
  const log = new RegExp(`^${name.replace(/[^\w-]/g, "\\$&")}\\.(\\d{4}-\\d{2}-\\d{2})\\.(\\d+)\\.log(\\.gz)?$`);
  const age = (entry: string): [string, number] => {
    const [, date = "", number = "0"] = log.exec(entry) ?? [];
    return [date, Number(number)];
  };
  const byAge = (a: string, b: string): number => {
    const [[dateA, numberA], [dateB, numberB]] = [age(a), age(b)];
    return dateA === dateB ? numberA - numberB : dateA < dateB ? -1 : 1;
  };
  // by the time this is run the stream may have rolled again, and what is newer than `active` is written to
  const older = (await readdir(folder)).filter((entry) => log.test(entry) && byAge(entry, active) < 0);
  for (const entry of older.filter((one) => !one.endsWith(".gz"))) {
    const path = join(folder, entry);
    // whoever dies in between leaves the log, and a part that the next one overwrites
    await pipeline(createReadStream(path), createGzip(), createWriteStream(`${path}.gz.part`, { mode: 0o600 }));
    await rename(`${path}.gz.part`, `${path}.gz`);
    await rm(path);
  }
  const archives = [...new Set(older.map((entry) => (entry.endsWith(".gz") ? entry : `${entry}.gz`)))];
  for (const entry of archives.sort(byAge).reverse().slice(keep)) await rm(join(folder, entry), { force: true });
}
