import { isAnswered, wasRefused, type History, type Operation, type Try } from "./history.ts";
import type { NemesisEvent } from "./nemesis.ts";

/** What one fault did to the clients. */
export interface FaultFigures {
  event: NemesisEvent;
  /** When the next fault began: what was still under way then, and failed, says nothing of this one. */
  untilMs: number;
  /** From the end of this fault, and of the one beside it, to 20 successes in a row; null when they never came. */
  recoveryMs: number | null;
  /** From when it was in force until an order was placed again; null when none was while it lasted. */
  servedAfterMs: number | null;
  /** Of orders asked for while it was in force: how many were answered within a client's patience. */
  asked: number;
  placed: number;
  /** Of those that did not succeed at once. */
  retried: number;
  retriedWell: number;
  slowestMs: number;
  /** What that call was, and how it was answered. */
  slowest: string;
  /** Requests that came to nothing while it was on or just after: a client would have seen them fail. */
  failed: number;
  /** What those were, each with how often. */
  failures: Record<string, number>;
}

/** As long as a person waits before thinking that it does not work. */
const patienceMs = 5_000;

/** Answers that put a client off without anything having gone wrong. */
const harmless = new Set(["IDEMPOTENCY_KEY_IN_FLIGHT", "HUNG_UP", "INVALID_TOKEN"]);

export const hasFailed = (one: Try): boolean =>
  one.ending === "info" && !wasRefused(one) && !harmless.has(one.why ?? "");

/** When the last fault that was on at the same time ended. */
export function lastHealMs(event: NemesisEvent, events: readonly NemesisEvent[]): number {
  const beside = events.filter(
    (other) => event.with !== null && other.fault === event.with && other.with === event.fault,
  );
  const near = beside.filter(({ number }) => Math.abs(number - event.number) <= 1);
  return Math.max(event.healedAtMs, ...near.map(({ healedAtMs }) => healedAtMs));
}

function nextAtMs(event: NemesisEvent, events: readonly NemesisEvent[]): number {
  const next = events.find(({ number, startedAtMs }) => number > event.number && startedAtMs >= reachOf(event));
  return next?.startedAtMs ?? Infinity;
}

/** The figures of each fault; operations and events are in the order of time. */
export function figuresOf(history: Pick<History, "operations">, events: readonly NemesisEvent[]): FaultFigures[] {
  const figures = events.map((event) => emptyFigures(event, events));
  const before = new Map(figures.map(({ event }) => [event, events.filter(({ number }) => number < event.number)]));
  for (const operation of history.operations) {
    const endsAtMs = endOf(operation);
    for (const figure of figures) {
      const { startedAtMs } = figure.event;
      if (operation.startedAtMs > reachOf(figure.event) || endsAtMs < startedAtMs) continue;
      count(figure, operation, before.get(figure.event) ?? []);
    }
  }
  return figures;
}

function emptyFigures(event: NemesisEvent, events: readonly NemesisEvent[]): FaultFigures {
  const { recoveredAtMs } = event;
  return {
    event,
    untilMs: nextAtMs(event, events),
    recoveryMs: recoveredAtMs === null ? null : Math.max(0, recoveredAtMs - lastHealMs(event, events)),
    servedAfterMs: null,
    asked: 0,
    placed: 0,
    retried: 0,
    retriedWell: 0,
    slowestMs: 0,
    slowest: "",
    failed: 0,
    failures: {},
  };
}

/** Until when what clients see may be the fault's doing. */
export const reachOf = ({ healedAtMs, recoveredAtMs, wholeAtMs }: NemesisEvent): number =>
  Math.max(healedAtMs, recoveredAtMs ?? 0, wholeAtMs ?? 0);

const endOf = ({ tries, startedAtMs }: Operation): number => {
  const last = tries.at(-1);
  return last ? last.startedAtMs + (last.tookMs ?? 0) : startedAtMs;
};

/** How long a try may take that was under way when a fault began: what the faults before it may cost. */
const allowedBeforeMs = (one: Try, event: NemesisEvent, before: readonly NemesisEvent[]): number =>
  one.startedAtMs >= event.startedAtMs
    ? 0
    : Math.max(0, ...before.filter((other) => one.startedAtMs <= reachOf(other)).map(({ limits }) => limits.callMs));

/** A try of what has failed before this fault began is put off because of that, as a refund that waits for its next turn. */
const hadFailed = ({ tries }: Operation, { startedAtMs }: NemesisEvent): boolean =>
  tries.some((one) => hasFailed(one) && one.startedAtMs + (one.tookMs ?? 0) < startedAtMs);

function count(figure: FaultFigures, operation: Operation, before: readonly NemesisEvent[]): void {
  const { event, untilMs } = figure;
  for (const one of operation.tries) {
    const endedAtMs = one.startedAtMs + (one.tookMs ?? 0);
    if (endedAtMs < event.startedAtMs || endedAtMs > untilMs || one.startedAtMs > reachOf(event)) continue;
    if (one.tookMs !== null && one.tookMs > Math.max(figure.slowestMs, allowedBeforeMs(one, event, before))) {
      figure.slowestMs = one.tookMs;
      figure.slowest = [operation.kind, one.status, one.why].filter((part) => part !== null).join(" ");
    }
    if (!hasFailed(one) || hadFailed(operation, event)) continue;
    figure.failed += 1;
    const what = `${operation.kind} ${one.why}`;
    figure.failures[what] = (figure.failures[what] ?? 0) + 1;
  }
  if (operation.kind !== "place") return;
  const { startedAtMs, outcome } = operation;
  const endedAtMs = endOf(operation);
  if (outcome === "ok" && startedAtMs >= event.injectedAtMs) {
    const afterMs = endedAtMs - event.injectedAtMs;
    if (figure.servedAfterMs === null || afterMs < figure.servedAfterMs) figure.servedAfterMs = afterMs;
  }
  if (startedAtMs < event.injectedAtMs || startedAtMs > event.healedAtMs) return;
  // sold out is an answer
  const isWell = outcome !== "open" && endedAtMs - startedAtMs <= patienceMs;
  if (!isWell && endedAtMs > untilMs) return;
  figure.asked += 1;
  if (isWell) figure.placed += 1;
  if (!operation.tries.some((one) => !isAnswered(one))) return;
  figure.retried += 1;
  if (isWell) figure.retriedWell += 1;
}
