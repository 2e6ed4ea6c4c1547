import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { httpServer } from "../../../services/gateway/http-server.ts";

const clients = 64;
const blockedMs = 1_500;

/** Opens connections and holds them until it is ended. */
const client = (port: number): string =>
  `for (let i = 0; i < ${clients}; i += 1) require("node:net").connect(${port}, "127.0.0.1").on("error", () => {});
   setInterval(() => {}, 1_000);`;

describe("the server of the gateway", () => {
  const onlyOn = process.platform === "linux" ? it : it.skip;

  onlyOn("takes several new connections with each turn of the loop", async () => {
    const requests: string[] = [];
    const server = httpServer({
      handle: (req, res) => {
        requests.push(req.url ?? "");
        res.end();
      },
      closed: () => undefined,
    });
    const port = await server.listen("127.0.0.1", 0);
    const script = client(port).replace('.on("error"', '.end("GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n").on("error"');
    const other = spawn(process.execPath, ["-e", script]);
    await once(other, "spawn");
    // they all come while nobody looks
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockedMs);

    let turns = 0;
    for (; requests.length < clients && turns < 10 * clients; turns += 1) await new Promise(setImmediate);

    expect(requests).toHaveLength(clients);
    // one socket would take one with each
    expect(turns).toBeLessThan(clients / 1.5);
    other.kill();
    await server.drain({ graceMs: 0, withinMs: 1_000 });
  });

  it("refuses a port on which another one of its kind listens, and one that any other program has", async () => {
    const handlers = { handle: () => undefined, closed: () => undefined };
    const [first, second, third] = [httpServer(handlers), httpServer(handlers), httpServer(handlers)];
    const port = await first.listen("0.0.0.0", 0);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    if (address === null || typeof address === "string") throw new Error("it has no port");

    await expect(second.listen("0.0.0.0", port)).rejects.toMatchObject({ code: "EADDRINUSE", port });
    await expect(third.listen("127.0.0.1", address.port)).rejects.toMatchObject({ code: "EADDRINUSE" });

    other.close();
    await first.drain({ graceMs: 0, withinMs: 100 });
    expect(await second.listen("0.0.0.0", port)).toBe(port);
    await second.drain({ graceMs: 0, withinMs: 100 });
  });
});
