import { randomBytes } from "node:crypto";
import type { ServiceName } from "../../contracts/bus.ts";
import { startPrivateBacking, type PrivateBacking } from "../../scripts/backing/index.ts";
import { startNode, type ClusterNode } from "../../scripts/cluster-node.ts";
import { freePort } from "./config.ts";
import { adminCredentials } from "./hub.ts";
import { RestClient } from "./rest.ts";
import { Shop } from "./shop.ts";
import { eventually } from "./wait.ts";

export interface AddOptions {
  services?: readonly ServiceName[];
  untilReady?: boolean;
  /** Settings of this node alone. */
  env?: Readonly<Record<string, string>>;
}

export interface Cluster {
  servers: PrivateBacking<"mysql" | "nats" | "amqp" | "redis">;
  /** What all nodes share, for scripts that work on them. */
  env: Readonly<Record<string, string>>;
  /** Starts another node; all services when none are named. */
  add(id: string, options?: AddOptions): Promise<ClusterNode>;
  /** What shoppers do through this node's gateway. */
  shopAt(node: ClusterNode): Promise<Shop>;
  /** What all nodes wrote. */
  output(): string;
  dispose(): Promise<void>;
}

/** Servers of their own and no node yet. */
export async function startCluster(): Promise<Cluster> {
  const servers = await startPrivateBacking(["mysql", "nats", "amqp", "redis"]);
  const nodes: ClusterNode[] = [];
  let output = "";
  const env = {
    DATABASE_URL: servers.mysql.url,
    TRANSPORTER: servers.nats.url,
    AMQP_URL: servers.amqp.url,
    REDIS_URL: servers.redis.url,
    SECRET_KEY: randomBytes(32).toString("hex"),
    ADMIN_EMAIL: adminCredentials.email,
    ADMIN_PASSWORD: adminCredentials.password,
    REGISTER_RATE_LIMIT: "10000",
    LOG_LEVEL: "warn",
  };
  return {
    servers,
    env,
    async add(id, { services = [], untilReady = true, env: own = {} } = {}) {
      const port = await freePort();
      const onOutput = (text: string): void => void (output += text);
      const node = await startNode({ id, services, port, env: { ...env, ...own }, untilReady, onOutput });
      nodes.push(node);
      return node;
    },
    async shopAt({ url }) {
      await isReady(url);
      return Shop.open({ rest: await RestClient.to(url) });
    },
    output: () => output,
    async dispose() {
      await Promise.all(nodes.map((node) => node.stop()));
      await servers.stop();
    },
  };
}

export const readiness = async (url: string): Promise<{ status: number; missing: string[] }> => {
  const response = await fetch(`${url}/health/ready`);
  const { missing } = (await response.json()) as { missing: string[] };
  return { status: response.status, missing };
};

/** Also of a gateway that does not listen yet. */
export const isReady = (url: string, withinMs = 20_000): Promise<unknown> =>
  eventually(async () => (await readiness(url).catch(() => null))?.status === 200, withinMs);
