import { randomBytes } from "node:crypto";
import type { NewCharge, SandboxCharge, SandboxRefund } from "./api.ts";
import { behaviourOf } from "./tokens.ts";

// The sandbox's tables, and what is said of their rows.

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

/** ISO 4217's code for no currency: of a reference that was voided before any amount was named. */
const noCurrency = "XXX";
export const newRef = (prefix: string): string => `${prefix}_${randomBytes(16).toString("hex")}`;

export interface Row {
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

export const rowColumns = [
  ...["ref", "idempotency_key", "reference", "order_id", "amount_cents", "currency", "method", "status"],
  ...["failure_code", "needs_approval", "decide_as", "decide_at", "webhook_url", "created_at"],
] as (keyof Row)[];

export interface Asked {
  key: string;
  request: NewCharge;
  nowMs: number;
}

export interface Charged {
  charge: SandboxCharge;
  made: boolean;
}

export interface RefundRow {
  refund_id: string;
  ref: string;
  charge_ref: string;
  amount_cents: number | string;
  created_at: number | string;
}

export function newRow(key: string, request: NewCharge, nowMs: number): Row {
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

export const voidedRow = (reference: string, nowMs: number): Row => ({
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

export function sameOrRefusal(row: Row, key: string, request: NewCharge): Charged | Error {
  try {
    return { charge: toCharge(assertSame(row, key, request)), made: false };
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** A charge is decided once, so its event's id follows from its own. */
export const eventId = ({ ref }: Row): string => ref.replace(/^ch/, "evt");

export const toCharge = (row: Row): SandboxCharge => ({
  ref: row.ref,
  reference: row.reference,
  status: row.status as SandboxCharge["status"],
  amountCents: Number(row.amount_cents),
  currency: row.currency,
  failureCode: row.failure_code,
  needsApproval: Number(row.needs_approval) === 1,
  createdAt: Number(row.created_at),
});

export const toRefund = (row: RefundRow): SandboxRefund => ({
  ref: row.ref,
  refundId: row.refund_id,
  chargeRef: row.charge_ref,
  amountCents: Number(row.amount_cents),
  createdAt: Number(row.created_at),
});
