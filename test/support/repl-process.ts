import { loadConfig } from "../../config.ts";
import { runCommands } from "../../repl/session.ts";
import { attach } from "../../scripts/attach.ts";
import type { Ask } from "./repl-lines.ts";
import type { Ended } from "./script.ts";

// What `npm run repl -- -e "…"` does, as often as the process that started this one asks.

const config = loadConfig({}, { joinsOnly: true });
const broker = await attach(config, "repl");

async function run({ commands, json }: Ask): Promise<Ended> {
  const wrote = { out: "", err: "" };
  const keep = (name: "out" | "err") => (text: string | Uint8Array) => Boolean((wrote[name] += String(text)));
  process.stdout.write = keep("out");
  process.stderr.write = keep("err");
  const succeeded = await runCommands(broker, commands, { config, json, onQuit: () => Promise.resolve() });
  // each session adds one, for the only session of a process
  process.removeAllListeners("SIGINT");
  return { code: succeeded ? 0 : 1, ...wrote };
}

process.on("message", (ask: Ask) => void run(ask).then((ended) => process.send?.(ended)));
process.once("disconnect", () => process.exit());
process.send?.("attached");
