import { basename } from "node:path";
import { parseArgs } from "node:util";
import { loadConfig } from "../config.ts";
import { messageOf } from "../lib/errors.ts";
import { readText } from "./import-catalogue.ts";
import { answeredSums, assertSameStore, differences, plannedSums, storedSums } from "./replay/checks.ts";
import { planOf, type PlannedOrder } from "./replay/plan.ts";
import { progress } from "./replay/progress.ts";
import { reportOf } from "./replay/report.ts";
import { runPlan, type Outcome } from "./replay/run-plan.ts";
import { shopper, type Timings } from "./replay/shopper.ts";
import { restClient, ScriptError, signInAsAdmin } from "./rest-client.ts";
import { runScript } from "./run-script.ts";
import { demoFile } from "./seed-catalogue.ts";

// `npm run replay -- FILE.csv [--url http://…]`: orders again what a shop's till recorded, over REST, and checks that the
// file, the answers and the database agree. A second run finds everything placed, and agrees again.

const usage = "Usage: npm run replay -- [FILE.csv] [--url http://127.0.0.1:3000]";
const lanes = 8;

await runScript(async () => {
  const config = loadConfig();
  const { file, url } = readOptions(config.publicUrl);
  const plan = planOf(await readText(file));
  const planned = [...plan.orders, ...(plan.largest ? [plan.largest] : [])];
  if (planned.length === 0) throw new ScriptError(`${basename(file)} has no invoice that could be ordered`);
  process.stdout.write(`${basename(file)}: ${planned.length} invoices to order at ${url}\n`);

  const client = restClient(url);
  const timings: Timings = new Map();
  const token = await signInAsAdmin(client, config);
  const { body: admin } = await client.send<{ id: string }>("/users/me", { token });
  await assertSameStore(config.store, admin.id, url);
  const buyer = shopper(client, token, { demand: demandOf(planned), timings });
  const bar = progress(planned.length, process.stdout);
  const startedAt = performance.now();
  const { outcomes, largest } = await runPlan(plan, buyer, { lanes, onDone: () => bar.step() });
  const seconds = (performance.now() - startedAt) / 1_000;
  bar.end();
  process.stdout.write(
    `${reportOf({ plan, outcomes, largest, timings, seconds, currency: currencyOf(outcomes, config.currency) })}\n`,
  );

  const all = largest ? [...outcomes, largest] : outcomes;
  const wrong = [
    ...linesUnaccounted(plan.read, plan.leftOut.length, planned),
    ...differences("answers against the file", plannedSums(all), answeredSums(all)),
    ...differences("database against the answers", answeredSums(all), await storedSums(config.store, all)),
  ];
  if (wrong.length > 0) throw new ScriptError(`\nThese do not agree:\n  ${wrong.join("\n  ")}`);
  process.stdout.write(`\nThe file, the answers and the database agree; all ${all.length} orders are paid.\n`);
});

function readOptions(publicUrl: string): { file: string; url: string } {
  const { values, positionals } = readArguments();
  const [file = demoFile, ...rest] = positionals;
  const { url = publicUrl } = values;
  if (rest.length > 0) throw new ScriptError(usage);
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new ScriptError(`--url is "${url}", but must be a URL that begins with http:// or https://`);
  }
  return { file, url };
}

function readArguments() {
  try {
    return parseArgs({ allowPositionals: true, options: { url: { type: "string" } } });
  } catch (error) {
    throw new ScriptError(`${messageOf(error)}\n${usage}`);
  }
}

/** Units of each product that all invoices together ask for. */
function demandOf(orders: readonly PlannedOrder[]): Map<string, number> {
  const demand = new Map<string, number>();
  for (const { sku, quantity } of orders.flatMap(({ items }) => items)) {
    demand.set(sku, (demand.get(sku) ?? 0) + quantity);
  }
  return demand;
}

function currencyOf(outcomes: readonly Outcome[], fallback: string): string {
  return outcomes.find(({ placed }) => placed !== null)?.placed?.order.currency ?? fallback;
}

function linesUnaccounted(read: number, leftOut: number, planned: readonly PlannedOrder[]): string[] {
  const used = planned.reduce((sum, { lines }) => sum + lines, 0);
  return read === leftOut + used
    ? []
    : [`lines: ${used} ordered and ${leftOut} left out are not the ${read} of the file`];
}
