import type { ActionSchema, Context, Middleware, ServiceBroker } from "moleculer";
import { codeOf, isRefusal } from "../lib/errors.ts";
import type { Metrics } from "../lib/metrics.ts";
import { readinessHeldBy } from "../lib/readiness.ts";
import { serveMetrics, type MetricsServer } from "../lib/metrics-server.ts";

type Handler = (ctx: Context) => Promise<unknown>;

export interface MetricsAddress {
  host: string;
  port: number;
}

/**
 * Times what runs on this node, and answers Prometheus for as long as the node lives. Moleculer's own metrics cost
 * several times as much a call, and label by process.
 */
export function countCalls(metrics: Metrics, address: MetricsAddress): Middleware {
  let server: MetricsServer | null = null;
  let state: "starting" | "running" | "draining" = "starting";
  return {
    name: "Metrics",
    async starting(broker: ServiceBroker) {
      const onError = (error: string): void => broker.logger.warn("metrics cannot be read", { error });
      const missing = (): string[] => [...(state === "running" ? [] : [state]), ...readinessHeldBy(broker)];
      server = await serveMetrics(metrics, { ...address, missing, onError });
    },
    async started() {
      state = "running";
    },
    async stopping() {
      state = "draining";
    },
    async stopped() {
      await server?.stop();
    },
    localAction(next: Handler, { name: action = "" }: ActionSchema) {
      // Moleculer's own, and the gateway's, which is timed as HTTP
      if (action.startsWith("$") || action.startsWith("gateway.")) return next;
      const ok = { action, outcome: "ok" } as const;
      return async (ctx: Context) => {
        const startedAt = performance.now();
        try {
          const result = await next(ctx);
          metrics.action(ok, (performance.now() - startedAt) / 1000);
          return result;
        } catch (error) {
          const refused = isRefusal(error) || isTooMany(error);
          metrics.action({ action, outcome: refused ? "refused" : "failed" }, (performance.now() - startedAt) / 1000);
          metrics.refusal(action, codeOf(error) ?? "INTERNAL");
          throw error;
        }
      };
    },
  };
}

const isTooMany = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === 429;
