import { insertRows, type Database, type Tx } from "../../lib/database.ts";
import { newId } from "../../lib/ids.ts";
import type { Outbox } from "../../lib/outbox.ts";
import type { KeyedRequest, StoredResponse } from "./idempotency.ts";
import type { Change, Refund } from "./order.ts";

/** A decision and when it was made. */
export interface Dated {
  change: Change;
  at: number;
  /** What it was decided for, where that is not what runs now. */
  traceparent?: string | null;
}

export interface Answered {
  request: KeyedRequest;
  response: StoredResponse;
  at: number;
}

/** A refund that was asked for, by a request of its own or not. */
export interface Asked {
  refund: Refund;
  request: KeyedRequest | null;
  at: number;
}

/** How long a refund is left to the request that asked for it before the sweep takes it up. */
const askerTriesForMs = 10_000;

/** What is written beside the orders themselves, for any number of them with a statement a table. */
export interface OrderWrites {
  history(tx: Tx, decisions: readonly Dated[]): Promise<void>;
  facts(tx: Tx, decisions: readonly Dated[]): Promise<void>;
  refunds(tx: Tx, asked: readonly Asked[]): Promise<void>;
  responses(tx: Tx, answers: readonly Answered[]): Promise<void>;
}

export function orderWrites(db: Database, outbox: Outbox): OrderWrites {
  return {
    history: (tx, decisions) =>
      insertRows(
        db,
        tx,
        "order_history (id, order_id, at, type, by_whom, detail)",
        decisions.flatMap(({ change: { order, history }, at }) =>
          history.map(({ type, by, detail }) => [newId(), order.id, at, type, by, JSON.stringify(detail)]),
        ),
      ),
    async facts(tx, decisions) {
      const entries = decisions.flatMap(({ change: { order, facts }, at, traceparent }) =>
        facts.map((fact, i) => ({
          subject: order.id,
          sequence: order.eventSequence + i + 1,
          fact,
          atMs: at,
          traceparent,
        })),
      );
      const [first] = entries;
      if (first) await outbox.appendAll(tx, entries, first.atMs);
    },
    refunds: (tx, asked) =>
      insertRows(
        db,
        tx,
        `refunds (id, order_id, payment_id, kind, amount_cents, reason, by_whom, status, request_digest,
          request_fingerprint, stray_payment_id, created_at, due_at)`,
        asked.map(({ refund: { id, orderId, paymentId, kind, amountCents, reason, by }, request, at }) => [
          ...[id, orderId, paymentId, kind, amountCents, reason, by, "REQUESTED"],
          ...[request?.digest ?? null, request?.fingerprint ?? null],
          // its own asker tries first, and the sweep comes when that one is gone; a stray payment's return nobody asks for
          ...(kind === "stray" ? [paymentId, at, at] : [null, at, at + askerTriesForMs]),
        ]),
      ),
    responses: (tx, answers) =>
      insertRows(
        db,
        tx,
        "idempotency_keys (user_id, idempotency_key, fingerprint, status, body, created_at)",
        answers.map(({ request: { userId, key, fingerprint }, response: { status, body }, at }) => [
          ...[userId, key, fingerprint, status, JSON.stringify(body), at],
        ]),
      ),
  };
}
