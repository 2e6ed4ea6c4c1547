import { Type, type Static, type TSchema } from "@sinclair/typebox";

// What the sandbox speaks over HTTP: shared by the party itself and by the client that talks to it.

const closed = { additionalProperties: false } as const;
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Key = Type.String({ pattern: "^[\\x21-\\x7e]{1,64}$" });
const Amount = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Currency = Type.String({ pattern: "^[A-Z]{3}$" });

export const ChargeStatus = Type.Union([
  Type.Literal("pending"),
  Type.Literal("succeeded"),
  Type.Literal("failed"),
  Type.Literal("voided"),
]);

export const SandboxCharge = Type.Object(
  {
    ref: Type.String(),
    /** The merchant's id of what is paid for. */
    reference: Key,
    status: ChargeStatus,
    amountCents: Amount,
    currency: Currency,
    failureCode: nullable(Type.String()),
    /** A person has to decide on its approval page. */
    needsApproval: Type.Boolean(),
    createdAt: Type.Integer(),
  },
  closed,
);
export type SandboxCharge = Static<typeof SandboxCharge>;

export const FindAnswer = Type.Object({ charge: nullable(SandboxCharge) }, closed);

export const SandboxRefund = Type.Object(
  { ref: Type.String(), refundId: Key, chargeRef: Type.String(), amountCents: Amount, createdAt: Type.Integer() },
  closed,
);
export type SandboxRefund = Static<typeof SandboxRefund>;

export const NewCharge = Type.Object(
  {
    reference: Key,
    orderId: Key,
    amountCents: Amount,
    currency: Currency,
    method: Type.String({ minLength: 1, maxLength: 40 }),
    token: nullable(Type.String({ minLength: 1, maxLength: 200 })),
    webhookUrl: Type.String({ pattern: "^https?://", maxLength: 1_000 }),
  },
  closed,
);
export type NewCharge = Static<typeof NewCharge>;

export const NewRefund = Type.Object({ chargeRef: Type.String({ maxLength: 64 }), amountCents: Amount }, closed);
export type NewRefund = Static<typeof NewRefund>;

export const VoidRequest = Type.Object({ reference: Key }, closed);

export const Decision = Type.Object(
  { decision: Type.Union([Type.Literal("approve"), Type.Literal("decline")]) },
  closed,
);
export type Decision = Static<typeof Decision>["decision"];

/** The body of a webhook. */
export const SandboxEvent = Type.Object(
  { id: Key, type: Type.String({ minLength: 1, maxLength: 64 }), createdAt: Type.Integer(), data: Type.Unknown() },
  closed,
);

/** Which charges an audit asks for: those of these references, or a page of all by `ref`. */
export const JournalQuery = Type.Object({ references: Type.Array(Key, { maxItems: 1_000 }) }, closed);

export const JournalPage = Type.Object(
  { charges: Type.Array(SandboxCharge), refunds: Type.Array(SandboxRefund) },
  closed,
);

/** Everything the sandbox ever did, for an audit. */
export interface Journal {
  charges: SandboxCharge[];
  refunds: SandboxRefund[];
}
