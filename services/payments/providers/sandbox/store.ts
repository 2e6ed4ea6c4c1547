import { hasRow, insertRows, marks, type Database, type Tx } from "../../../../lib/database.ts";
import { isUniqueViolation } from "../../../../lib/database-errors.ts";
import { groupCommit } from "../../../../lib/group-commit.ts";
import type { Decision, Journal, NewCharge, NewRefund, SandboxCharge, SandboxRefund } from "./api.ts";
import { queueDeliveries } from "./deliveries.ts";
import {
  eventId,
  newRef,
  newRow,
  Refusal,
  rowColumns,
  sameOrRefusal,
  toCharge,
  toRefund,
  voidedRow,
  type Asked,
  type Charged,
  type RefundRow,
  type Row,
} from "./rows.ts";
import { behaviourOf } from "./tokens.ts";

/** The sandbox's books. Everything is committed when a function resolves. */
export interface SandboxStore {
  /** Makes a charge, or answers with the one that this key made. */
  charge(key: string, request: NewCharge, nowMs: number): Promise<{ charge: SandboxCharge; made: boolean }>;
  find(reference: string): Promise<SandboxCharge | null>;
  /** Ends a pending charge, or keeps its reference from being charged in the future. */
  void(reference: string, nowMs: number): Promise<SandboxCharge>;
  refund(refundId: string, request: NewRefund, nowMs: number): Promise<SandboxRefund>;
  approval(ref: string): Promise<SandboxCharge | null>;
  /** A person's decision; what was decided before stays. */
  decide(ref: string, decision: Decision, nowMs: number): Promise<SandboxCharge | null>;
  /** Decides charges whose time has come; answers with how many. */
  decideDue(nowMs: number, limit: number): Promise<number>;
  journal(): Promise<Journal>;
  /** The journal of these references, or a page of all of it by the charges' `ref`. */
  journalOf(range: { references: readonly string[] } | { after: string; limit: number }): Promise<Journal>;
  /** Resolves when every charge under way is made or refused; for when no more are asked for. */
  stop(): Promise<void>;
}

const maxRaces = 5;
const mostInGroup = 64;

export function sandboxStore(db: Database): SandboxStore {
  const forUpdate = db.dialect === "mysql" ? " FOR UPDATE" : "";
  const skipLocked = db.dialect === "mysql" ? " FOR UPDATE SKIP LOCKED" : "";

  const select = (where: string, values: readonly unknown[], tx?: Tx): Promise<Row[]> =>
    db.select<Row>(`SELECT * FROM charges WHERE ${where}`, values, tx);
  const one = async (where: string, values: readonly unknown[], tx?: Tx): Promise<Row | null> =>
    (await select(where, values, tx))[0] ?? null;
  const insert = (rows: readonly Row[], tx: Tx): Promise<void> =>
    insertRows(
      db,
      tx,
      `charges (${rowColumns.join(", ")})`,
      rows.map((row) => rowColumns.map((column) => row[column])),
    );

  const end = async (row: Row, status: "succeeded" | "failed" | "voided", failureCode: string | null, tx: Tx) => {
    await db.write(
      "UPDATE charges SET status = ?, failure_code = ?, decide_as = NULL, decide_at = NULL WHERE ref = ?",
      [status, failureCode, row.ref],
      tx,
    );
    return { ...row, status, failure_code: failureCode };
  };

  const announce = (told: readonly { row: Row; times: number }[], nowMs: number, tx: Tx): Promise<void> => {
    const announcements = told.flatMap(({ row, times }) => {
      if (row.webhook_url === null) return [];
      const body = { id: eventId(row), type: `charge.${row.status}`, createdAt: nowMs, data: toCharge(row) };
      return [{ url: row.webhook_url, body: JSON.stringify(body), times }];
    });
    return queueDeliveries(db, tx, announcements, nowMs);
  };

  /** Runs what may lose a race for a unique key again: the second time it finds the winner. */
  const racing = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!isUniqueViolation(error) || attempt >= maxRaces) throw error;
      }
    }
  };

  /** Of several with one key or reference the first makes the charge, and the others find it. */
  const chargeTogether = async (asked: readonly Asked[]): Promise<(Charged | Error)[]> => {
    const keys = asked.map(({ key }) => key);
    const references = asked.map(({ request }) => request.reference);
    const stored = await select(
      `idempotency_key IN (${marks(keys.length)}) OR reference IN (${marks(references.length)})`,
      [...keys, ...references],
    );
    const byKey = new Map(stored.map((row) => [row.idempotency_key, row]));
    const byReference = new Map(stored.map((row) => [row.reference, row]));
    const fresh: { row: Row; asked: Asked }[] = [];
    const answers = asked.map((one): Charged | Error => {
      const { key, request, nowMs } = one;
      const known = byKey.get(key) ?? byReference.get(request.reference);
      if (known) return sameOrRefusal(known, key, request);
      const row = newRow(key, request, nowMs);
      byKey.set(key, row);
      byReference.set(request.reference, row);
      fresh.push({ row, asked: one });
      return { charge: toCharge(row), made: true };
    });
    if (fresh.length > 0) {
      const inOrder = fresh.toSorted((a, b) => (a.row.idempotency_key < b.row.idempotency_key ? -1 : 1));
      await db.transaction(async (tx) => {
        await insert(
          inOrder.map(({ row }) => row),
          tx,
        );
        const told = inOrder.map(({ row, asked: { request } }) => ({
          row,
          times: behaviourOf(request.token).webhooks,
        }));
        await announce(told, Math.max(...fresh.map(({ asked: { nowMs } }) => nowMs)), tx);
      });
    }
    return answers;
  };

  const charges = groupCommit<Asked, Charged>({
    most: mostInGroup,
    // a request that is not answered in time is asked again
    longest: Infinity,
    run: (asked) => racing(() => chargeTogether(asked)),
  });

  return {
    charge: (key, request, nowMs) => charges.submit({ key, request, nowMs }),
    stop: charges.stop,

    async find(reference) {
      const row = await one("reference = ?", [reference]);
      return row && toCharge(row);
    },

    void: (reference, nowMs) =>
      racing(() =>
        db.transaction(async (tx) => {
          const row = await one(`reference = ?${forUpdate}`, [reference], tx);
          if (row) return toCharge(row.status === "pending" ? await end(row, "voided", null, tx) : row);
          const tombstone = voidedRow(reference, nowMs);
          await insert([tombstone], tx);
          return toCharge(tombstone);
        }),
      ),

    refund: (refundId, { chargeRef, amountCents }, nowMs) =>
      db.transaction(async (tx) => {
        // the charge's lock puts its refunds in a row, those with the same id included
        const charge = await one(`ref = ?${forUpdate}`, [chargeRef], tx);
        const [made] = await db.select<RefundRow>("SELECT * FROM refunds WHERE refund_id = ?", [refundId], tx);
        if (made) {
          if (made.charge_ref === chargeRef && Number(made.amount_cents) === amountCents) return toRefund(made);
          throw new Refusal(409, "idempotency_key_reused");
        }
        if (!charge) throw new Refusal(404, "unknown_charge");
        if (charge.status !== "succeeded") throw new Refusal(422, "charge_not_refundable");
        const [sum] = await db.select<{ cents: number | string | null }>(
          "SELECT SUM(amount_cents) AS cents FROM refunds WHERE charge_ref = ?",
          [chargeRef],
          tx,
        );
        if (Number(sum?.cents ?? 0) + amountCents > Number(charge.amount_cents)) {
          throw new Refusal(422, "refund_exceeds_charge");
        }
        const row = { refund_id: refundId, ref: newRef("re"), charge_ref: chargeRef, amount_cents: amountCents };
        await db.execute(
          "INSERT INTO refunds (refund_id, ref, charge_ref, amount_cents, created_at) VALUES (?, ?, ?, ?, ?)",
          [row.refund_id, row.ref, row.charge_ref, row.amount_cents, nowMs],
          tx,
        );
        return toRefund({ ...row, created_at: nowMs });
      }),

    async approval(ref) {
      const row = await one("ref = ? AND needs_approval = 1", [ref]);
      return row && toCharge(row);
    },

    decide: (ref, decision, nowMs) =>
      db.transaction(async (tx) => {
        const row = await one(`ref = ? AND needs_approval = 1${forUpdate}`, [ref], tx);
        if (row?.status !== "pending") return row && toCharge(row);
        const approved = decision === "approve";
        const ended = await end(row, approved ? "succeeded" : "failed", approved ? null : "approval_declined", tx);
        await announce([{ row: ended, times: 1 }], nowMs, tx);
        return toCharge(ended);
      }),

    async decideDue(nowMs, limit) {
      if (!(await hasRow(db, "charges WHERE decide_at <= ?", [nowMs]))) return 0;
      return db.transaction(async (tx) => {
        const due = await select(`decide_at <= ? ORDER BY decide_at LIMIT ${limit}${skipLocked}`, [nowMs], tx);
        for (const row of due) {
          const succeeds = row.decide_as === "succeeded";
          const ended = await end(row, succeeds ? "succeeded" : "failed", succeeds ? null : "card_declined", tx);
          await announce([{ row: ended, times: 1 }], nowMs, tx);
        }
        return due.length;
      });
    },

    async journal() {
      const charges = await select("1 = 1 ORDER BY created_at, ref", []);
      const refunds = await db.select<RefundRow>("SELECT * FROM refunds ORDER BY created_at, ref");
      return { charges: charges.map(toCharge), refunds: refunds.map(toRefund) };
    },

    async journalOf(range) {
      if ("references" in range && range.references.length === 0) return { charges: [], refunds: [] };
      const charges =
        "references" in range
          ? await select(`reference IN (${marks(range.references.length)})`, range.references)
          : await select(`ref > ? ORDER BY ref LIMIT ${range.limit}`, [range.after]);
      const refs = charges.map(({ ref }) => ref);
      const refunds =
        refs.length === 0
          ? []
          : await db.select<RefundRow>(`SELECT * FROM refunds WHERE charge_ref IN (${marks(refs.length)})`, refs);
      return { charges: charges.map(toCharge), refunds: refunds.map(toRefund) };
    },
  };
}
