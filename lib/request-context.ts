import { AsyncLocalStorage } from "node:async_hooks";
import { traceIdOf, type Span } from "./tracing.ts";

/** What is known, wherever code runs, of the request or the event it runs for. */
export interface RequestContext {
  requestId?: string | undefined;
  orderId?: string | undefined;
  /** The part of its trace that is under way; none when it is not traced. */
  span?: Span | undefined;
}

const storage = new AsyncLocalStorage<RequestContext | undefined>();

export const currentContext = (): RequestContext | undefined => storage.getStore();

/** What continues the trace under way; null when there is none. */
export const currentTraceparent = (): string | null => storage.getStore()?.span?.traceparent ?? null;

/** What tells a party outside which trace a request to it belongs to: W3C's header, where there is a trace. */
export function traceHeaders(): { traceparent?: string } {
  const traceparent = currentTraceparent();
  return traceparent === null ? {} : { traceparent };
}

/** Runs `work` for that request; undefined: for none. */
export const runFor = <T>(context: RequestContext | undefined, work: () => T): T => storage.run(context, work);

/** What each line of the log says of the request it belongs to. */
export function logFields(): Record<string, string> {
  const context = storage.getStore();
  if (!context) return {};
  const { requestId, orderId, span } = context;
  return {
    ...(requestId === undefined ? {} : { requestId }),
    ...(orderId === undefined ? {} : { orderId }),
    ...(span === undefined ? {} : { traceId: traceIdOf(span.traceparent) }),
  };
}

/** Runs `work` as a part of the trace under way; just runs it when there is none. */
export function inSpan<T>(describe: () => SpanDescription, work: () => Promise<T>): Promise<T> {
  const context = storage.getStore();
  if (!context?.span) return work();
  const { name, kind, attributes } = describe();
  return during(context.span.child(name, kind, attributes), context, work);
}

export interface SpanDescription {
  name: string;
  kind: Parameters<Span["child"]>[1];
  attributes?: Parameters<Span["child"]>[2];
}

/** Runs `work` for that request in `span`, and ends it with what became of it. */
export async function during<T>(span: Span, context: RequestContext, work: () => Promise<T>): Promise<T> {
  try {
    const result = await runFor({ ...context, span }, work);
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
}
