import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { readConfig, type Config } from "../config.ts";
import type { ServiceName } from "../contracts/bus.ts";
import { startPrivateBacking, type PrivateBacking } from "../scripts/backing/index.ts";
import { freePort, serverDirectory, startProcess, type OwnedProcess } from "../scripts/backing/process.ts";
import { startSmtp } from "../test/support/smtp.ts";
import { startProxy, type Proxy, type ProxyControl } from "./proxy.ts";
import { makeNode } from "./world-node.ts";

/** Everything that a node reaches over the network, each through a proxy of the node's own. */
export const dependencies = ["mysql", "redis", "amqp", "nats", "sandbox", "smtp"] as const;
export type Dependency = (typeof dependencies)[number];

export interface WorldNode {
  readonly id: string;
  /** Where its gateway is reached while it is up; null when it has none. */
  readonly url: string | null;
  readonly links: Readonly<Record<Dependency, ProxyControl>>;
  /** Whether it should be up when no fault is on. */
  readonly isRegular: boolean;
  readonly isUp: boolean;
  /** Resolves when the process runs, which is before it serves. */
  start(options?: { clockSkewMs?: number }): Promise<void>;
  /** By SIGTERM; resolves when it has ended. */
  stop(): Promise<void>;
  /** By SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** By SIGSTOP. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  isReady(): Promise<boolean>;
}

/** A node that ended though nobody told it to. */
export interface Crash {
  node: string;
  atMs: number;
  /** The last it wrote. */
  output: string;
}

/** What a fault left behind that the checker must not take for a violation. */
export interface Planted {
  fault: string;
  /** Of a message in a queue of dead letters, an event in an inbox, a message of the provider. */
  kind: "dead-letter" | "event" | "provider-event";
  /** The queue, the consumer, or the provider. */
  where: string;
  id: string;
}

/** Servers and nodes of our own, every way between them through our own proxies. */
export interface World {
  /** Of all gateways that may ever be there; some may be down. */
  readonly gateways: readonly string[];
  readonly admin: { email: string; password: string };
  /** The nodes' settings, with the servers' own addresses: for those who look past the proxies. */
  readonly config: Config;
  readonly nodes: readonly WorldNode[];
  readonly servers: PrivateBacking<"mysql" | "redis" | "amqp" | "nats">;
  /** The payment provider, a process with books of its own. */
  readonly sandbox: OwnedProcess & { readonly url: string };
  /** A mail server of this process: how often each message came, by its Message-ID. */
  readonly smtp: { readonly url: string; readonly counts: ReadonlyMap<string, number> };
  /** The load balancer by which the provider reaches the gateways with its webhooks. */
  readonly front: Proxy;
  readonly planted: Planted[];
  readonly crashes: readonly Crash[];
  /** Ends every fault: servers and regular nodes run, the other nodes do not, proxies pass. */
  restore(): Promise<void>;
  /** Whether every regular node is ready. */
  isWhole(): Promise<boolean>;
  stop(): Promise<void>;
}

export interface WorldOptions {
  /** How many nodes with all services are up when no fault is on, and how many more may be started. */
  nodes?: number;
  spares?: number;
  /** One more node that runs these services alone. */
  partial?: readonly ServiceName[];
  orderTtlSeconds?: number;
  /** Settings of the nodes beside those that the world needs. */
  env?: Readonly<Record<string, string>>;
  /** What nodes and the sandbox write, as it comes. */
  onOutput?: (from: string, text: string) => void;
}

const sandboxScript = resolve(import.meta.dirname, "../services/payments/providers/sandbox/main.ts");
const sandboxWithinMs = 30_000;
const plenty = "1000000000";

/** Resolves when servers and regular nodes run; `isWhole` says when they serve. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const { nodes: regular = 3, spares = 1, partial = [], orderTtlSeconds = 60, onOutput } = options;
  const started: (() => Promise<void>)[] = [];
  /** In the reverse order of their start. */
  const stop = async (): Promise<void> => {
    for (const end of started.splice(0).reverse()) await end();
  };
  const keep = <T>(one: T, end: (one: T) => Promise<void>): T => {
    started.push(() => end(one));
    return one;
  };
  try {
    const secretKey = randomBytes(32).toString("hex");
    const servers = keep(await startPrivateBacking(["mysql", "redis", "amqp", "nats"]), (all) => all.stop());
    const sandbox = keep(await startSandboxProcess(secretKey, onOutput), (one) => one.stop());
    const counts = new Map<string, number>();
    const smtp = keep(
      await startSmtp(0, ({ messageId }) => void counts.set(messageId, (counts.get(messageId) ?? 0) + 1)),
      (one) => one.stop(),
    );
    const admin = { email: "chaos@example.com", password: randomBytes(12).toString("base64url") };
    const crashes: Crash[] = [];
    const gatewayPorts: number[] = [];
    const front = keep(await startProxy(() => gatewayPorts), (proxy) => proxy.stop());
    const urls: Readonly<Record<Dependency, string>> = {
      ...{ mysql: servers.mysql.url, redis: servers.redis.url, amqp: servers.amqp.url, nats: servers.nats.url },
      ...{ sandbox: sandbox.url, smtp: smtp.url },
    };
    const settings = (by: (url: string, dependency: Dependency) => string): Record<string, string> => ({
      ...options.env,
      DATABASE_URL: by(urls.mysql, "mysql"),
      REDIS_URL: by(urls.redis, "redis"),
      AMQP_URL: by(urls.amqp, "amqp"),
      TRANSPORTER: by(urls.nats, "nats"),
      SANDBOX_URL: by(urls.sandbox, "sandbox"),
      SMTP_URL: by(urls.smtp, "smtp"),
      PUBLIC_URL: `http://127.0.0.1:${front.port}`,
      WEBHOOK_URL: "",
      SECRET_KEY: secretKey,
      ADMIN_EMAIL: admin.email,
      ADMIN_PASSWORD: admin.password,
      ORDER_TTL_SECONDS: String(orderTtlSeconds),
      RATE_LIMIT: plenty,
      REGISTER_RATE_LIMIT: plenty,
      LOG_LEVEL: options.env?.LOG_LEVEL ?? "warn",
    });
    const plans: { id: string; services: readonly ServiceName[]; isRegular: boolean }[] = [
      ...Array.from({ length: regular + spares }, (_, i) => ({
        ...{ id: `node-${i + 1}`, services: [], isRegular: i < regular },
      })),
      ...(partial.length === 0 ? [] : [{ id: "partial", services: partial, isRegular: true }]),
    ];
    const nodes = await Promise.all(
      plans.map(async (plan) =>
        keep(
          await makeNode({
            ...plan,
            ports: portsOf(urls),
            envFor: (ports) => settings((url, dependency) => withPort(url, ports[dependency])),
            onOutput: (text) => onOutput?.(plan.id, text),
            onCrash: (crash) => void crashes.push(crash),
          }),
          (node) => node.dispose(),
        ),
      ),
    );
    const gateways = nodes.flatMap(({ url }) => url ?? []);
    gatewayPorts.push(...gateways.map((url) => Number(new URL(url).port)));
    const world: World = {
      ...{ gateways, admin, nodes, servers, sandbox, front, crashes, planted: [], stop },
      smtp: { url: smtp.url, counts },
      config: readConfig(settings((url) => url)),
      restore: () => restore(world),
      async isWhole() {
        const ready = await Promise.all(nodes.filter(({ isRegular }) => isRegular).map((node) => node.isReady()));
        return ready.every(Boolean);
      },
    };
    await Promise.all(nodes.filter(({ isRegular }) => isRegular).map((node) => node.start()));
    return world;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startSandboxProcess(
  secretKey: string,
  onOutput: WorldOptions["onOutput"],
): Promise<OwnedProcess & { url: string }> {
  const directory = serverDirectory("sandbox");
  const url = `http://127.0.0.1:${await freePort()}`;
  const owned = await startProcess({
    name: "the sandbox",
    directory,
    command: process.execPath,
    args: [sandboxScript],
    env: {
      SANDBOX_URL: url,
      SECRET_KEY: secretKey,
      DATA_DIR: join(directory, "books"),
      // its books are its own, whatever our servers go through
      ...{ DATABASE_URL: "", TRANSPORTER: "", AMQP_URL: "", REDIS_URL: "", SERVICES: "" },
    },
    probe: async () => {
      await fetch(`${url}/charges?reference=nobody`);
    },
    deadlineMs: sandboxWithinMs,
    onOutput: (text) => onOutput?.("sandbox", text),
  });
  return Object.assign(owned, { url });
}

async function restore({ nodes, servers, sandbox, front }: World): Promise<void> {
  const proxies = [front, ...nodes.flatMap(({ links }) => Object.values(links))];
  await Promise.all(proxies.map((proxy) => proxy.set({ kind: "pass" })));
  const processes: OwnedProcess[] = [servers.mysql, servers.redis, servers.amqp, servers.nats, sandbox];
  await Promise.all(processes.map((one) => one.resume()));
  await Promise.all(nodes.map((node) => node.resume()));
  await Promise.all(nodes.map((node) => (node.isRegular ? node.start() : node.stop())));
}

const portsOf = (urls: Readonly<Record<Dependency, string>>): Record<Dependency, number> =>
  Object.fromEntries(Object.entries(urls).map(([name, url]) => [name, Number(new URL(url).port)])) as Record<
    Dependency,
    number
  >;

function withPort(url: string, port: number): string {
  const moved = new URL(url);
  moved.port = String(port);
  return moved.href;
}
