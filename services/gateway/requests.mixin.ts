import type { ServerResponse } from "node:http";
import { configOf } from "../../config.ts";
import type { Ctx } from "../../contracts/bus.ts";
import { leaving, messageOf, overloaded } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { liveOf } from "../../lib/live-settings.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { runFor } from "../../lib/request-context.ts";
import { tracerOf, type Span } from "../../lib/tracing.ts";
import { mixin } from "../../mixins/mixin.ts";
import { admit, type Admission, type Entry } from "./admission.ts";
import { givenRequestId, hasOneHost, idempotencyKey } from "./client.ts";
import type { HttpServer } from "./http-server.ts";
import type { Asked, Load } from "./load.ts";
import { traceRequest } from "./observe.ts";
import type { Page } from "./pages.ts";
import type { CanExist, ReadParams } from "./params.ts";
import { HttpRefusal, toProblem } from "./problem.ts";
import type { MemoryLane } from "./memory-lane.ts";
import { requestIdHeader, sendProblem, sendResult, type Headers } from "./respond.ts";
import type { Router } from "./router.ts";
import type { Route } from "./routes.ts";
import type { Streams } from "./stream.ts";
import { callAction, type WebAlias, type WebRequest, type WebService } from "./web.ts";

export interface ActionTarget {
  entry: Entry;
  route: Route;
  asked: Asked;
  /** How long the action may take. */
  timeoutMs: number;
  canExist: CanExist;
  readParams: ReadParams;
}
export type Target = ActionTarget | Page;

/** What the service makes when it starts, and the methods below. */
export interface Requests extends WebService {
  /** What each alias leads to. */
  targets: ReadonlyMap<WebAlias, Target>;
  router: Router<WebAlias>;
  admission: Admission;
  load: Load;
  streams: Streams;
  http: HttpServer;
  headers: Headers;
  metrics: Metrics | undefined;
  memoryLane: MemoryLane;
  /** Reads that may take longer than a stop waits, until they are answered. */
  lengthy: Map<WebRequest, ServerResponse>;

  handle(req: WebRequest, res: ServerResponse): void;
  isAnsweredFromMemory(req: WebRequest, res: ServerResponse): boolean;
  serve(req: WebRequest, res: ServerResponse): void;
  isRefusedUnread(req: WebRequest): boolean;
  answerOptions(req: WebRequest, res: ServerResponse): void;
  targetOf(req: WebRequest): Target;
  admit(req: WebRequest, res: ServerResponse): Promise<void>;
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

const pathOf = (url: string): string => {
  const end = url.indexOf("?");
  return end === -1 ? url : url.slice(0, end);
};

/** The way of a request from the socket to an action and back, around and inside moleculer-web's own. */
export const requests = mixin<Requests>({
  methods: {
    handle(req: WebRequest, res: ServerResponse) {
      req.startedAtMs = performance.now();
      // as many as are to be traced are so from their beginning, and whole
      const tracer = tracerOf(this.broker);
      const isTraced = tracer !== undefined && Math.random() < liveOf(this.broker).values.traceSampleRatio;
      if (!isTraced && this.isAnsweredFromMemory(req, res)) return;
      const requestId = givenRequestId(req.headers["x-request-id"]) ?? newId();
      req.requestId = requestId;
      const span: Span | undefined = isTraced ? traceRequest(tracer, req, res) : undefined;
      runFor({ requestId, span }, () => this.serve(req, res));
    },

    isAnsweredFromMemory(req: WebRequest, res: ServerResponse) {
      try {
        return !this.http.draining && this.memoryLane(req, res);
      } catch (error) {
        this.logger.error("no answer from memory", { path: req.url }, error);
        return false;
      }
    },

    serve(req: WebRequest, res: ServerResponse) {
      res.setHeader(requestIdHeader, req.requestId);
      for (const [name, value] of this.headers) res.setHeader(name, value);
      if (this.http.draining) res.setHeader("Connection", "close");
      try {
        if (!hasOneHost(req.rawHeaders, req.httpVersion)) throw notOneHost();
        if (this.isRefusedUnread(req)) throw overloaded();
        if (req.method === "OPTIONS") this.answerOptions(req, res);
        else void this.httpHandler(req, res);
      } catch (error) {
        this.errorHandler(req, res, error);
      }
    },

    /** With too much to do already a request is refused before it costs anything, if it leads to an action at all. */
    isRefusedUnread({ method = "", url = "" }: WebRequest) {
      const { alias } = this.router.find(method, pathOf(url)) ?? {};
      const target = alias && this.targets.get(alias);
      return target !== undefined && "route" in target && !this.load.hasRoom(target.asked);
    },

    /** moleculer-web would run the action behind the path. Browsers of other origins get no permission. */
    answerOptions(req: WebRequest, res: ServerResponse) {
      const allowed = this.router.allowed(pathOf(req.url ?? ""));
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
      const all = req.url ?? "";
      const url = pathOf(all);
      return { url, query: all.slice(url.length + 1) };
    },

    targetOf(req: WebRequest): Target {
      const target = this.targets.get(req.$alias);
      if (!target) throw new Error(`${req.$alias.fullPath} leads nowhere`);
      return target;
    },

    async admit(req: WebRequest, res: ServerResponse) {
      const target = this.targetOf(req);
      const { meta } = req.$ctx;
      // who is let in late, because Redis or auth is slow, has waited as well
      const arrivedAt = Date.now();
      await admit(this.admission, target.entry, req, meta);
      if (!("route" in target)) return;
      meta.deadlineMs = arrivedAt + target.timeoutMs;
      if (target.timeoutMs > drainMs && target.route.method === "GET") {
        this.lengthy.set(req, res);
        res.once("close", () => this.lengthy.delete(req));
      }
      if (target.route.idempotent) meta.idempotencyKey = idempotencyKey(req.headers["idempotency-key"]);
      const path = (req.$params.params ?? {}) as Record<string, string>;
      req.$params = await target.readParams(req, { path, search: req.query });
    },

    /** Overrides moleculer-web's. */
    callAction(route: unknown, action: string, ...rest: unknown[]) {
      const target = this.targetOf(rest[0] as WebRequest);
      if (!("route" in target)) throw new Error(`${target.path} is no action's`);
      return this.load.run(target.asked, () => callAction.call(this, route, action, ...rest));
    },

    /** Overrides moleculer-web's. */
    sendResponse(req: WebRequest, res: ServerResponse, result: object | null | undefined) {
      const target = this.targetOf(req);
      // a stop was quicker
      if (res.headersSent) return;
      if ("route" in target) sendResult(res, target.route, req.$ctx.meta, result);
    },

    /** Every answer that is not a success. Overrides moleculer-web's. */
    errorHandler(req: WebRequest, res: ServerResponse, error: unknown) {
      const problem = toProblem(error, req.requestId);
      this.metrics?.problem(problem.body.code);
      const about = { requestId: req.requestId, method: req.method, path: req.parsedUrl };
      if (problem.status === 500) this.logger.error("request failed", about, error);
      else if (problem.body.code === "OVERLOADED") this.load.told();
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
      for (const [req, res] of this.lengthy) this.errorHandler(req, res, leaving());
      const http = this.http as HttpServer | undefined;
      const graceMs = configOf(this.broker).transporter === null ? 0 : balancersNoticeWithinMs;
      await Promise.all([
        http?.drain({ graceMs, withinMs: drainMs - graceMs }),
        (this.streams as Streams | undefined)?.close(),
      ]);
    },
  },
});
