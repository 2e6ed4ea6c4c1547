import { Redis } from "ioredis";
import { freePort, serverDirectory, startProcess, type PrivateServer } from "./process.ts";

const deadlineMs = 20_000;

/** A Redis server that appends to a file of its own what it is told; anybody on this machine may use it. */
export async function startRedis(server: string): Promise<PrivateServer> {
  const directory = serverDirectory("redis");
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const settings = { port: String(port), bind: "127.0.0.1", dir: directory, appendonly: "yes", save: "" };
  const owned = await startProcess({
    name: "Redis",
    directory,
    command: server,
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    probe: () => pingRedis(url),
    deadlineMs,
  });
  return Object.assign(owned, { url });
}

export async function pingRedis(url: string): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, connectTimeout: 5_000, retryStrategy: () => null });
  // the connection's error arrives at the caller; without a listener the library would print it as well
  client.on("error", () => {});
  try {
    await client.connect();
    await client.ping();
  } finally {
    client.disconnect();
  }
}
