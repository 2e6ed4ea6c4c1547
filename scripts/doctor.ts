import { parseArgs } from "node:util";
import { loadConfig } from "../config.ts";
import type { AppBroker } from "../contracts/bus.ts";
import { codeOf } from "../lib/errors.ts";
import { diagnose, hastenedText } from "../repl/diagnose.ts";
import { operator } from "../repl/operator.ts";
import { attach, NothingRuns } from "./attach.ts";
import { explanationText, reportText } from "./doctor/text.ts";
import { ScriptError } from "./rest-client.ts";
import { sentenceOf } from "./run-script.ts";

// `npm run doctor` checks every invariant of the running system: exit code 0 when all hold, 1 when not, 2 when there is
// no system to check. `--fix` first has the services do now what is due; `-- explain <orderId>` is about one order.

const usage = "use: npm run doctor [-- --json] [--fix], or npm run doctor -- explain <orderId> [--json]";
const as = { meta: { user: operator } };

interface Untyped {
  call(name: string, params: unknown, options: object): Promise<never>;
}

const exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${sentenceOf(error)}\n`);
  return error instanceof NothingRuns ? 2 : 1;
});
process.exit(exitCode);

async function main(): Promise<number> {
  const { json, fix, command, id } = parsed();
  const broker = await attach(loadConfig({}, { joinsOnly: true }), "doctor");
  try {
    await broker.waitForServices("ops", 8_000).catch(() => {
      throw new NothingRuns("a system runs, but its service ops does not; start a node with it: npm run node -- ops");
    });
    return command === "explain" ? await explain(broker, id ?? "", json) : await examine(broker, { json, fix });
  } finally {
    await broker.stop();
  }
}

function parsed(): { json: boolean; fix: boolean; command: string | undefined; id: string | undefined } {
  try {
    const { values, positionals } = parseArgs({
      options: { json: { type: "boolean" }, fix: { type: "boolean" } },
      allowPositionals: true,
    });
    const [command, id] = positionals;
    const isKnown = command === undefined || (command === "explain" && id !== undefined);
    if (!isKnown || positionals.length > 2) throw new ScriptError(usage);
    return { json: values.json ?? false, fix: values.fix ?? false, command, id };
  } catch (error) {
    throw error instanceof ScriptError ? error : new ScriptError(`${sentenceOf(error).split("\n")[0] ?? ""}\n${usage}`);
  }
}

async function examine(broker: AppBroker, { json, fix }: { json: boolean; fix: boolean }): Promise<number> {
  const report = await diagnose(
    { call: (name, ...[params]) => (broker as unknown as Untyped).call(name, params, as) },
    {
      fix,
      onHastened: (before, result) => {
        if (!json) process.stdout.write(`${reportText(before)}\n${hastenedText(result)}`);
      },
    },
  );
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  return report.ok ? 0 : 1;
}

async function explain(broker: AppBroker, id: string, json: boolean): Promise<number> {
  try {
    const explanation = await broker.call("ops.explain", { id }, as);
    process.stdout.write(json ? `${JSON.stringify(explanation, null, 2)}\n` : explanationText(explanation));
    return 0;
  } catch (error) {
    const code = codeOf(error);
    if (code === "NOT_FOUND" || code === "VALIDATION_ERROR") throw new ScriptError(`there is no order ${id}`);
    throw error;
  }
}
