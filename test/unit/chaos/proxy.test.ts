import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { startThreadProxies } from "../../../chaos/thread-proxies.ts";
import { delay } from "../../../lib/time.ts";
import { freePort } from "../../../scripts/backing/process.ts";
import { startProxy, type Proxy } from "../../../chaos/proxy.ts";
import { eventually } from "../../support/wait.ts";

/** A server that answers each line with itself in capitals, and keeps what it was sent. */
async function startShouter(): Promise<{ port: number; heard: () => string; sockets: Set<Socket>; server: Server }> {
  let heard = "";
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      heard += bytes.toString();
      socket.write(bytes.toString().toUpperCase());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, heard: () => heard, sockets, server };
}

/** A client's connection: what it received, and how it ended. */
class Client {
  received = "";
  ended: "end" | "ECONNRESET" | null = null;
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("data", (bytes) => (this.received += bytes.toString()));
    this.socket.on("end", () => (this.ended ??= "end"));
    this.socket.on("error", (error: NodeJS.ErrnoException) => (this.ended = error.code as "ECONNRESET"));
  }

  async says(text: string): Promise<void> {
    this.socket.write(text);
    await eventually(() => this.received.endsWith(text.toUpperCase()));
  }
}

describe("a proxy between a client and a server", () => {
  let shouter: Awaited<ReturnType<typeof startShouter>>;
  let proxy: Proxy;
  const clients: Client[] = [];

  beforeEach(async () => {
    shouter = await startShouter();
    proxy = await startProxy(() => [shouter.port]);
  });
  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await proxy.stop();
    for (const socket of shouter.sockets) socket.destroy();
    await new Promise((resolve) => shouter.server.close(resolve));
  });
  const client = (): Client => {
    const made = new Client(proxy.port);
    clients.push(made);
    return made;
  };

  it("passes everything both ways, and the end as well", async () => {
    const ann = client();
    await ann.says("hello");
    await ann.says("x".repeat(3_000_000));
    ann.socket.end();

    await eventually(() => ann.ended === "end");
    await eventually(() => proxy.connections === 0);
    expect(shouter.heard()).toHaveLength(3_000_005);
  });

  it("adds latency to each way and keeps the order", async () => {
    const ann = client();
    await ann.says("a");
    await proxy.set({ kind: "latency", ms: 100 });
    const startedAt = performance.now();
    for (const word of ["one ", "two ", "three"]) ann.socket.write(word);

    await eventually(() => ann.received === "AONE TWO THREE");
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(200);
  });

  it.each([
    ["requests", ""],
    ["replies", "lost?"],
  ] as const)("holds %s, and delivers them afterwards", async (side, heard) => {
    const ann = client();
    await ann.says("a");
    await proxy.set({ kind: "hold", sides: [side] });
    ann.socket.write("lost?");
    const late = client();
    late.socket.write("new");
    await eventually(() => shouter.heard().includes(heard) && proxy.connections === 2);
    const early = [ann.received, late.received];

    await proxy.set({ kind: "pass" });

    await eventually(() => ann.received === "ALOST?" && late.received === "NEW");
    expect(early).toEqual(["A", ""]);
    expect([ann.ended, late.ended]).toEqual([null, null]);
  });

  it("holds the news that the server is gone, too", async () => {
    const ann = client();
    await ann.says("a");
    await proxy.set({ kind: "hold", sides: ["requests", "replies"] });
    for (const socket of shouter.sockets) socket.resetAndDestroy();
    ann.socket.write("anybody there?");
    const other = client();
    await eventually(() => proxy.connections === 2);
    const early = ann.ended;

    await proxy.set({ kind: "pass" });

    expect(early).toBeNull();
    await eventually(() => ann.ended === "ECONNRESET");
    await other.says("b");
  });

  it("refuses connections and breaks open ones off, until it passes again", async () => {
    const ann = client();
    await ann.says("a");
    await proxy.set({ kind: "refuse" });
    const refused = client();

    await eventually(() => ann.ended === "ECONNRESET");
    await eventually(() => (refused.ended as string | null) === "ECONNREFUSED");
    await proxy.set({ kind: "pass" });
    await client().says("b");
  });

  it("breaks off what is open when told to, and takes new connections", async () => {
    const ann = client();
    await ann.says("a");
    proxy.reset();

    await eventually(() => ann.ended === "ECONNRESET");
    await client().says("b");
  });

  it.each([
    ["requests", ""],
    ["replies", "COMMIT"],
  ] as const)("loses %s of those it is told to, and lets others be", async (side, heard) => {
    const [ann, ben] = [client(), client()];
    await proxy.set({ kind: "lose", side, of: /^COMMIT/, share: 1 });
    await ben.says("select");
    ann.socket.write("COMMIT");

    await eventually(() => ann.ended === "ECONNRESET");
    expect(shouter.heard()).toBe(`select${heard}`);
    expect(ann.received).toBe("");
    expect(proxy.struck).toBe(1);
    await ben.says("again");
  });

  it("answers by itself, and the server hears nothing", async () => {
    const ann = client();
    await proxy.set({ kind: "answer", bytes: Buffer.from("HTTP/1.1 429 Too Many Requests\r\n\r\n") });
    ann.socket.write("POST /charges HTTP/1.1\r\n\r\n");

    await eventually(() => ann.ended === "end");
    expect(ann.received).toBe("HTTP/1.1 429 Too Many Requests\r\n\r\n");
    expect(shouter.heard()).toBe("");
  });

  it("resets a client whose server does not listen", async () => {
    const silent = await freePort();
    const nowhere = await startProxy(() => [silent]);
    const ann = new Client(nowhere.port);
    await eventually(() => ann.ended === "ECONNRESET");
    await nowhere.stop();
  });

  it("lets its thread end, also after a connection was broken off in the moment of its end", async () => {
    const inThread = await startThreadProxies([shouter.port]);
    const [proxy] = inThread.proxies;
    if (!proxy) throw new Error("there is no proxy");
    const ann = new Client(proxy.port);
    clients.push(ann);
    await ann.says("one");
    const end = once([...shouter.sockets][0] as Socket, "close");
    await proxy.set({ kind: "hold", sides: ["requests"] });
    ann.socket.end();
    await delay(50);
    // what was held goes on, its end included, in the same moment in which everything is broken off
    void proxy.set({ kind: "pass" });
    proxy.reset();
    await end;

    await inThread.stop();
  });

  it("goes to the next of several servers when one does not listen", async () => {
    const silent = await freePort();
    const balancer = await startProxy(() => [silent, shouter.port]);
    for (const word of ["one", "two"]) {
      const ann = new Client(balancer.port);
      clients.push(ann);
      await ann.says(word);
    }
    await balancer.stop();
  });
});
