import type { ServerResponse } from "node:http";
import { configOf } from "../../config.ts";
import type { Ctx } from "../../contracts/bus.ts";
import { messageOf } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { mixin } from "../../mixins/mixin.ts";
import { admit, type Admission, type Entry } from "./admission.ts";
import { givenRequestId, hasOneHost, idempotencyKey } from "./client.ts";
import type { HttpServer } from "./http-server.ts";
import type { Page } from "./pages.ts";
import type { ReadParams } from "./params.ts";
import { HttpRefusal, toProblem } from "./problem.ts";
import { securityHeaders, sendProblem, sendResult } from "./respond.ts";
import type { Router } from "./router.ts";
import type { Route } from "./routes.ts";
import type { Streams } from "./stream.ts";
import type { WebAlias, WebRequest, WebService } from "./web.ts";

export interface ActionTarget {
  entry: Entry;
  route: Route;
  /** How long the action may take. */
  timeoutMs: number;
  readParams: ReadParams;
}
export type Target = ActionTarget | Page;

/** What the service makes when it starts, and the methods below. */
export interface Requests extends WebService {
  /** What each alias leads to, by its method and full path. */
  targets: ReadonlyMap<string, Target>;
  router: Router<WebAlias>;
  admission: Admission;
  streams: Streams;
  http: HttpServer;
  behindTls: boolean;

  handle(req: WebRequest, res: ServerResponse): void;
  answerOptions(req: WebRequest, res: ServerResponse): void;
  targetOf(req: WebRequest): Target;
  admit(req: WebRequest): Promise<void>;
  errorHandler(req: WebRequest, res: ServerResponse, error: unknown): void;
  drain(): Promise<void>;
}

/** How long a stop waits for requests under way. */
const drainMs = 8_000;

/** One node of several is not ready any more, and goes on serving until whoever spreads the requests has seen that. */
const balancersNoticeWithinMs = 1_000;

const nothingHere = (): HttpRefusal => new HttpRefusal(404, "NOT_FOUND", "There is nothing here.");
const notOneHost = (): HttpRefusal =>
  new HttpRefusal(400, "MALFORMED_REQUEST", "A request has exactly one Host header.");

/** The way of a request from the socket to an action and back, around and inside moleculer-web's own. */
export const requests = mixin<Requests>({
  methods: {
    handle(req: WebRequest, res: ServerResponse) {
      req.requestId = givenRequestId(req.headers["x-request-id"]) ?? newId();
      for (const [name, value] of Object.entries(securityHeaders(req.requestId, this.behindTls))) {
        res.setHeader(name, value);
      }
      if (this.http.draining) res.setHeader("Connection", "close");
      try {
        if (!hasOneHost(req.rawHeaders, req.httpVersion)) throw notOneHost();
        if (req.method === "OPTIONS") this.answerOptions(req, res);
        else void this.httpHandler(req, res);
      } catch (error) {
        this.errorHandler(req, res, error);
      }
    },

    /** moleculer-web would run the action behind the path. Browsers of other origins get no permission. */
    answerOptions(req: WebRequest, res: ServerResponse) {
      const allowed = this.router.allowed((req.url ?? "").split("?")[0] ?? "");
      if (allowed.length === 0) throw nothingHere();
      res.writeHead(204, { Allow: allowed.join(", ") });
      res.end();
    },

    /** What the request leads to; throws what a client is told when there is nothing. Overrides moleculer-web's. */
    resolveAlias(path: string, method: string) {
      const match = this.router.find(method, path);
      if (match) return match;
      const allowed = this.router.allowed(path);
      if (allowed.length === 0) throw nothingHere();
      throw new HttpRefusal(405, "METHOD_NOT_ALLOWED", `${method} is not possible here.`, {
        Allow: allowed.join(", "),
      });
    },

    /** Leaves the query unread, for the route's contract to say how. Overrides moleculer-web's. */
    parseQueryString(req: WebRequest) {
      const [url, ...query] = (req.url ?? "").split("?");
      return { url, query: query.join("?") };
    },

    targetOf(req: WebRequest): Target {
      const target = this.targets.get(`${req.$alias.method} ${req.$alias.fullPath}`);
      if (!target) throw new Error(`${req.$alias.fullPath} leads nowhere`);
      return target;
    },

    async admit(req: WebRequest) {
      const target = this.targetOf(req);
      const { meta } = req.$ctx;
      await admit(this.admission, target.entry, req, meta);
      if (!("route" in target)) return;
      meta.deadlineMs = Date.now() + target.timeoutMs;
      if (target.route.idempotent) meta.idempotencyKey = idempotencyKey(req.headers["idempotency-key"]);
      const path = (req.$params.params ?? {}) as Record<string, string>;
      req.$params = await target.readParams(req, { path, search: req.query });
    },

    /** Overrides moleculer-web's. */
    sendResponse(req: WebRequest, res: ServerResponse, result: unknown) {
      const target = this.targetOf(req);
      if ("route" in target) sendResult(res, target.route, req.$ctx.meta, result);
    },

    /** Every answer that is not a success. Overrides moleculer-web's. */
    errorHandler(req: WebRequest, res: ServerResponse, error: unknown) {
      const problem = toProblem(error, req.requestId);
      const about = { requestId: req.requestId, method: req.method, path: req.parsedUrl };
      if (problem.status === 500) this.logger.error("request failed", about, error);
      else if (problem.status === 503) this.logger.warn("request not possible", { ...about, error: messageOf(error) });
      // a replayed refusal says so
      const { $responseHeaders = {} } = (req.$ctx as Ctx | undefined)?.meta ?? {};
      sendProblem(res, { ...problem, headers: { ...$responseHeaders, ...problem.headers } });
    },

    /** Overrides moleculer-web's. */
    send404(req: WebRequest, res: ServerResponse) {
      this.errorHandler(req, res, nothingHere());
    },

    /** Stops taking requests and waits for those under way. A node does this before its services stop. */
    async drain() {
      const http = this.http as HttpServer | undefined;
      const graceMs = configOf(this.broker).transporter === null ? 0 : balancersNoticeWithinMs;
      await Promise.all([
        http?.drain({ graceMs, withinMs: drainMs - graceMs }),
        (this.streams as Streams | undefined)?.close(),
      ]);
    },
  },
});
