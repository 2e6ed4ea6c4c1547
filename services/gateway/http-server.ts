import { Server, STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, Server as SocketServer, type AddressInfo, type ListenOptions, type Socket } from "node:net";
import { delay } from "../../lib/time.ts";
import { newId } from "../../lib/ids.ts";
import { HttpRefusal, toProblem } from "./problem.ts";
import { requestIdHeader, securityHeaders } from "./respond.ts";

export interface HttpServer {
  /** Resolves with the port it listens on. */
  listen(host: string, port: number): Promise<number>;
  /** True from the moment that it is to take no new connections. */
  readonly draining: boolean;
  /**
   * Goes on as before for `graceMs`, then takes no new connections, and resolves when the requests under way are
   * answered, or cut off after `withinMs`.
   */
  drain(times: DrainTimes): Promise<void>;
}

export interface DrainTimes {
  graceMs: number;
  withinMs: number;
}

const options = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  // the two above are looked at this often; the default is half a minute
  connectionsCheckingInterval: 1_000,
  // longer than proxies keep their side, so that it is they who close
  keepAliveTimeout: 65_000,
  // checked by ourselves, as Node answers without a problem document
  requireHostHeader: false,
  // requests without a body need no stream that ends
  optimizeEmptyRequests: true,
};

/**
 * Of each listening socket, libuv takes one new connection with each turn of the loop. Under load, when turns are long, clients
 * that open one for each request would wait for seconds where nobody sees it: 300 of them 3.4 s on a loop with turns of
 * 10 ms, and 0.8 s with so many sockets, among which Linux spreads them.
 */
const listeners = process.platform === "linux" ? 8 : 1;

/** How long a stop waits for the first request of a connection that has just been opened for one. */
const firstRequestMs = 500;
/** Nobody who listens on this machine takes as long to be reached. */
const takenWithinMs = 500;

/**
 * Node calls a connection idle once its answer is written, and cuts off what a slow client has not received yet, or a
 * second request that came right behind the first.
 */
class PatientServer extends Server {
  /** Requests that are not answered yet, for each open connection. */
  private readonly unanswered = new Map<Socket, number>();
  /** Connections on which no request has come yet. */
  private readonly unused = new Set<Socket>();
  /** They listen beside this one, and give it what they take. */
  private readonly helpers: SocketServer[] = [];
  private accepted = 0;

  constructor() {
    super(options);
    this.on("connection", (socket: Socket) => {
      this.unanswered.set(socket, 0);
      this.unused.add(socket);
      this.accepted += 1;
      socket.once("close", () => {
        this.unanswered.delete(socket);
        this.unused.delete(socket);
      });
    });
  }

  /** Resolves with the port. */
  async listenOn(host: string, port: number): Promise<number> {
    const shared = { host, reusePort: listeners > 1 };
    // a port that is shared by several sockets would be shared with another node, too
    if (listeners > 1 && port !== 0 && (await isTaken(host, port))) throw addressInUse(host, port);
    await listening(this, { ...shared, port });
    const taken = (this.address() as AddressInfo).port;
    while (this.helpers.length < listeners - 1) {
      const helper = new SocketServer({ allowHalfOpen: true, noDelay: true });
      helper.on("connection", (socket) => this.emit("connection", socket));
      this.helpers.push(helper);
      await listening(helper, { ...shared, port: taken });
    }
    return taken;
  }

  /** Takes no new connections; resolves when there are none left. */
  async closed(): Promise<void> {
    const servers = [this, ...this.helpers];
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }

  came(socket: Socket): void {
    this.unused.delete(socket);
    this.count(socket, 1);
  }

  answered(socket: Socket): void {
    this.count(socket, -1);
    if (!this.listening && this.unanswered.get(socket) === 0) socket.destroySoon();
  }

  override closeIdleConnections(): void {
    for (const [socket, unanswered] of this.unanswered) {
      if (unanswered === 0 && !this.unused.has(socket)) socket.destroy();
    }
  }

  /** Connections that wait to be taken would be reset by a close. The loop takes one a turn. */
  async acceptedAll(): Promise<void> {
    const deadline = Date.now() + firstRequestMs;
    for (let before = -1; before !== this.accepted && Date.now() < deadline;) {
      before = this.accepted;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  closeUnusedConnections(): void {
    for (const socket of this.unused) socket.destroy();
  }

  private count(socket: Socket, change: number): void {
    const unanswered = this.unanswered.get(socket);
    if (unanswered !== undefined) this.unanswered.set(socket, unanswered + change);
  }
}

export interface Handlers {
  handle: (req: IncomingMessage, res: ServerResponse) => void;
  /** Called when the answer has left, or its connection was lost before. */
  closed: (req: IncomingMessage, res: ServerResponse) => void;
}

export function httpServer({ handle, closed }: Handlers): HttpServer {
  const server = new PatientServer();
  // one listener for all, instead of new ones for each request
  const onClose = function (this: ServerResponse): void {
    server.answered(this.req.socket);
    closed(this.req, this);
  };
  server.on("request", (req, res) => {
    server.came(req.socket);
    res.on("close", onClose);
    handle(req, res);
  });
  server.on("clientError", answerBrokenRequest);
  let draining: Promise<void> | null = null;
  return {
    get draining() {
      return draining !== null;
    },
    listen: (host, port) => server.listenOn(host, port),
    drain: (times) => (draining ??= drain(server, times)),
  };
}

async function listening(server: SocketServer, options: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Whether somebody takes connections there. */
function isTaken(host: string, port: number): Promise<boolean> {
  const own: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "::1" };
  return new Promise((resolve) => {
    const socket = connect({ host: own[host] ?? host, port, timeout: takenWithinMs });
    const end = (taken: boolean) => (): void => {
      socket.destroy();
      resolve(taken);
    };
    socket.once("connect", end(true)).once("error", end(false)).once("timeout", end(false));
  });
}

/** As Node says it. */
const addressInUse = (host: string, port: number): Error =>
  Object.assign(new Error(`listen EADDRINUSE: address already in use ${host}:${port}`), {
    code: "EADDRINUSE",
    syscall: "listen",
    address: host,
    port,
  });

async function drain(server: PatientServer, { graceMs, withinMs }: DrainTimes): Promise<void> {
  if (!server.listening) return;
  await delay(graceMs);
  await server.acceptedAll();
  const closed = new AbortController();
  const ended = server.closed();
  void ended.then(() => closed.abort());
  void delay(firstRequestMs, closed.signal).then(() => server.closeUnusedConnections());
  await delay(withinMs, closed.signal);
  server.closeAllConnections();
  await ended;
}

/** What Node could not read as a request; there is no response object to answer it with. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const requestId = newId();
  const { status, body } = toProblem(brokenRequest(error.code), requestId);
  const text = JSON.stringify(body);
  const headers = {
    [requestIdHeader]: requestId,
    ...Object.fromEntries(securityHeaders(false)),
    "Content-Type": "application/problem+json",
    "Content-Length": String(Buffer.byteLength(text)),
    Connection: "close",
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${head.join("")}\r\n${text}`);
}

function brokenRequest(code: string | undefined): HttpRefusal {
  if (code === "HPE_HEADER_OVERFLOW") return new HttpRefusal(431, "HEADERS_TOO_LARGE", "The headers are too large.");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new HttpRefusal(408, "REQUEST_TOO_SLOW", "The request took too long.");
  return new HttpRefusal(400, "MALFORMED_REQUEST", "This is not a well-formed HTTP request.");
}
