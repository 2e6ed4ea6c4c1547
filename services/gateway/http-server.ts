import { Server, STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
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

/** How long a stop waits for the first request of a connection that has just been opened for one. */
const firstRequestMs = 500;

/**
 * Node calls a connection idle once its answer is written, and cuts off what a slow client has not received yet, or a
 * second request that came right behind the first.
 */
class PatientServer extends Server {
  /** Requests that are not answered yet, for each open connection. */
  private readonly unanswered = new Map<Socket, number>();
  /** Connections on which no request has come yet. */
  private readonly unused = new Set<Socket>();
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
    listen: (host, port) => listen(server, host, port),
    drain: (times) => (draining ??= drain(server, times)),
  };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

async function drain(server: PatientServer, { graceMs, withinMs }: DrainTimes): Promise<void> {
  if (!server.listening) return;
  await delay(graceMs);
  await server.acceptedAll();
  const closed = new AbortController();
  const ended = new Promise<void>((resolve) => server.close(() => resolve()));
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
