import { basename } from "node:path";
import type { StockLevel } from "../contracts/inventory.ts";
import { readText, summaryOf } from "../scripts/import-catalogue.ts";
import { demoFile, demoStock } from "../scripts/seed-catalogue.ts";
import { table } from "./table.ts";
import { BadArgument, wholeNumber, type Register, type Terminal } from "./terminal.ts";

const most = 1_000_000_000;

interface Change {
  set?: number;
  adjust?: number;
  reason?: string;
}

/** `stock <sku>` and `seed`. */
export const stockCommands: Register = (program, terminal) => {
  program
    .command("stock <sku>")
    .description("Show a product's stock, or change it")
    .option("--set <n>", "what was counted", wholeNumber("--set", { min: 0, max: most }))
    .option("--adjust <delta>", "add, or take away: -3", wholeNumber("--adjust", { min: -most, max: most }))
    .option("--reason <text>", "why it is adjusted, for the stock ledger")
    .action(async (sku: string, change: Change) => {
      const level = await levelAfter(terminal, sku, change);
      terminal.show(level, () =>
        table(
          ["sku", "on hand", "reserved", "available"],
          [[level.sku, level.onHand, level.reserved, level.available]],
        ),
      );
    });
  program
    .command("seed")
    .description("Load the demo catalogue, as npm run seed does")
    .action(async () => {
      const csv = await readText(demoFile);
      const report = await terminal.bus.call("products.import", { csv, initialStock: demoStock });
      terminal.show(report, () => `${summaryOf(basename(demoFile), report, false)}\n`);
    });
};

function levelAfter({ bus }: Terminal, sku: string, { set, adjust, reason }: Change): Promise<StockLevel> {
  if (set !== undefined && adjust !== undefined) throw new BadArgument("--set and --adjust exclude each other");
  if (adjust !== undefined) {
    if (adjust === 0) throw new BadArgument("--adjust is 0, which changes nothing");
    return bus.call("inventory.adjust", { sku, delta: adjust, reason: reason ?? "adjusted by an operator" });
  }
  if (reason !== undefined) throw new BadArgument("--reason goes with --adjust");
  return set === undefined ? bus.call("inventory.get", { sku }) : bus.call("inventory.set", { sku, onHand: set });
}
