import type { ServerResponse } from "node:http";
import type { Entry } from "./admission.ts";
import { decideApproval, showApproval } from "./approval-page.ts";
import { docsPage } from "./docs-page.ts";
import type { Readiness } from "./health.ts";
import { openApiDocument } from "./openapi.ts";
import { send, sendJson } from "./respond.ts";
import { basePath, streamPath, type Method } from "./routes.ts";
import type { Streams } from "./stream.ts";
import type { WebRequest } from "./web.ts";

/** A request that the gateway answers by itself. */
export interface Page {
  method: Method;
  path: string;
  entry: Entry;
  answer(req: WebRequest, res: ServerResponse): void | Promise<void>;
}

export interface PageParts {
  streams: Streams;
  readiness: () => Readiness;
  /** Where customers go from the approval page. */
  returnUrl: string;
}

const open: Entry = { access: "public", limited: true, ignoresToken: true };

export function pages({ streams, readiness, returnUrl }: PageParts): Page[] {
  const document = openApiDocument();
  const documentText = JSON.stringify(document);
  const docs = docsPage(document);
  return [
    {
      method: "GET",
      path: "/health/live",
      entry: { ...open, limited: false },
      answer: (_req, res) => sendJson(res, 200, { status: "ok" }),
    },
    {
      method: "GET",
      path: "/health/ready",
      entry: { ...open, limited: false },
      answer(_req, res) {
        const state = readiness();
        if (state.status !== "ok") res.setHeader("Retry-After", "1");
        sendJson(res, state.status === "ok" ? 200 : 503, state);
      },
    },
    {
      method: "GET",
      path: "/openapi.json",
      entry: open,
      answer(_req, res) {
        res.setHeader("Cache-Control", "no-cache");
        send(res, 200, "application/json; charset=utf-8", documentText);
      },
    },
    {
      method: "GET",
      path: "/docs",
      entry: open,
      answer(_req, res) {
        res.setHeader("Cache-Control", "no-cache");
        res.setHeader("Content-Security-Policy", docs.contentPolicy);
        send(res, 200, "text/html; charset=utf-8", docs.text);
      },
    },
    {
      method: "GET",
      path: "/.well-known/jwks.json",
      entry: open,
      async answer(req, res) {
        const { keys } = await req.$ctx.call("auth.keys");
        res.setHeader("Cache-Control", "public, max-age=60");
        sendJson(res, 200, { keys });
      },
    },
    {
      method: "GET",
      path: basePath + streamPath,
      entry: { access: "user", limited: true, ignoresToken: false },
      async answer({ method, session, headers }, res) {
        if (!session) throw new Error("a stream was asked for by nobody");
        if (method === "HEAD") send(res, 200, "text/event-stream; charset=utf-8", "");
        else await streams.open(res, session, headers["last-event-id"]?.toString());
      },
    },
    {
      method: "GET",
      path: "/sandbox/approvals/:ref",
      entry: open,
      answer: (req, res) => showApproval(req.$ctx, refOf(req), req, res),
    },
    {
      method: "POST",
      path: "/sandbox/approvals/:ref",
      entry: open,
      answer: (req, res) => decideApproval({ bus: req.$ctx, returnUrl }, refOf(req), req, res),
    },
  ];
}

const refOf = ({ $params }: WebRequest): string => ($params.params as { ref: string }).ref;
