import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A built file, in every form it can be sent in. */
export interface WebFile {
  type: string;
  plain: Buffer;
  br: Buffer | null;
  gzip: Buffer | null;
}

/** The shop and the console as `npm run build:web` left them. */
export interface WebFiles {
  /** The page of each path; paths may have parameters. */
  pages: ReadonlyMap<string, WebFile>;
  /** By name. A name holds a digest of the content, so what it stands for never changes. */
  assets: ReadonlyMap<string, WebFile>;
  icon: WebFile;
}

const types: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** Reads everything into memory, some 200 kB; null where nothing was built. */
export function readWebFiles(folder: string): WebFiles | null {
  const paths = readPaths(join(folder, "pages.json"));
  if (!paths) return null;
  const read = (name: string): WebFile => readFile(join(folder, name));
  const htmls = new Map([...new Set(Object.values(paths))].map((name) => [name, read(name)]));
  const assets = readdirSync(join(folder, "assets")).filter((name) => !/\.(br|gz)$/.test(name));
  return {
    pages: new Map(Object.entries(paths).map(([path, name]) => [path, htmls.get(name) ?? read(name)])),
    assets: new Map(assets.map((name) => [name, read(join("assets", name))])),
    icon: read("favicon.svg"),
  };
}

function readPaths(file: string): Record<string, string> | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function readFile(path: string): WebFile {
  const type = types[path.split(".").at(-1) ?? ""];
  if (type === undefined) throw new Error(`${path} is of no type that is served`);
  return { type, plain: readFileSync(path), br: readIfThere(`${path}.br`), gzip: readIfThere(`${path}.gz`) };
}

function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
