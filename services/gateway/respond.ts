import type { ServerResponse } from "node:http";
import type { Meta } from "../../contracts/bus.ts";
import { toJson, type JsonText } from "../../lib/json.ts";
import type { Problem } from "./problem.ts";
import { basePath, type Route } from "./routes.ts";

/** For answers that are no page: nothing in them may run or load anything. */
const noContentPolicy = "default-src 'none'; frame-ancestors 'none'";

export type Headers = readonly (readonly [name: string, value: string])[];

/** Headers of every answer. What is personal is the rule, so nothing is kept unless a page says otherwise. */
export function securityHeaders(behindTls: boolean): Headers {
  return [
    ["X-Content-Type-Options", "nosniff"],
    ["Content-Security-Policy", noContentPolicy],
    ["Referrer-Policy", "no-referrer"],
    ["X-Frame-Options", "DENY"],
    ["Cache-Control", "no-store"],
    ...(behindTls ? ([["Strict-Transport-Security", "max-age=31536000; includeSubDomains"]] as const) : []),
  ];
}

/** As moleculer-web writes it, who sets it once more. */
export const requestIdHeader = "X-Request-ID";

const jsonType = "application/json; charset=utf-8";

export function send(res: ServerResponse, status: number, type: string, text: string): void {
  sendText(res, status, type, { text, bytes: Buffer.byteLength(text) });
}

function sendText(res: ServerResponse, status: number, type: string, { text, bytes }: JsonText): void {
  res.writeHead(status, { "Content-Type": type, "Content-Length": bytes });
  endWith(res, { text, bytes });
}

/** What is ASCII alone goes the shorter way to the socket. */
const endWith = (res: ServerResponse, { text, bytes }: JsonText): void =>
  void res.end(text, bytes === text.length ? "latin1" : "utf8");

export const sendJson = (res: ServerResponse, status: number, value: object): void =>
  sendText(res, status, jsonType, toJson(value));

/** Sends values where no header was set yet: all of them at once cost less than one after another. */
export function wholeSender(headers: Headers): (res: ServerResponse, requestId: string, value: object) => void {
  const template = [requestIdHeader, "", ...headers.flat(), "Content-Type", jsonType, "Content-Length", 0];
  const lengthAt = template.length - 1;
  return (res, requestId, value) => {
    const json = toJson(value);
    const all = template.slice();
    all[1] = requestId;
    all[lengthAt] = json.bytes;
    res.writeHead(200, all as string[]);
    endWith(res, json);
  };
}

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
