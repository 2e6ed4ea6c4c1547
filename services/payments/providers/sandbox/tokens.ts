/** How the sandbox treats a charge; which token asks for what. */
export interface Behaviour {
  /** Its state once it is made. */
  status: "succeeded" | "failed" | "pending";
  failureCode: string | null;
  /** A pending charge decides itself after a while. */
  decides: { as: "succeeded" | "failed"; afterMs: number } | null;
  needsApproval: boolean;
  /** How many webhooks are sent at once. A charge decided later always sends one. */
  webhooks: number;
  /** What becomes of the answer to the request that made the charge: a repeated one is answered properly. */
  answer: "charge" | "pending" | "error" | "none";
}

const settled: Behaviour = {
  status: "succeeded",
  failureCode: null,
  decides: null,
  needsApproval: false,
  webhooks: 0,
  answer: "charge",
};
const failed = (failureCode: string): Behaviour => ({ ...settled, status: "failed", failureCode });
const asyncMs = 1_000;
const later = (as: "succeeded" | "failed"): Behaviour => ({
  ...settled,
  status: "pending",
  decides: { as, afterMs: asyncMs },
});

const tokens = new Map<string, Behaviour>([
  ["tok_ok", settled],
  ["tok_declined", failed("card_declined")],
  ["tok_async_ok", later("succeeded")],
  ["tok_async_declined", later("failed")],
  ["tok_approve", { ...settled, status: "pending", needsApproval: true }],
  ["tok_timeout", { ...settled, answer: "none" }],
  ["tok_error_after_charge", { ...settled, answer: "error" }],
  ["tok_duplicate", { ...settled, webhooks: 5 }],
  ["tok_silent", { ...settled, answer: "pending" }],
]);

export const behaviourOf = (token: string | null): Behaviour =>
  tokens.get(token ?? "tok_ok") ?? failed("invalid_token");

export const tokenNames: readonly string[] = [...tokens.keys()];
