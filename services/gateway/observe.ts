import type { ServerResponse } from "node:http";
import type { Metrics } from "../../lib/metrics.ts";
import { readTraceparent, type Span, type Tracer } from "../../lib/tracing.ts";
import type { WebAlias, WebRequest } from "./web.ts";

/** Times a request until its answer has left. A stream is not timed: it lasts as long as somebody listens. */
export function timeRequest(metrics: Metrics, req: WebRequest, res: ServerResponse): void {
  const startedAt = performance.now();
  res.once("close", () => {
    if (res.getHeader("content-type") === "text/event-stream; charset=utf-8") return;
    const alias = req.$alias as WebAlias | undefined;
    metrics.request(
      {
        // what leads nowhere has no name that is not the client's
        method: alias?.method ?? "none",
        route: alias?.fullPath ?? "none",
        status: res.writableFinished ? `${Math.floor(res.statusCode / 100)}xx` : "aborted",
      },
      (performance.now() - startedAt) / 1000,
    );
  });
}

/**
 * Begins a request's trace, or continues the client's; ends it when the answer has left. Whether it is kept is decided
 * here and not by the client's own flag, or anybody could have everything kept.
 */
export function traceRequest(tracer: Tracer, req: WebRequest, res: ServerResponse): Span {
  const method = req.method ?? "";
  const span = tracer.begin(method, "server", readTraceparent(req.headers.traceparent), {
    "http.request.method": method,
    "hub.request_id": req.requestId,
  });
  res.once("close", () => {
    const alias = req.$alias as WebAlias | undefined;
    if (alias) {
      span.rename(`${alias.method} ${alias.fullPath}`);
      span.set({ "http.route": alias.fullPath });
    }
    span.set({ "http.response.status_code": res.statusCode });
    span.end(res.statusCode >= 500 ? new Error("failed") : undefined);
  });
  return span;
}
