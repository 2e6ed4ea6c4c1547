import {
  ROOT_CONTEXT,
  SpanKind as OtelKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Span as OtelSpan,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { codeOf } from "./errors.ts";
import { delay } from "./time.ts";
import type { Attributes, Span, SpanKind, Tracer } from "./tracing.ts";

const kinds: Record<SpanKind, OtelKind> = {
  internal: OtelKind.INTERNAL,
  server: OtelKind.SERVER,
  client: OtelKind.CLIENT,
  producer: OtelKind.PRODUCER,
  consumer: OtelKind.CONSUMER,
};

const exportEveryMs = 1_000;
const stopWithinMs = 2_000;

export function openTelemetry(endpoint: string, node: { id: string; version: string; namespace: string }): Tracer {
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: 5_000 });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      "service.name": "enterprise-hub",
      "service.namespace": node.namespace,
      "service.instance.id": node.id,
      "service.version": node.version,
    }),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: exportEveryMs, maxQueueSize: 8_192 })],
  });
  const tracer = provider.getTracer("enterprise-hub");

  const start = (name: string, kind: SpanKind, parent: Context, attributes: Attributes = {}): Span =>
    spanOf(tracer.startSpan(name, { kind: kinds[kind], attributes }, parent), (child, childKind, more, of) =>
      start(child, childKind, trace.setSpan(ROOT_CONTEXT, of), more),
    );
  return {
    begin: (name, kind, traceparent, attributes) => start(name, kind, contextOf(traceparent), attributes),
    async stop() {
      const done = new AbortController();
      // a collector that is away must not hold up a stop
      await Promise.race([provider.shutdown().catch(() => {}), delay(stopWithinMs, done.signal)]);
      done.abort();
    },
  };
}

function contextOf(traceparent: string | null): Context {
  if (traceparent === null) return ROOT_CONTEXT;
  const [, traceId = "", spanId = ""] = traceparent.split("-");
  // whether a trace is kept is decided before it comes here
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true });
}

type StartChild = (name: string, kind: SpanKind, attributes: Attributes | undefined, of: OtelSpan) => Span;

function spanOf(span: OtelSpan, startChild: StartChild): Span {
  const { traceId, spanId } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-01`,
    child: (name, kind, attributes) => startChild(name, kind, attributes, span),
    set: (attributes) => void span.setAttributes(attributes),
    rename: (name) => void span.updateName(name),
    end(error) {
      if (error !== undefined) {
        // messages may repeat what a client sent
        span.setAttribute("error.type", codeOf(error) ?? (error instanceof Error ? error.name : "unknown"));
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}
