import type { ServerResponse } from "node:http";
import type { Meta } from "../../contracts/bus.ts";
import { toJsonText } from "../../lib/json.ts";
import type { Problem } from "./problem.ts";
import { basePath, type Route } from "./routes.ts";

/** For answers that are no page: nothing in them may run or load anything. */
const noContentPolicy = "default-src 'none'; frame-ancestors 'none'";

/** Headers of every answer. What is personal is the rule, so nothing is kept unless a page says otherwise. */
export function securityHeaders(requestId: string, behindTls: boolean): Record<string, string> {
  return {
    "X-Request-Id": requestId,
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": noContentPolicy,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    ...(behindTls ? { "Strict-Transport-Security": "max-age=31536000; includeSubDomains" } : {}),
  };
}

export function send(res: ServerResponse, status: number, type: string, text: string): void {
  res.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(text) });
  res.end(text);
}

export const sendJson = (res: ServerResponse, status: number, value: object): void =>
  send(res, status, "application/json; charset=utf-8", toJsonText(value));

/** The answer of an action, with the status of its route unless the action chose one. */
export function sendResult(res: ServerResponse, route: Route, meta: Meta, result: object | null | undefined): void {
  const status = meta.$statusCode ?? route.status;
  if (status === 201 && route.location) res.setHeader("Location", basePath + route.location(result as never));
  for (const [name, value] of Object.entries(meta.$responseHeaders ?? {})) res.setHeader(name, value);
  if (status === 204 || result === null || result === undefined) {
    res.writeHead(status, status === 204 ? {} : { "Content-Length": 0 });
    res.end();
    return;
  }
  sendJson(res, status, result);
}

export function sendProblem(res: ServerResponse, { status, headers, body }: Problem): void {
  if (res.destroyed || res.writableEnded) return;
  if (res.headersSent) {
    // half an answer cannot be taken back; a cut connection tells the client that it is not whole
    res.destroy();
    return;
  }
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  send(res, status, "application/problem+json", JSON.stringify(body));
}
