import { parentPort } from "node:worker_threads";
import { messageOf } from "../lib/errors.ts";
import { startProxy, type Proxy, type Rule } from "./proxy.ts";

// A thread with proxies in it, which `thread-proxies.ts` starts and speaks with.

export type Order =
  | { what: "start"; target: number }
  | { what: "set"; proxy: number; rule: Rule }
  | { what: "reset"; proxy: number }
  | { what: "stop"; proxy: number };

/** Of the order with that number; `port` after a start. */
export interface Reply {
  number: number;
  port: number;
  error: string | null;
}

const proxies = new Map<number, Proxy>();

async function carryOut(order: Order): Promise<number> {
  if (order.what === "start") {
    const proxy = await startProxy(() => [order.target]);
    proxies.set(proxy.port, proxy);
    return proxy.port;
  }
  const proxy = proxies.get(order.proxy);
  if (!proxy) throw new Error(`there is no proxy ${order.proxy}`);
  if (order.what === "set") await proxy.set(order.rule);
  else if (order.what === "reset") proxy.reset();
  else await proxy.stop();
  return proxy.port;
}

parentPort?.on("message", ({ number, order }: { number: number; order: Order }) => {
  carryOut(order).then(
    (port) => parentPort?.postMessage({ number, port, error: null } satisfies Reply),
    (error: unknown) => parentPort?.postMessage({ number, port: 0, error: messageOf(error) } satisfies Reply),
  );
});
