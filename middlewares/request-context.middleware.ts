import type { ActionSchema, Context, Middleware, ServiceBroker } from "moleculer";
import { currentContext, during, inSpan, runFor, type RequestContext } from "../lib/request-context.ts";
import { readTraceparent, startTracer, tracerOf, type Span, type Tracer, type TracingConfig } from "../lib/tracing.ts";

type Handler = (ctx: Context<Record<string, unknown> | undefined>) => Promise<unknown>;

interface Setup {
  tracing: TracingConfig | null;
  node: { id: string; version: string; namespace: string };
}

/**
 * Lets everything that an action does know which request and order it is for, and makes calls parts of their trace, also
 * on other nodes.
 */
export function requestContext({ tracing, node }: Setup): Middleware {
  let started: Tracer | null = null;
  return {
    name: "RequestContext",
    async starting(broker: ServiceBroker) {
      if (tracing) started = await startTracer(broker, tracing, node);
    },
    async stopped() {
      await started?.stop();
    },
    localAction(this: ServiceBroker, next: Handler, { name = "" }: ActionSchema) {
      if (isOfNoRequest(name)) return next;
      return (ctx: Parameters<Handler>[0]) => {
        const current = currentContext();
        const context: RequestContext = {
          requestId: current?.requestId ?? ctx.requestID ?? undefined,
          orderId: orderIn(name, ctx.params) ?? current?.orderId,
        };
        const span = current?.span
          ? current.span.child(name, "internal", { "rpc.method": name })
          : spanFromAfar(tracerOf(this), name, ctx.headers as Record<string, unknown>);
        return span ? during(span, context, () => next(ctx)) : runFor(context, () => next(ctx));
      };
    },
    remoteAction(next: Handler, { name = "" }: ActionSchema) {
      return (ctx: Parameters<Handler>[0]) =>
        inSpan(
          () => ({ name: `call ${name}`, kind: "client", attributes: { "rpc.method": name } }),
          () => {
            const { span } = currentContext() ?? {};
            if (span) ctx.headers = { ...ctx.headers, traceparent: span.traceparent };
            return next(ctx);
          },
        );
    },
  };
}

/** Moleculer's own, and the gateway's, which begins the request by itself. */
const isOfNoRequest = (name: string): boolean => name.startsWith("$") || name.startsWith("gateway.");

function spanFromAfar(tracer: Tracer | undefined, name: string, headers: Record<string, unknown>): Span | null {
  if (!tracer) return null;
  // only a trace that is kept is told of over the bus
  const traceparent = readTraceparent(headers.traceparent);
  return traceparent === null ? null : tracer.begin(name, "server", traceparent, { "rpc.method": name });
}

function orderIn(name: string, params: Record<string, unknown> | undefined): string | undefined {
  const id = params?.orderId ?? (name.startsWith("orders.") ? params?.id : undefined);
  return typeof id === "string" ? id : undefined;
}
