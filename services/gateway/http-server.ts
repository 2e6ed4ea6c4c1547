import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { delay } from "../../lib/time.ts";
import { newId } from "../../lib/ids.ts";
import { HttpRefusal, toProblem } from "./problem.ts";
import { securityHeaders } from "./respond.ts";

export interface HttpServer {
  /** Resolves with the port it listens on. */
  listen(host: string, port: number): Promise<number>;
  /** True from the moment that it takes no new connections. */
  readonly draining: boolean;
  /** Takes no new connections, and resolves when the requests under way are answered, or cut off after `withinMs`. */
  drain(withinMs: number): Promise<void>;
}

export function httpServer(handle: (req: IncomingMessage, res: ServerResponse) => void): HttpServer {
  const server = createServer(
    {
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      // the two above are looked at this often; the default is half a minute
      connectionsCheckingInterval: 1_000,
      // longer than proxies keep their side, so that it is they who close
      keepAliveTimeout: 65_000,
      // checked by ourselves, as Node answers without a problem document
      requireHostHeader: false,
    },
    handle,
  );
  server.on("clientError", answerBrokenRequest);
  let draining: Promise<void> | null = null;
  return {
    get draining() {
      return draining !== null;
    },
    listen: (host, port) => listen(server, host, port),
    drain: (withinMs) => (draining ??= drain(server, withinMs)),
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

async function drain(server: Server, withinMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = new AbortController();
  server.close(() => closed.abort());
  const deadline = Date.now() + withinMs;
  while (!closed.signal.aborted) {
    // a connection becomes idle when its request is answered, which `close` does not wait to see
    if (Date.now() < deadline) server.closeIdleConnections();
    else server.closeAllConnections();
    await delay(20, closed.signal);
  }
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
    ...securityHeaders(requestId, false),
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
