import { randomBytes } from "node:crypto";
import { hasRow, marks, type Database, type Tx } from "../../../../lib/database.ts";
import { isUniqueViolation } from "../../../../lib/database-errors.ts";
import type { Decision, Journal, NewCharge, NewRefund, SandboxCharge, SandboxRefund } from "./api.ts";
import { queueDeliveries } from "./deliveries.ts";
import { behaviourOf } from "./tokens.ts";

/** A request the sandbox says no to. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
  }
}

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
}

/** ISO 4217's code for no currency: of a reference that was voided before any amount was named. */
const noCurrency = "XXX";
const maxRaces = 5;
const newRef = (prefix: string): string => `${prefix}_${randomBytes(16).toString("hex")}`;

export function sandboxStore(db: Database): SandboxStore {
  const forUpdate = db.dialect === "mysql" ? " FOR UPDATE" : "";
  const skipLocked = db.dialect === "mysql" ? " FOR UPDATE SKIP LOCKED" : "";

  const select = (where: string, values: readonly unknown[], tx?: Tx): Promise<Row[]> =>
    db.select<Row>(`SELECT * FROM charges WHERE ${where}`, values, tx);
  const one = async (where: string, values: readonly unknown[], tx?: Tx): Promise<Row | null> =>
    (await select(where, values, tx))[0] ?? null;
  const insert = (row: Row, tx: Tx): Promise<number> =>
    db.execute(
      `INSERT INTO charges (${Object.keys(row).join(", ")}) VALUES (${marks(Object.keys(row).length)})`,
      Object.values(row),
      tx,
    );

  const end = async (row: Row, status: "succeeded" | "failed" | "voided", failureCode: string | null, tx: Tx) => {
    await db.execute(
      "UPDATE charges SET status = ?, failure_code = ?, decide_as = NULL, decide_at = NULL WHERE ref = ?",
      [status, failureCode, row.ref],
      tx,
    );
    return { ...row, status, failure_code: failureCode };
  };

  const announce = async (row: Row, times: number, nowMs: number, tx: Tx): Promise<void> => {
    if (row.webhook_url === null) return;
    const body = { id: eventId(row), type: `charge.${row.status}`, createdAt: nowMs, data: toCharge(row) };
    await queueDeliveries(db, tx, { url: row.webhook_url, body: JSON.stringify(body), times }, nowMs);
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

  return {
    charge: (key, request, nowMs) =>
      racing(async () => {
        const stored = await one("idempotency_key = ? OR reference = ?", [key, request.reference]);
        if (stored) return { charge: toCharge(assertSame(stored, key, request)), made: false };
        const row = newRow(key, request, nowMs);
        await db.transaction(async (tx) => {
          await insert(row, tx);
          await announce(row, behaviourOf(request.token).webhooks, nowMs, tx);
        });
        return { charge: toCharge(row), made: true };
      }),

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
          await insert(tombstone, tx);
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
        await announce(ended, 1, nowMs, tx);
        return toCharge(ended);
      }),

    async decideDue(nowMs, limit) {
      if (!(await hasRow(db, "charges WHERE decide_at <= ?", [nowMs]))) return 0;
      return db.transaction(async (tx) => {
        const due = await select(`decide_at <= ? ORDER BY decide_at LIMIT ${limit}${skipLocked}`, [nowMs], tx);
        for (const row of due) {
          const succeeds = row.decide_as === "succeeded";
          const ended = await end(row, succeeds ? "succeeded" : "failed", succeeds ? null : "card_declined", tx);
          await announce(ended, 1, nowMs, tx);
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

interface Row {
  ref: string;
  idempotency_key: string;
  reference: string;
  order_id: string | null;
  amount_cents: number | string;
  currency: string;
  method: string | null;
  status: string;
  failure_code: string | null;
  needs_approval: number | string;
  decide_as: string | null;
  decide_at: number | string | null;
  webhook_url: string | null;
  created_at: number | string;
}

interface RefundRow {
  refund_id: string;
  ref: string;
  charge_ref: string;
  amount_cents: number | string;
  created_at: number | string;
}

function newRow(key: string, request: NewCharge, nowMs: number): Row {
  const { status, failureCode, decides, needsApproval } = behaviourOf(request.token);
  return {
    ref: newRef("ch"),
    idempotency_key: key,
    reference: request.reference,
    order_id: request.orderId,
    amount_cents: request.amountCents,
    currency: request.currency,
    method: request.method,
    status,
    failure_code: failureCode,
    needs_approval: needsApproval ? 1 : 0,
    decide_as: decides?.as ?? null,
    decide_at: decides ? nowMs + decides.afterMs : null,
    webhook_url: request.webhookUrl,
    created_at: nowMs,
  };
}

const voidedRow = (reference: string, nowMs: number): Row => ({
  ref: newRef("ch"),
  idempotency_key: reference,
  reference,
  order_id: null,
  amount_cents: 0,
  currency: noCurrency,
  method: null,
  status: "voided",
  failure_code: null,
  needs_approval: 0,
  decide_as: null,
  decide_at: null,
  webhook_url: null,
  created_at: nowMs,
});

/** Refuses a key or a reference that was used for another charge. What was voided stays so, whatever is asked now. */
function assertSame(row: Row, key: string, { reference, amountCents, currency }: NewCharge): Row {
  if (row.reference !== reference) throw new Refusal(409, "idempotency_key_reused");
  if (row.status === "voided") return row;
  const same = row.idempotency_key === key && Number(row.amount_cents) === amountCents && row.currency === currency;
  if (!same) throw new Refusal(409, "idempotency_key_reused");
  return row;
}

/** A charge is decided once, so its event's id follows from its own. */
const eventId = ({ ref }: Row): string => ref.replace(/^ch/, "evt");

const toCharge = (row: Row): SandboxCharge => ({
  ref: row.ref,
  reference: row.reference,
  status: row.status as SandboxCharge["status"],
  amountCents: Number(row.amount_cents),
  currency: row.currency,
  failureCode: row.failure_code,
  needsApproval: Number(row.needs_approval) === 1,
  createdAt: Number(row.created_at),
});

const toRefund = (row: RefundRow): SandboxRefund => ({
  ref: row.ref,
  refundId: row.refund_id,
  chargeRef: row.charge_ref,
  amountCents: Number(row.amount_cents),
  createdAt: Number(row.created_at),
});
