import type { ServiceName } from "../contracts/bus.ts";
import { freePort } from "../scripts/backing/process.ts";
import { startNode, type ClusterNode } from "../scripts/cluster-node.ts";
import type { ProxyControl } from "./proxy.ts";
import { startThreadProxies } from "./thread-proxies.ts";
import { dependencies, type Crash, type Dependency, type WorldNode } from "./world.ts";

const answersWithinMs = 2_000;
const keptOutput = 4_000;
const skewedClock = new URL("./skewed-clock.ts", import.meta.url).href;

export interface WorldNodeOptions {
  id: string;
  /** All when empty. */
  services: readonly ServiceName[];
  isRegular: boolean;
  /** Where the servers themselves listen. */
  ports: Readonly<Record<Dependency, number>>;
  /** The environment, given where this node reaches its servers. */
  envFor: (ports: Readonly<Record<Dependency, number>>) => Record<string, string>;
  onOutput?: (text: string) => void;
  onCrash: (crash: Crash) => void;
}

interface LastingNode extends WorldNode {
  dispose(): Promise<void>;
}

/** A node that can be started and ended any number of times, and its proxies, which stay. */
export async function makeNode(options: WorldNodeOptions): Promise<LastingNode> {
  const { id, services, isRegular, ports, envFor, onOutput, onCrash } = options;
  const port = await freePort();
  const thread = await startThreadProxies(dependencies.map((dependency) => ports[dependency]));
  const links = Object.fromEntries(dependencies.map((dependency, i) => [dependency, thread.proxies[i]])) as Record<
    Dependency,
    ProxyControl
  >;
  const env = envFor(mapped(links, (proxy) => proxy.port));
  const hasGateway = services.length === 0 || services.includes("gateway");
  const url = hasGateway ? `http://127.0.0.1:${port}` : null;
  let running: ClusterNode | null = null;

  const end = async (how: (node: ClusterNode) => Promise<void>): Promise<void> => {
    const ending = running;
    running = null;
    if (ending) await how(ending);
  };
  const node: LastingNode = {
    id,
    url,
    links,
    isRegular,
    get isUp() {
      return running !== null;
    },
    async start({ clockSkewMs = 0 } = {}) {
      if (running) return;
      let output = "";
      const skewed: Record<string, string> =
        clockSkewMs === 0 ? {} : { NODE_OPTIONS: `--import=${skewedClock}?ms=${clockSkewMs}` };
      const started = await startNode({
        id,
        services,
        port,
        publicUrl: env.PUBLIC_URL,
        env: { ...env, ...skewed },
        untilReady: false,
        onOutput(text) {
          output = (output + text).slice(-keptOutput);
          onOutput?.(text);
        },
      });
      running = started;
      void started.ended().then(() => {
        if (running !== started) return;
        running = null;
        onCrash({ node: id, atMs: Date.now(), output });
      });
    },
    stop: () => end((process) => process.stop()),
    kill: () =>
      end(async (process) => {
        await process.kill();
        await process.stop();
      }),
    pause: async () => running?.pause(),
    resume: async () => running?.resume(),
    async isReady() {
      if (running === null) return false;
      // without a gateway nobody can ask it; whoever needs it says that it is missing
      if (url === null) return true;
      const signal = AbortSignal.timeout(answersWithinMs);
      return fetch(`${url}/health/ready`, { signal }).then(
        ({ ok }) => ok,
        () => false,
      );
    },
    async dispose() {
      await node.stop();
      await thread.stop();
    },
  };
  return node;
}

const mapped = <K extends string, From, To>(record: Record<K, From>, to: (value: From) => To): Record<K, To> =>
  Object.fromEntries(Object.entries<From>(record).map(([key, value]) => [key, to(value)])) as Record<K, To>;
