import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "vite";
import { consolePaths } from "../../web/src/console/paths.ts";
import { shopPaths } from "../../web/src/shop/paths.ts";
import { builtOf, digestFile, digestOfSources, webFolder } from "./sources.ts";

/** Builds the pages into `web/dist`, each file also compressed; what was there is replaced once all is done. */
export async function buildWeb(): Promise<void> {
  const digest = digestOfSources();
  const made = join(webFolder, `.build-${process.pid}`);
  try {
    await bundle(made);
    compress(made);
    const pages = [
      ...shopPaths.map((path) => [path, "index.html"]),
      ...consolePaths.map((path) => [path, "console.html"]),
    ];
    writeFileSync(join(made, "pages.json"), JSON.stringify(Object.fromEntries(pages)));
    writeFileSync(join(made, digestFile), `${digest}\n`);
    replace(made);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

async function bundle(outDir: string): Promise<void> {
  await build({
    configFile: false,
    root: webFolder,
    logLevel: "warn",
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2023",
      reportCompressedSize: false,
      // data: URLs would have to be allowed by the pages' content policy
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rollupOptions: { input: [join(webFolder, "index.html"), join(webFolder, "console.html")] },
    },
  });
}

/** What is worth it: below a packet's size it would save nothing. */
const leastBytes = 1_000;

function compress(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const bytes = readFileSync(file);
    if (bytes.length < leastBytes) continue;
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
    writeFileSync(`${file}.br`, brotliCompressSync(bytes));
  }
}

/** Two builds at the same time make the same: whoever comes second leaves what is there. */
function replace(made: string): void {
  const old = join(webFolder, `.old-${process.pid}`);
  try {
    renameSync(builtOf(webFolder), old);
  } catch {
    // there was none
  }
  try {
    renameSync(made, builtOf(webFolder));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
  }
  rmSync(old, { recursive: true, force: true });
}
