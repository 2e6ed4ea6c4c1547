import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { loadEnvFiles, readConfig } from "../config.ts";
import { serviceNames, type ServiceName } from "../contracts/bus.ts";
import { messageOf } from "../lib/errors.ts";
import { prettyLine } from "../lib/pretty-log.ts";
import { delay } from "../lib/time.ts";
import { startBacking, type Backing } from "./backing/index.ts";
import { startNode, type ClusterNode } from "./cluster-node.ts";
import { restClient, ScriptError, signInAsAdmin } from "./rest-client.ts";
import { demoFile, demoStock } from "./seed-catalogue.ts";
import { importCatalogue } from "./import-catalogue.ts";
import { ensureWeb } from "./web/ensure.ts";

// `npm run cluster`: the servers and several nodes on this machine, until Ctrl-C. `--nodes 3` for the number of nodes,
// each with every service; `--nodes 0` for the servers alone; `--split` for one node a service.

const readyWithinMs = 60_000;
const mostNodes = 16;

interface Plan {
  id: string;
  /** All when empty. */
  services: ServiceName[];
  port: number;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

type Servers = Backing<"mysql" | "redis" | "nats" | "amqp">;

let backing: Servers | null = null;
const nodes: ClusterNode[] = [];
let stopping: Promise<void> | null = null;

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    void end(0);
  });
}

try {
  await main();
} catch (error) {
  if (stopping === null) process.stderr.write(`${error instanceof ScriptError ? error.message : messageOf(error)}\n`);
  await end(1);
}

/** Nodes first, each in order, then the servers that were started for them. */
function end(code: number): Promise<void> {
  stopping ??= (async () => {
    say("stopping");
    for (const node of nodes) await node.stop();
    await backing?.stop();
    process.exit(code);
  })();
  return stopping;
}

async function main(): Promise<void> {
  loadEnvFiles();
  const plans = planOf(process.argv.slice(2), Number(process.env.PORT ?? 3000));
  const pagesProblem = await ensureWeb();
  if (pagesProblem !== null) say(pagesProblem);
  say("starting the servers");
  backing = await startBacking(["mysql", "redis", "nats", "amqp"]);
  if (plans.length === 0) return serversAlone(backing);
  const password = process.env.ADMIN_PASSWORD || randomBytes(12).toString("base64url");
  const gateways = plans.filter(({ services }) => services.length === 0 || services.includes("gateway"));
  const [gateway] = gateways.map(({ port }) => `http://127.0.0.1:${port}`);
  if (gateway === undefined) throw new ScriptError("there is no gateway among the nodes");
  const env = {
    DATABASE_URL: backing.mysql.url,
    TRANSPORTER: backing.nats.url,
    AMQP_URL: backing.amqp.url,
    REDIS_URL: backing.redis.url,
    SECRET_KEY: process.env.SECRET_KEY || randomBytes(32).toString("hex"),
    ADMIN_PASSWORD: password,
    LOG_LEVEL: process.env.LOG_LEVEL || "warn",
  };
  // says what is wrong before anything is started
  const config = readConfig({ ...process.env, ...env });

  say(`starting ${plans.length} nodes`);
  const firstMetricsPort = config.metrics?.port;
  await Promise.all(
    plans.map((plan, i) => {
      const own = firstMetricsPort === undefined ? env : { ...env, METRICS_PORT: String(firstMetricsPort + i) };
      return startOne(plan, own, gateways.includes(plan) ? undefined : gateway);
    }),
  );
  await isReady(gateway);
  await seed(gateway, config);
  say(welcome({ plans, env, email: config.admin.email, gateways: gateways.map(({ port }) => port) }));
  await Promise.all(nodes.map(({ ended }) => ended()));
  if (stopping === null) throw new ScriptError("all nodes have ended");
}

function planOf(args: string[], firstPort: number): Plan[] {
  const { values } = parseArgs({
    args,
    options: { nodes: { type: "string", default: "2" }, split: { type: "boolean", default: false } },
  });
  if (values.split) return serviceNames.map((name) => ({ id: name, services: [name], port: firstPort }));
  const count = Number(values.nodes);
  if (!Number.isInteger(count) || count < 0 || count > mostNodes) {
    throw new ScriptError(`--nodes is "${values.nodes}", but must be a whole number from 0 to ${mostNodes}`);
  }
  return Array.from({ length: count }, (_, i) => ({ id: `node-${i + 1}`, services: [], port: firstPort + i }));
}

/** For nodes that somebody starts in other terminals. */
async function serversAlone({ mysql, nats, amqp, redis }: Servers): Promise<void> {
  const urls = { DATABASE_URL: mysql.url, TRANSPORTER: nats.url, AMQP_URL: amqp.url, REDIS_URL: redis.url };
  const settings = Object.entries(urls).map(([name, url]) => `${name}=${url}`);
  say(
    `\nThe servers are ready. Ctrl-C ends them. In the terminal of each node:\n\n  export ${settings.join(" \\\n    ")}\n`,
  );
  while (stopping === null) await delay(200);
}

async function startOne({ id, services, port }: Plan, env: Record<string, string>, publicUrl?: string): Promise<void> {
  let rest = "";
  const node = await startNode({
    id,
    services,
    port,
    env,
    publicUrl,
    onOutput(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (!line.startsWith(`node ${id} is ready`)) show(id, line);
    },
  });
  // one that was still starting when the stop began
  if (stopping !== null) return node.stop();
  nodes.push(node);
  void node.ended().then(() => {
    if (stopping === null) say(`${id} has ended; the others go on`);
  });
}

function show(id: string, line: string): void {
  if (line === "") return;
  process.stdout.write(line.startsWith("{") ? `${id.padEnd(10)}${prettyLine(line)}` : `${id.padEnd(10)}${line}\n`);
}

async function isReady(url: string): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  while (
    !(await fetch(`${url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (Date.now() > deadline) throw new ScriptError(`${url} was not ready within ${readyWithinMs / 1_000} s`);
    await delay(100);
  }
}

/** Where there is no product yet. */
async function seed(url: string, config: ReturnType<typeof readConfig>): Promise<void> {
  const client = restClient(url);
  const token = await signInAsAdmin(client, config);
  const { body } = await client.send<{ items: unknown[] }>("/products?limit=1", { token });
  if (body.items.length > 0 || !config.demoCatalogue) return;
  await importCatalogue(config, { file: demoFile, stock: demoStock, url, verbose: false });
}

function welcome(of: { plans: Plan[]; env: Record<string, string>; email: string; gateways: number[] }): string {
  const { plans, env, email, gateways } = of;
  const facts = [
    ...nodes.map(({ id, pid }) => {
      const services = plans.find((plan) => plan.id === id)?.services ?? [];
      return [id, `process ${pid}, ${services.length === 0 ? "every service" : services.join(", ")}`];
    }),
    ...gateways.map((port) => ["gateway", `http://127.0.0.1:${port}`]),
    ["database", env.DATABASE_URL],
    ["transporter", env.TRANSPORTER],
    ["events", env.AMQP_URL],
    ["cache", env.REDIS_URL],
    ["sign in as", `${email}, password ${env.ADMIN_PASSWORD}`],
    ["SECRET_KEY", env.SECRET_KEY],
  ];
  const lines = facts.map(([name, value]) => `  ${(name ?? "").padEnd(12)}${value ?? ""}`);
  return `\nThe cluster is ready. Ctrl-C ends it.\n\n${lines.join("\n")}\n`;
}
