import { configOf } from "../../config.ts";
import type { Revocation } from "../../contracts/auth.ts";
import { defineService, type AppBroker, type Ctx } from "../../contracts/bus.ts";
import type { NotificationsCreated } from "../../contracts/notify.ts";
import { readinessHeldBy } from "../../lib/readiness.ts";
import { messageOf } from "../../lib/errors.ts";
import { liveOf } from "../../lib/live-settings.ts";
import { memoryReadsOf } from "../../lib/memory-reads.ts";
import { metricsOf } from "../../lib/metrics.ts";
import { Poller } from "../../lib/poller.ts";
import { redisOf } from "../../lib/tiered-cacher.ts";
import { delay } from "../../lib/time.ts";
import { authenticator } from "./authentication.ts";
import { readiness } from "./health.ts";
import { httpServer } from "./http-server.ts";
import { eventLoopDelay, load, type Load } from "./load.ts";
import { memoryLane } from "./memory-lane.ts";
import { requestNotes } from "./observe.ts";
import { pages, type Page } from "./pages.ts";
import { paramsReader, pathCheck } from "./params.ts";
import { changingRateLimiter, memoryRateLimiter, sharedRateLimiter } from "./rate-limit.ts";
import { openBreakersIn } from "./breakers.ts";
import { rates, type Rates } from "./rates.ts";
import { refusalNotes } from "./refusals.ts";
import { requests, type ActionTarget, type Requests, type Target } from "./requests.mixin.ts";
import { securityHeaders } from "./respond.ts";
import { revocations, type Revocations } from "./revocations.ts";
import { Router } from "./router.ts";
import { basePath, contractOfRoute, routes, type Route } from "./routes.ts";
import { signingKeys } from "./signing-keys.ts";
import { streams, type Streams } from "./stream.ts";
import { readWebFiles } from "./web-files.ts";
import { webPages } from "./web-pages.ts";
import { web, webRoute, type AliasHandler, type WebRequest, type WebRoute } from "./web.ts";

interface Vars extends Requests {
  revocations: Revocations;
  revocationPoller: Poller;
  port: number;
  rates: Rates;
}

const now = Date.now;

/** A revocation must hold on every gateway within 5 s, even when its event was lost. */
const revocationsEveryMs = 2_000;

/**
 * What a request waits for before its own time is looked at: it may have to wait for both, and its action needs time, too.
 * When one node does not answer, another one can still be asked.
 */
const soon = (): { timeout: number; meta: { deadlineMs: number } } => ({
  timeout: 800,
  meta: { deadlineMs: now() + 1_200 },
});

/** The REST interface: lets requests in, turns them into calls, and calls' answers into HTTP. */
export default defineService<"gateway", Vars>({
  name: "gateway",
  mixins: [web, requests],
  actions: {
    rates() {
      return { ...this.rates.read(), ...this.load.state(), openBreakers: openBreakersIn(this.broker) };
    },
  },
  events: {
    "auth.revoked"(ctx: Ctx<Revocation>) {
      this.revocations.add(ctx.params);
      this.streams.endWhere((session) => this.revocations.isRevoked(session));
    },
    "notify.created"(ctx: Ctx<NotificationsCreated>) {
      const { userId, items } = ctx.params;
      this.streams.wake(userId, items);
    },
  },

  created() {
    this.lengthy = new Map();
  },

  async started() {
    const { broker, logger } = this;
    const config = configOf(broker);
    const redis = redisOf(broker);
    this.metrics = metricsOf(broker);
    this.rates = rates(now);
    this.headers = securityHeaders(config.publicUrl.startsWith("https:"));
    this.revocations = revocations((after) => broker.call("auth.revocations", { after }, soon()), now);
    const keys = signingKeys(async () => (await broker.call("auth.keys", undefined, soon())).keys, now);
    this.admission = {
      authenticator: authenticator(keys, this.revocations, now),
      limiter: changingRateLimiter(
        () => liveOf(broker).values.rateLimit,
        (perMinute) => (redis ? sharedRateLimiter(perMinute, redis, config.namespace) : memoryRateLimiter(perMinute)),
      ),
      trustedProxies: config.trustedProxies,
      refused: refusalNotes(broker, logger),
    };
    this.load = load({
      most: config.requestsInFlight,
      loopDelay: eventLoopDelay(),
      now,
      onRefused: (refused) => logger.warn("too much to do: refusing requests", { refused }),
    });
    this.streams = streams({
      bus: broker,
      onError: (error) => logger.warn("a stream could not look for news", { error: messageOf(error) }),
    });
    this.revocationPoller = revocationPoller(this, () => isAvailable(broker, "auth"));
    const files = readWebFiles(config.webDir);
    const served = [
      ...pages({
        streams: this.streams,
        returnUrl: config.paymentReturnUrl,
        readiness: () => readiness((name) => isAvailable(broker, name), readinessHeldBy(broker), this.http.draining),
      }),
      ...(files ? webPages(files) : []),
    ];
    const admitted: WebRoute["onBeforeCall"] = (_ctx, _route, req, res) => this.admit(req, res);
    const aliases = routes.map(({ method, path, action }) => [`${method} ${path}`, action]);
    this.addRoute(webRoute(basePath, Object.fromEntries(aliases) as Record<string, string>, admitted));
    this.addRoute(webRoute("/", Object.fromEntries(served.map(pageAlias)), admitted));
    const targets = new Map<string, Target>([
      ...routes.map((route) => [`${route.method} ${basePath}${route.path}`, actionTarget(route, broker)] as const),
      ...served.map((page) => [`${page.method} ${page.path}`, page] as const),
    ]);
    this.targets = new Map(
      this.aliases.map((alias) => [alias, targets.get(`${alias.method} ${alias.fullPath}`) as Target]),
    );
    this.router = new Router(this.aliases);
    const { admission, headers } = this;
    const reads = memoryReadsOf(broker);
    this.memoryLane = memoryLane({ targets: this.targets, reads, admission, load: this.load, headers });
    const note = requestNotes({ metrics: this.metrics, rates: this.rates, targets: this.targets });
    this.http = httpServer({
      handle: (req, res) => this.handle(req as WebRequest, res),
      closed: (req, res) => note(req as WebRequest, res),
    });

    this.revocationPoller.start();
    await restStarted(broker);
    this.port = await this.http.listen(config.host, config.port);
    logger.info("gateway listens", { host: config.host, port: this.port });
  },

  async stopped() {
    await this.drain();
    await (this.revocationPoller as Poller | undefined)?.stop();
    (this.load as Load | undefined)?.stop();
  },
});

function actionTarget(route: Route, { options }: Pick<AppBroker, "options">): ActionTarget {
  const contract = contractOfRoute(route);
  const { action, essential = false, asksOutside = false, atMost, ignoresToken = false } = route;
  const canExist = pathCheck(route, contract);
  return {
    entry: { access: contract.access, limited: true, ignoresToken },
    route,
    asked: { action, essential, asksOutside, atMost },
    timeoutMs: contract.timeoutMs ?? options.requestTimeout ?? Infinity,
    canExist,
    readParams: paramsReader(route, contract, canExist),
  };
}

function pageAlias(page: Page): [string, AliasHandler] {
  return [`${page.method} ${page.path}`, (req, res, next) => void settle(() => page.answer(req, res)).catch(next)];
}

async function settle(work: () => void | Promise<void>): Promise<void> {
  await work();
}

/** By then a node whose servers are there has started; one that waits for them must answer that it lives. */
const restStartedWithinMs = 2_000;

/**
 * Resolves when the other services of this node have started, or it takes too long. Whoever came before would wait behind their
 * start, on a busy machine for seconds; while nobody listens, proxies and clients try another node.
 */
async function restStarted(broker: AppBroker): Promise<void> {
  const { registry, nodeID, services } = broker as unknown as LocalServices;
  const deadline = Date.now() + restStartedWithinMs;
  const others = services.map(({ fullName }) => fullName).filter((name) => name !== "gateway");
  while (Date.now() < deadline && !others.every((name) => registry.services.has(name, nodeID))) await delay(10);
}

interface LocalServices {
  registry: { services: { has(name: string, nodeID: string): boolean } };
  nodeID: string;
  services: { fullName: string }[];
}

const isAvailable = (broker: object, name: string): boolean =>
  (broker as { registry: { hasService(name: string): boolean } }).registry.hasService(name);

/** Never fails a pass: the poller's growing rests would let a revoked token live longer than it may. */
function revocationPoller(
  service: {
    revocations: Revocations;
    streams: Streams;
    logger: { warn(what: string, fields: object): void };
  },
  authIsThere: () => boolean,
): Poller {
  let failing = false;
  return new Poller({
    name: "revocations",
    idleMs: revocationsEveryMs,
    async pass() {
      try {
        // until auth has started there is nothing to say, and the first token asks by itself
        if (!authIsThere()) return false;
        await service.revocations.refresh();
        service.streams.endWhere((session) => service.revocations.isRevoked(session));
        failing = false;
      } catch (error) {
        if (!failing) service.logger.warn("revocations cannot be read", { error: messageOf(error) });
        failing = true;
      }
      return false;
    },
    onError: () => {},
  });
}
