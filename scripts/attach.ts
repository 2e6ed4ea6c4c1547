import { ServiceBroker } from "moleculer";
import type { Config } from "../config.ts";
import type { AppBroker } from "../contracts/bus.ts";
import { isSystemAt, LocalTransporter, localSocketPath } from "../lib/local-transporter.ts";
import { delay } from "../lib/time.ts";
import { brokerOptions } from "../moleculer.config.ts";
import { ScriptError } from "./rest-client.ts";

const attachWithinMs = 8_000;

/** There is no system to attach to. */
export class NothingRuns extends ScriptError {}

/**
 * A broker without services of its own, once it sees the nodes of the running system. When that ends, so does this
 * process.
 */
export async function attach(config: Config, name: string): Promise<AppBroker> {
  const where = config.transporter ? `behind TRANSPORTER` : `on DATA_DIR ${config.dataDir}`;
  const nothing = new NothingRuns(`nothing runs ${where}; start the system with npm start`);
  const path = localSocketPath(config.dataDir);
  if (config.transporter === null && !(await isSystemAt(path))) throw nothing;

  const quiet = {
    ...config,
    nodeId: `${name}-${process.pid}`,
    log: { ...config.log, level: "error", dir: null, pretty: false },
    // the port is the node's: it listens there already
    metrics: null,
  } as const;
  const options = brokerOptions(quiet);
  const onEnded = (): void => {
    process.stderr.write(`\nthe system that this ${name === "repl" ? "REPL" : name} was attached to has ended\n`);
    process.exit(1);
  };
  const broker = new ServiceBroker({
    ...options,
    ...(config.transporter === null ? { transporter: new LocalTransporter({ path, joinOnly: true, onEnded }) } : {}),
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
