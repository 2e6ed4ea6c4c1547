import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { ProxyControl } from "./proxy.ts";
import type { Order, Reply } from "./proxy-thread.ts";

const script = join(import.meta.dirname, "proxy-thread.ts");

export interface ThreadProxies {
  /** One for each target, in their order. */
  proxies: ProxyControl[];
  stop(): Promise<void>;
}

/**
 * Proxies in a thread of their own. In the thread of the clients every statement of every node would wait for them: with
 * 50 orders a second that made transactions hold their locks ten times as long.
 */
export async function startThreadProxies(targets: readonly number[]): Promise<ThreadProxies> {
  const worker = new Worker(script);
  const asked = new Map<number, { resolve: (port: number) => void; reject: (error: Error) => void }>();
  let last = 0;
  const failAll = (error: Error): void => {
    for (const { reject } of asked.values()) reject(error);
    asked.clear();
  };
  worker.on("message", ({ number, port, error }: Reply) => {
    const waiting = asked.get(number);
    asked.delete(number);
    if (error === null) waiting?.resolve(port);
    else waiting?.reject(new Error(error));
  });
  worker.on("error", failAll);
  worker.on("exit", () => failAll(new Error("the thread of the proxies has ended")));
  const ask = (order: Order): Promise<number> =>
    new Promise((resolve, reject) => {
      last += 1;
      asked.set(last, { resolve, reject });
      worker.postMessage({ number: last, order });
    });
  const controlOf = (proxy: number): ProxyControl => ({
    port: proxy,
    set: async (rule) => void (await ask({ what: "set", proxy, rule })),
    reset: () => void ask({ what: "reset", proxy }).catch(() => undefined),
    stop: async () => void (await ask({ what: "stop", proxy })),
  });
  try {
    const ports = await Promise.all(targets.map((target) => ask({ what: "start", target })));
    const proxies = ports.map(controlOf);
    return {
      proxies,
      async stop() {
        await Promise.all(proxies.map((proxy) => proxy.stop()));
        await worker.terminate();
      },
    };
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}
