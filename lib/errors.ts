import type { ProblemCode } from "../contracts/problem-titles.ts";

/** What went wrong, in the client's terms. The status is the one HTTP has for it. */
export const statusOf = {
  invalid: 422,
  unauthenticated: 401,
  declined: 402,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_many: 429,
  unavailable: 503,
} as const;

export type ErrorKind = keyof typeof statusOf;

/** One thing wrong with one field of the input. `field` is a path such as `items[0].quantity`. */
export interface FieldError {
  field: string;
  code: string;
  message: string;
}

export interface ErrorData {
  errors?: FieldError[];
  retryAfterSeconds?: number;
  [detail: string]: unknown;
}

/**
 * A refusal that a client can cause and can understand. `message` is one
 * sentence without internals; `data` holds further public members of the problem document.
 */
export class DomainError extends Error {
  readonly kind: ErrorKind;
  readonly code: ProblemCode;
  readonly data: ErrorData;

  constructor(kind: ErrorKind, code: ProblemCode, message: string, data: ErrorData = {}) {
    super(message);
    this.name = "DomainError";
    this.kind = kind;
    this.code = code;
    this.data = data;
  }
}

/** The refusal for input whose shape is right and whose content is not. */
export function invalidField(field: string, code: string, message: string): DomainError {
  return new DomainError("invalid", "VALIDATION_FAILED", message, { errors: [{ field, code, message }] });
}

/** The one answer for what does not exist and for what belongs to somebody else. */
export function notFound(what: string): DomainError {
  return new DomainError("not_found", "NOT_FOUND", `No such ${what}.`);
}

/** The answer for what a node that is being stopped did not finish. */
export function leaving(): DomainError {
  return new DomainError("unavailable", "SERVICE_UNAVAILABLE", "This part of the system is being stopped. Try again.", {
    retryAfterSeconds: 1,
  });
}

/** The refusal of what would wait too long; another moment is better. */
export function overloaded(): DomainError {
  return new DomainError("unavailable", "OVERLOADED", "Too many requests are waiting. Try again.", {
    retryAfterSeconds: 1,
  });
}

/** Whether a callee had too much to do: it said so, or as many as may wait for its action did. */
export function isOverload(error: unknown): boolean {
  const code = codeOf(error);
  return code === "OVERLOADED" || code === "QUEUE_FULL";
}

/** The stable code of an error, whether it was thrown here or came over the bus from another node. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof DomainError) return error.code;
  const type = (error as { type?: unknown } | null)?.type;
  return typeof type === "string" ? type : undefined;
}

/**
 * True when the callee refused for good: repeating the same call would be refused again. A service that cannot be
 * reached also comes with a status of 404, and is none.
 */
export function isRefusal(error: unknown): boolean {
  if (error instanceof DomainError) return statusOf[error.kind] < 429;
  const { code, retryable, type } = (error ?? {}) as { code?: unknown; retryable?: unknown; type?: unknown };
  if (typeof code !== "number" || retryable === true) return false;
  return code >= 400 && code < 429 && type !== "SERVICE_NOT_FOUND" && type !== "SERVICE_NOT_AVAILABLE";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
