// Traces are off by default, and then nothing of OpenTelemetry is loaded: the SDK is in open-telemetry.ts, which only
// startTracer() imports. What is said of a span names actions, tables and codes, never parameters or their values.

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";
export type Attributes = Record<string, string | number>;

/** A part of a trace that is kept. */
export interface Span {
  /** As W3C's header of that name: what continues this part. */
  readonly traceparent: string;
  child(name: string, kind: SpanKind, attributes?: Attributes): Span;
  set(attributes: Attributes): void;
  rename(name: string): void;
  /** Ends it, as failed when there is an error, of which only the code is kept. */
  end(error?: unknown): void;
}

export interface Tracer {
  /** Begins a trace, or a part of the one that `traceparent` names. */
  begin(name: string, kind: SpanKind, traceparent: string | null, attributes?: Attributes): Span;
  /** Sends what is left; does not wait long for a collector that is away. */
  stop(): Promise<void>;
}

const traceparentPattern = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** A header's value when it is a traceparent. */
export const readTraceparent = (value: unknown): string | null =>
  typeof value === "string" && traceparentPattern.test(value) ? value : null;

export const traceIdOf = (traceparent: string): string => traceparent.slice(3, 35);

const tracers = new WeakMap<object, Tracer>();

/** This node's tracer; undefined where traces are off. */
export const tracerOf = (broker: object): Tracer | undefined => tracers.get(broker);

export interface TracingConfig {
  /** Where spans go: the base address of a collector that takes OTLP over HTTP. */
  endpoint: string;
  /** How many of the requests that begin here are traced, from 0 to 1. */
  sampleRatio: number;
}

export async function startTracer(
  broker: object,
  { endpoint }: TracingConfig,
  node: { id: string; version: string; namespace: string },
): Promise<Tracer> {
  const { openTelemetry } = await import("./open-telemetry.ts");
  const tracer = openTelemetry(endpoint, node);
  tracers.set(broker, tracer);
  return tracer;
}
