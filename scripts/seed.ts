import { loadConfig } from "../config.ts";
import { importCatalogue } from "./import-catalogue.ts";
import { runScript } from "./run-script.ts";
import { demoFile, demoStock } from "./seed-catalogue.ts";

// `npm run seed`: the demo catalogue, into the running system.

await runScript(async () => {
  const config = loadConfig();
  await importCatalogue(config, { file: demoFile, stock: demoStock, url: config.publicUrl, verbose: false });
});
