import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
export const webFolder = join(root, "web");
export const builtOf = (folder: string): string => join(folder, "dist");

/** In the built folder: of what it was built. */
export const digestFile = "sources.sha256";

/** The pages' sources, how they are built, and with what. By content: a checkout changes every file's time. */
export function digestOfSources(): string {
  const hash = createHash("sha256");
  for (const file of [...filesIn(webFolder), ...filesIn(import.meta.dirname), join(root, "package.json")]) {
    hash.update(`${relative(root, file)}\n`).update(readFileSync(file));
  }
  return hash.digest("hex");
}

function filesIn(folder: string): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === "dist" || entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...filesIn(path));
    else if (entry.isFile()) files.push(path);
  }
  return files.sort();
}

/** Whether what is built is of these sources. Where there are none, as in an image, what is there is all there is. */
export function isBuilt(): boolean {
  if (!existsSync(join(webFolder, "src"))) return true;
  const file = join(builtOf(webFolder), digestFile);
  return existsSync(file) && readFileSync(file, "utf8").trim() === digestOfSources();
}
