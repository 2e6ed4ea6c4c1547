import type { CloudEvent } from "../contracts/events.ts";
import { during, runFor, type RequestContext } from "../lib/request-context.ts";
import type { Publish } from "../lib/outbox.ts";
import { readTraceparent, tracerOf, type SpanKind } from "../lib/tracing.ts";

// Events take their trace along: in the outbox's row, the event's own `traceparent`, and what comes of it.

/** Runs `work` for what an event tells of, as a part of the trace that made the event, where there is one. */
export function continueTrace<T>(
  broker: object,
  from: { name: string; kind: SpanKind; traceparent: string | null | undefined },
  context: RequestContext,
  work: () => Promise<T>,
): Promise<T> {
  const traceparent = readTraceparent(from.traceparent);
  const span = traceparent === null ? undefined : tracerOf(broker)?.begin(from.name, from.kind, traceparent);
  return span ? during(span, context, work) : runFor(context, work);
}

/** The order that an event is about. */
export const orderOf = ({ data }: CloudEvent): string | undefined => ("orderId" in data ? data.orderId : undefined);

/** `publish`, with the sending of each traced event as a part of its trace, which its consumers then continue. */
export function tracedPublish(broker: object, publish: Publish): Publish {
  return async (events) => {
    const tracer = tracerOf(broker);
    if (!tracer) return publish(events);
    const spans = new Map(
      events.flatMap(({ id, type, traceparent }) => {
        const from = readTraceparent(traceparent);
        return from === null ? [] : [[id, tracer.begin(`publish ${type}`, "producer", from)] as const];
      }),
    );
    if (spans.size === 0) return publish(events);
    const outcome = await publish(
      events.map((event) => {
        const span = spans.get(event.id);
        return span ? { ...event, traceparent: span.traceparent } : event;
      }),
    );
    const published = new Set(outcome.published);
    for (const [id, span] of spans) span.end(published.has(id) ? undefined : new Error("not published"));
    return outcome;
  };
}
