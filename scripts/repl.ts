import { parseArgs } from "node:util";
import { loadConfig } from "../config.ts";
import { messageOf } from "../lib/errors.ts";
import { pipedLines, runCommands, startRepl } from "../repl/session.ts";
import { attach } from "./attach.ts";
import { ScriptError } from "./rest-client.ts";
import { runScript } from "./run-script.ts";

// `npm run repl`: a REPL attached to the running system, over its socket or, where TRANSPORTER names one, its
// transporter; `npm run repl -- -e "orders --status PAID" --json` runs one command for a script.

const usage = 'use: npm run repl [-- -e "<command>" … [--json]]';

await runScript(async () => {
  const { execute, json = false } = readOptions();
  const config = loadConfig({}, { joinsOnly: true });
  const broker = await attach(config, "repl");
  const leave = async (code: number): Promise<never> => {
    await broker.stop();
    process.exit(code);
  };
  const onQuit = (): Promise<void> => leave(0);
  const commands = execute ?? (process.stdin.isTTY ? null : pipedLines());
  if (commands === null) return startRepl(broker, { config, onQuit });
  await leave((await runCommands(broker, commands, { config, onQuit, json })) ? 0 : 1);
});

function readOptions(): { execute?: string[]; json?: boolean } {
  try {
    const { values } = parseArgs({
      options: { execute: { type: "string", short: "e", multiple: true }, json: { type: "boolean" } },
    });
    return values;
  } catch (error) {
    throw new ScriptError(`${messageOf(error).split("\n")[0] ?? ""}\n${usage}`);
  }
}
