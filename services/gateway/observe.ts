import type { ServerResponse } from "node:http";
import type { Metrics } from "../../lib/metrics.ts";
import type { Rates } from "./rates.ts";
import { readTraceparent, type Span, type Tracer } from "../../lib/tracing.ts";
import type { Target } from "./requests.mixin.ts";
import type { WebAlias, WebRequest } from "./web.ts";

interface Observers {
  metrics: Metrics | undefined;
  rates: Rates;
  /** What the request leads to: of pages no action. */
  targets: ReadonlyMap<WebAlias, Target>;
}

/** Notes what became of a request once its answer has left. A stream is not timed: it lasts as long as somebody listens. */
export function requestNotes({ metrics, rates, targets }: Observers): (req: WebRequest, res: ServerResponse) => void {
  return (req, res) => {
    if (res.getHeader("content-type") === "text/event-stream; charset=utf-8") return;
    const tookMs = performance.now() - req.startedAtMs;
    const alias = req.$alias as WebAlias | undefined;
    const target = alias && targets.get(alias);
    const action = target && "route" in target ? target.route.action : null;
    // what was refused unread, as too much, led to an action that was not looked up
    if (action !== null || res.statusCode === 503) {
      rates.note(action ?? "none", res.writableFinished ? res.statusCode : 0, tookMs);
    }
    metrics?.request(
      {
        // what leads nowhere has no name that is not the client's
        method: alias?.method ?? "none",
        route: alias?.fullPath ?? "none",
        status: res.writableFinished ? `${Math.floor(res.statusCode / 100)}xx` : "aborted",
      },
      tookMs / 1000,
    );
  };
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
