import { parseArgs } from "node:util";
import { ServiceBroker } from "moleculer";
import { loadConfig, type Config } from "../config.ts";
import type { AppBroker } from "../contracts/bus.ts";
import { isSystemAt, LocalTransporter, localSocketPath } from "../lib/local-transporter.ts";
import { delay } from "../lib/time.ts";
import { brokerOptions } from "../moleculer.config.ts";
import { pipedLines, runCommands, startRepl } from "../repl/session.ts";
import { ScriptError } from "./rest-client.ts";
import { runScript } from "./run-script.ts";

// `npm run repl`: a REPL attached to the running system; `npm run repl -- -e "call products.list --limit 2"` runs one command.

const attachWithinMs = 8_000;

await runScript(async () => {
  const { values } = parseArgs({ options: { execute: { type: "string", short: "e", multiple: true } } });
  const config = loadConfig();
  const broker = await attach(config);
  const leave = async (code: number): Promise<never> => {
    await broker.stop();
    process.exit(code);
  };
  const onQuit = (): Promise<void> => leave(0);
  const commands = values.execute ?? (process.stdin.isTTY ? null : pipedLines());
  if (commands === null) return startRepl(broker, { dataDir: config.dataDir, onQuit });
  await leave((await runCommands(broker, commands, { onQuit })) ? 0 : 1);
});

/** A broker without services of its own, once it sees the nodes of the running system. */
async function attach(config: Config): Promise<AppBroker> {
  const where = config.transporter ? `behind TRANSPORTER` : `on DATA_DIR ${config.dataDir}`;
  const nothing = new ScriptError(`nothing runs ${where}; start the system with npm start`);
  const path = localSocketPath(config.dataDir);
  if (config.transporter === null && !(await isSystemAt(path))) throw nothing;

  const quiet = {
    ...config,
    nodeId: `repl-${process.pid}`,
    log: { level: "error", dir: null, pretty: false },
  } as const;
  const options = brokerOptions(quiet);
  const broker = new ServiceBroker({
    ...options,
    ...(config.transporter === null
      ? { transporter: new LocalTransporter({ path, joinOnly: true, onEnded: systemEnded }) }
      : {}),
    internalServices: false,
    skipProcessEventRegistration: true,
  });
  const others = (): boolean => broker.registry.getNodeList({ onlyAvailable: true, withServices: false }).length > 1;
  const deadline = Date.now() + attachWithinMs;
  // a transporter that cannot be reached is tried for ever
  await Promise.race([broker.start(), delay(attachWithinMs)]);
  while (!others()) {
    if (Date.now() > deadline) throw nothing;
    await delay(50);
  }
  return broker;
}

function systemEnded(): void {
  process.stderr.write("\nthe system that this REPL was attached to has ended\n");
  process.exit(1);
}
