import { parseArgs } from "node:util";
import { loadConfig } from "../config.ts";
import { messageOf } from "../lib/errors.ts";
import { importCatalogue, type ImportOptions } from "./import-catalogue.ts";
import { ScriptError } from "./rest-client.ts";
import { runScript } from "./run-script.ts";

// `npm run import -- FILE.csv [--stock N] [--url http://…] [--verbose]`

const usage = "Usage: npm run import -- FILE.csv [--stock N] [--url http://127.0.0.1:3000] [--verbose]";
const maxStock = 1_000_000;

await runScript(async () => {
  const config = loadConfig();
  await importCatalogue(config, readOptions(config.publicUrl));
});

function readOptions(publicUrl: string): ImportOptions {
  const { values, positionals } = readArguments();
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) throw new ScriptError(usage);
  const { stock = "0", url = publicUrl, verbose = false } = values;
  if (!/^\d{1,7}$/.test(stock) || Number(stock) > maxStock) {
    throw new ScriptError(`--stock is "${stock}", but must be a whole number from 0 to ${maxStock}.`);
  }
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new ScriptError(`--url is "${url}", but must be a URL that begins with http:// or https://`);
  }
  return { file, stock: Number(stock), url, verbose };
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { stock: { type: "string" }, url: { type: "string" }, verbose: { type: "boolean" } },
    });
  } catch (error) {
    throw new ScriptError(`${messageOf(error)}\n${usage}`);
  }
}
