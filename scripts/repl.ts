import { parseArgs } from "node:util";
import { loadConfig } from "../config.ts";
import { pipedLines, runCommands, startRepl } from "../repl/session.ts";
import { attach } from "./attach.ts";
import { runScript } from "./run-script.ts";

// `npm run repl`: a REPL attached to the running system; `npm run repl -- -e "call products.list --limit 2"` runs one command.

await runScript(async () => {
  const { values } = parseArgs({ options: { execute: { type: "string", short: "e", multiple: true } } });
  const config = loadConfig();
  const broker = await attach(config, "repl");
  const leave = async (code: number): Promise<never> => {
    await broker.stop();
    process.exit(code);
  };
  const onQuit = (): Promise<void> => leave(0);
  const commands = values.execute ?? (process.stdin.isTTY ? null : pipedLines());
  if (commands === null) return startRepl(broker, { dataDir: config.dataDir, onQuit });
  await leave((await runCommands(broker, commands, { onQuit })) ? 0 : 1);
});
