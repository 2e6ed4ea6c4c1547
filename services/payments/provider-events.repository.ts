import type { ArchivedTable } from "../../lib/archive.ts";
import { marks, type Database, type Tx } from "../../lib/database.ts";
import { isOutage } from "../../lib/database-errors.ts";
import { groupCommit } from "../../lib/group-commit.ts";
import { backoffMs } from "../../lib/time.ts";
import type { ChargeResult, ProviderMessage } from "./providers/provider.ts";

/**
 * WAITING: not looked at yet, or a processing error is being retried. UNMATCHED: of a payment nobody knows. CONFLICT: says
 * something that does not fit its payment. IGNORED: about something else than a charge.
 */
export type ProviderEventStatus = "WAITING" | "APPLIED" | "CONFLICT" | "UNMATCHED" | "IGNORED";

export interface ProviderEvent {
  provider: string;
  eventId: string;
  type: string;
  charge: ChargeResult | null;
  status: ProviderEventStatus;
  attempts: number;
}

/** The inbox of webhooks: every message of a provider, by its unique id, before anything is done with it. */
export interface ProviderEventsRepository {
  /** Keeps a message if it is new. Committed when it resolves; those that come at once share a statement. */
  receive(provider: string, message: ProviderMessage, nowMs: number): Promise<void>;
  due(nowMs: number, limit: number): Promise<ProviderEvent[]>;
  /**
   * Applies a due event and keeps how it ended, in one transaction. Null when another node has it in hand or is done
   * with it. An UNMATCHED one is tried again after a growing time, and after the last one left for a person.
   */
  handle(
    event: ProviderEvent,
    nowMs: number,
    apply: (event: ProviderEvent, tx: Tx) => Promise<Exclude<ProviderEventStatus, "WAITING">>,
  ): Promise<{ status: ProviderEventStatus; final: boolean } | null>;
  /** Keeps that these needed nothing done, where they still wait. */
  applied(events: readonly ProviderEvent[], nowMs: number): Promise<void>;
  /** After an error: it is tried again after a growing time, for as long as it takes. */
  failed(event: ProviderEvent, error: string, nowMs: number): Promise<void>;
}

/**
 * Of a message that was acted on nobody asks again: what it changed is in its payment's history. If its provider sends it
 * once more after that, it says what the payment knows.
 */
export const handledEvents: ArchivedTable = {
  table: "provider_events",
  key: ["provider", "event_id"],
  age: { time: { mysql: "handled_at", sqlite: "handled_at" }, index: "provider_events_handled" },
  settled: "due_at IS NULL AND status IN ('APPLIED', 'IGNORED')",
  kept: null,
};

const mostInStatement = 100;
const firstRetryMs = 250;
const mostRetryMs = 60_000;

/** 0.5 s, 1 s, 2 s … 60 s: a little over ten minutes. */
const maxMatchAttempts = 17;

export function providerEventsRepository(db: Database): ProviderEventsRepository {
  const insert = db.dialect === "mysql" ? "INSERT IGNORE INTO" : "INSERT OR IGNORE INTO";
  const skipLocked = db.dialect === "mysql" ? " FOR UPDATE SKIP LOCKED" : "";
  const retryAt = (nowMs: number, attempts: number): number => nowMs + backoffMs(attempts, firstRetryMs, mostRetryMs);

  const received = groupCommit<readonly [provider: string, eventId: string, ...unknown[]], void>({
    most: mostInStatement,
    // each is a request under way, and those are counted
    longest: Infinity,
    async run(messages) {
      // in the order of the key, as nodes that get the same ones at once lock them
      const rows = messages.toSorted(([a, idA], [b, idB]) => (`${a} ${idA}` < `${b} ${idB}` ? -1 : 1));
      await db.execute(
        `${insert} provider_events (provider, event_id, type, payment_id, charge, received_at, due_at, status, attempts)
         VALUES ${rows.map(() => "(?, ?, ?, ?, ?, ?, ?, 'WAITING', 0)").join(", ")}`,
        rows.flat(),
      );
      return messages.map(() => undefined);
    },
    isBlameless: isOutage,
  });

  return {
    receive: (provider, { eventId, type, charge }, nowMs) =>
      received.submit([provider, eventId, type, charge?.paymentId ?? null, JSON.stringify(charge), nowMs, nowMs]),
    async due(nowMs, limit) {
      const rows = await db.select<Row>(
        `SELECT * FROM provider_events WHERE due_at <= ? ORDER BY due_at LIMIT ${limit}`,
        [nowMs],
      );
      return rows.map(toEvent);
    },
    handle: ({ provider, eventId }, nowMs, apply) =>
      db.transaction(async (tx) => {
        const [row] = await db.select<Row>(
          `SELECT * FROM provider_events WHERE provider = ? AND event_id = ? AND due_at <= ?${skipLocked}`,
          [provider, eventId, nowMs],
          tx,
        );
        if (!row) return null;
        const event = toEvent(row);
        const status = await apply(event, tx);
        const attempts = event.attempts + 1;
        const again = status === "UNMATCHED" && attempts < maxMatchAttempts;
        await db.execute(
          "UPDATE provider_events SET status = ?, attempts = ?, due_at = ?, handled_at = ?, last_error = NULL WHERE provider = ? AND event_id = ?",
          [status, attempts, again ? retryAt(nowMs, attempts) : null, nowMs, provider, eventId],
          tx,
        );
        return { status, final: !again };
      }),
    async applied(events, nowMs) {
      for (const [provider, ofIt] of Map.groupBy(events, (event) => event.provider)) {
        await db.execute(
          `UPDATE provider_events SET status = 'APPLIED', attempts = attempts + 1, due_at = NULL, handled_at = ?, last_error = NULL
           WHERE provider = ? AND event_id IN (${marks(ofIt.length)}) AND due_at IS NOT NULL`,
          [nowMs, provider, ...ofIt.map(({ eventId }) => eventId)],
        );
      }
    },
    async failed({ provider, eventId, attempts }, error, nowMs) {
      await db.execute(
        "UPDATE provider_events SET attempts = ?, due_at = ?, last_error = ? WHERE provider = ? AND event_id = ? AND due_at IS NOT NULL",
        [attempts + 1, retryAt(nowMs, attempts + 1), error.slice(0, 4_000), provider, eventId],
      );
    },
  };
}

interface Row {
  provider: string;
  event_id: string;
  type: string;
  charge: string;
  status: string;
  attempts: number | string;
}

const toEvent = (row: Row): ProviderEvent => ({
  provider: row.provider,
  eventId: row.event_id,
  type: row.type,
  charge: JSON.parse(row.charge) as ChargeResult | null,
  status: row.status as ProviderEventStatus,
  attempts: Number(row.attempts),
});
