import type { TimelineEntry } from "../../contracts/payments.ts";
import { hasRow, marks, type Database, type Tx } from "../../lib/database.ts";
import { isOutage, isUniqueViolation } from "../../lib/database-errors.ts";
import { DomainError } from "../../lib/errors.ts";
import { groupReads } from "../../lib/group-reads.ts";
import { groupCommit } from "../../lib/group-commit.ts";
import type { GroupMeter } from "../../lib/metrics.ts";
import type { Outbox } from "../../lib/outbox.ts";
import { currentTraceparent } from "../../lib/request-context.ts";
import { toIso } from "../../lib/time.ts";
import {
  assertSameAmount,
  assertSameRequest,
  checkAfterMs,
  openPayment,
  type Change,
  type NewPayment,
  type Payment,
} from "./payment.ts";
import { toPayment, type Row } from "./payment-rows.ts";
import { paymentWrites } from "./payment-writes.ts";

export interface PaymentsRepository {
  find(id: string): Promise<Payment | null>;
  findAll(ids: readonly string[]): Promise<Payment[]>;
  /** The payment that was opened under an idempotency key. */
  byKey(dedupKey: string): Promise<Payment | null>;
  ofOrder(orderId: string): Promise<Payment[]>;
  ofCustomer(customerId: string): Promise<Payment[]>;
  history(orderId: string): Promise<TimelineEntry[]>;
  /**
   * Opens a payment, or answers with the one that the same key opened before, or with the one that paid the order
   * already. Refuses with PAYMENT_OPEN while the order has another open one. Committed when it resolves. Those that come
   * at once share a transaction.
   */
  open(asked: NewPayment, nowMs: number): Promise<Payment>;
  /**
   * Locks the payment, lets `decide` look at it, and saves all of its change or nothing; null when there is none. Those
   * that come at once share a transaction; or it is `tx`.
   */
  change<D extends { change: Change | null }>(
    id: string,
    nowMs: number,
    decide: (payment: Payment) => D,
    tx?: Tx,
  ): Promise<(D & { payment: Payment }) | null>;
  /** The payment, locked until the transaction ends. */
  lock(id: string, tx: Tx): Promise<Payment | null>;
  /** Writes a change of a payment that `lock` gave. */
  save(change: Change, nowMs: number, tx: Tx): Promise<Payment>;
  /** Open payments the provider is due to be asked about, each given to one caller for the time until its next check. */
  claimDue(nowMs: number, limit: number): Promise<Payment[]>;
  /** Resolves when everyone who asked for a change or a new payment has an answer. */
  stop(): Promise<void>;
}

interface ChangeRequest {
  id: string;
  nowMs: number;
  decide: (payment: Payment) => { change: Change | null };
  traceparent: string | null;
}

interface OpenRequest {
  asked: NewPayment;
  nowMs: number;
}

const maxRaces = 5;
const longestQueue = 4_096;

/** `mostInGroup`: how many new payments, or changes of payments, may share a transaction. */
export function paymentsRepository(
  db: Database,
  outbox: Outbox,
  mostInGroup = 64,
  meter?: GroupMeter,
): PaymentsRepository {
  const writes = paymentWrites(db, outbox);
  const forUpdate = db.dialect === "mysql" ? " FOR UPDATE" : "";
  const skipLocked = db.dialect === "mysql" ? " FOR UPDATE SKIP LOCKED" : "";
  const byPrimary = db.dialect === "mysql" ? "FORCE INDEX (PRIMARY)" : "";

  const many = async (where: string, values: readonly unknown[], tx?: Tx): Promise<Payment[]> =>
    (await db.select<Row>(`SELECT * FROM payments ${where}`, values, tx)).map(toPayment);
  const one = async (where: string, values: readonly unknown[], tx?: Tx): Promise<Payment | null> =>
    (await many(where, values, tx))[0] ?? null;

  /** The payment that a request with the same key made, and the one of the same order that is open. */
  const earlier = groupReads<NewPayment, { made: Payment | undefined; open: Payment | undefined }>(async (asked) => {
    const keys = asked.flatMap(({ dedupKey }) => dedupKey ?? []);
    const byKey = keys.length > 0 ? `UNION ALL SELECT * FROM payments WHERE dedup_key IN (${marks(keys.length)})` : "";
    // ALL: one that is found twice is the same twice, and to leave that out MariaDB would write them to a table on disk
    const known = await many(`WHERE open_order_id IN (${marks(asked.length)}) ${byKey}`, [
      ...asked.map(({ orderId }) => orderId),
      ...keys,
    ]);
    const made = new Map(known.map((payment) => [payment.dedupKey, payment]));
    const open = new Map(known.flatMap((one) => (one.status === "PENDING" ? [[one.orderId, one] as const] : [])));
    return asked.map(({ orderId, dedupKey }) => ({
      made: dedupKey === null ? undefined : made.get(dedupKey),
      open: open.get(orderId),
    }));
  });

  const save: PaymentsRepository["save"] = async (change, nowMs, tx) => {
    const saved = after(change);
    await writes.update(tx, [saved]);
    await writes.record(tx, [{ change, at: nowMs }]);
    return saved;
  };

  const openTogether = (requests: readonly OpenRequest[]): Promise<(Payment | Error)[]> =>
    db.transaction(async (tx) => {
      const changes = requests.map(({ asked, nowMs }) => ({ change: openPayment(asked, nowMs), at: nowMs }));
      await writes.insert(
        tx,
        changes.map(({ change }) => change.payment),
      );
      // Only now, with the order's one open place taken, can no other payment of it come to an end unseen.
      const paid = await many(
        `WHERE order_id IN (${marks(requests.length)}) AND status = 'SUCCEEDED' AND refunded_cents = 0 ORDER BY id DESC`,
        requests.map(({ asked }) => asked.orderId),
        tx,
      );
      const paidBy = new Map(paid.map((payment) => [payment.orderId, payment]));
      const needless = requests.filter(({ asked }) => paidBy.has(asked.orderId));
      if (needless.length > 0) {
        await db.write(
          `DELETE FROM payments WHERE id IN (${marks(needless.length)})`,
          needless.map(({ asked }) => asked.id),
          tx,
        );
      }
      await writes.record(
        tx,
        changes.filter(({ change }) => !paidBy.has(change.payment.orderId)),
      );
      return requests.map(({ asked }, i) => {
        const earlier = paidBy.get(asked.orderId);
        return earlier
          ? refusingAnotherAmount(earlier, asked)
          : (changes[i]?.change.payment ?? new Error("not opened"));
      });
    });

  const changeIn = async (tx: Tx, requests: readonly ChangeRequest[]): Promise<(Decided | null)[]> => {
    const ids = [...new Set(requests.map(({ id }) => id))].sort();
    // all who lock several do it in one order
    const found = await many(`${byPrimary} WHERE id IN (${marks(ids.length)}) ORDER BY id${forUpdate}`, ids, tx);
    const now = new Map(found.map((payment) => [payment.id, payment]));
    const changes: { change: Change; at: number; traceparent: string | null }[] = [];
    const answers = requests.map(({ id, nowMs, decide, traceparent }) => {
      const before = now.get(id);
      if (!before) return null;
      const decision = decide(before);
      const payment = decision.change ? after(decision.change) : before;
      if (decision.change) changes.push({ change: decision.change, at: nowMs, traceparent });
      now.set(id, payment);
      return { decision, payment };
    });
    await writes.update(
      tx,
      [...new Set(changes.map(({ change }) => change.payment.id))].flatMap((id) => now.get(id) ?? []),
    );
    await writes.record(tx, changes);
    return answers;
  };

  const sharing = {
    most: mostInGroup,
    longest: longestQueue,
    // SQLite has one writer
    atOnce: db.dialect === "mysql" ? 2 : 1,
    isBlameless: isOutage,
    meter,
  };
  const openings = groupCommit<OpenRequest, Payment>({ ...sharing, run: openTogether });
  const changes = groupCommit<ChangeRequest, Decided | null>({
    ...sharing,
    run: (requests) => db.transaction((tx) => changeIn(tx, requests)),
  });

  return {
    save,
    async change<D extends { change: Change | null }>(
      id: string,
      nowMs: number,
      decide: (payment: Payment) => D,
      tx?: Tx,
    ) {
      const asked = { id, nowMs, decide, traceparent: currentTraceparent() };
      const decided = tx ? (await changeIn(tx, [asked]))[0] : await changes.submit(asked);
      if (!decided) return null;
      return { ...(decided.decision as D), payment: decided.payment };
    },
    find: (id) => one("WHERE id = ?", [id]),
    findAll: (ids) => (ids.length === 0 ? Promise.resolve([]) : many(`WHERE id IN (${marks(ids.length)})`, ids)),
    byKey: (dedupKey) => one("WHERE dedup_key = ?", [dedupKey]),
    lock: (id, tx) => one(`WHERE id = ?${forUpdate}`, [id], tx),
    ofOrder: (orderId) => many("WHERE order_id = ? ORDER BY id", [orderId]),
    ofCustomer: (customerId) => many("WHERE customer_id = ? ORDER BY id", [customerId]),
    async history(orderId) {
      const rows = await db.select<{ at: number | string; type: string; author: string; detail: string }>(
        "SELECT at, type, author, detail FROM payment_history WHERE order_id = ? ORDER BY at, id",
        [orderId],
      );
      return rows.map(({ at, type, author, detail }) => ({
        at: toIso(Number(at)),
        type,
        by: author,
        detail: JSON.parse(detail) as Record<string, unknown>,
      }));
    },
    async open(asked, nowMs) {
      for (let attempt = 1; ; attempt += 1) {
        const { made, open } = await earlier.find(asked);
        if (made) {
          assertSameRequest(made, asked);
          return made;
        }
        if (open) {
          throw new DomainError("conflict", "PAYMENT_OPEN", "This order has a payment under way.", {
            paymentId: open.id,
          });
        }
        try {
          return await openings.submit({ asked, nowMs });
        } catch (error) {
          // another one was faster; look again who
          if (!isUniqueViolation(error) || attempt >= maxRaces) throw error;
        }
      }
    },
    async claimDue(nowMs, limit) {
      if (!(await hasRow(db, "payments WHERE next_check_at <= ?", [nowMs]))) return [];
      return db.transaction(async (tx) => {
        const due = await many(
          `WHERE next_check_at <= ? ORDER BY next_check_at LIMIT ${limit}${skipLocked}`,
          [nowMs],
          tx,
        );
        for (const { id, checks } of due) {
          await db.execute(
            "UPDATE payments SET next_check_at = ?, checks = ? WHERE id = ?",
            [nowMs + checkAfterMs(checks + 1), checks + 1, id],
            tx,
          );
        }
        return due;
      });
    },
    async stop() {
      await Promise.all([earlier, openings, changes].map((group) => group.stop()));
    },
  };
}

interface Decided {
  decision: { change: Change | null };
  payment: Payment;
}

/** A payment as it is once its change is saved. */
const after = ({ payment, facts }: Change): Payment => ({
  ...payment,
  eventSequence: payment.eventSequence + facts.length,
});

function refusingAnotherAmount(paid: Payment, asked: NewPayment): Payment | Error {
  try {
    assertSameAmount(paid, asked);
    return paid;
  } catch (error) {
    return error as Error;
  }
}
