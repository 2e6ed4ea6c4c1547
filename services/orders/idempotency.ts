import { hash } from "node:crypto";
import type { Ctx } from "../../contracts/bus.ts";
import type { ProblemCode } from "../../contracts/problem-titles.ts";
import { DomainError, type ErrorData, type ErrorKind } from "../../lib/errors.ts";
import { askedAsOwner, signedIn } from "../../middlewares/guard.middleware.ts";

/** A request that carries an Idempotency-Key. Its answer is stored in the transaction of its effect. */
export interface KeyedRequest {
  userId: string;
  key: string;
  /** Of the operation and its parameters: the same key with another fingerprint is another request. */
  fingerprint: string;
  /** Stands for user and key where another service has to know the request again. */
  digest: string;
  /** Stands for user, key and fingerprint: the same key with other parameters has another one. */
  exactDigest: string;
}

/** An answer as it was given: a status and a body, or a refusal that had an effect and so is given again. */
export interface StoredResponse {
  status: number;
  body: object | Refusal;
}

interface Refusal {
  refusal: { kind: ErrorKind; code: ProblemCode; message: string; data: ErrorData };
}

export interface StoredResponses {
  storedResponse(userId: string, key: string): Promise<(StoredResponse & { fingerprint: string }) | null>;
}

export const refusalResponse = (status: number, { kind, code, message, data }: DomainError): StoredResponse => ({
  status,
  body: { refusal: { kind, code, message, data } },
});

/** The request was served while it was being served: its answer is stored. */
export class AlreadyServed extends Error {
  constructor() {
    super("this request was served before");
    this.name = "AlreadyServed";
  }
}

const digestOf = (...parts: string[]): string => hash("sha256", parts.join("\n"), "base64url");

/** The requests this process is working on, by digest. */
export type InFlight = Map<string, string>;

/**
 * Runs `operation` once for each key of a user. The same key and parameters again get the stored answer; other
 * parameters are refused, and so is the same request while the first is still running. Without a key it just runs.
 */
export async function idempotently<T extends object>(
  deps: { orders: StoredResponses; inFlight: InFlight },
  ctx: Ctx<object>,
  operation: string,
  run: (request: KeyedRequest | null) => Promise<T>,
): Promise<T> {
  const key = ctx.meta.idempotencyKey;
  if (key === undefined) return run(null);
  const userId = signedIn(ctx).id;
  const fingerprint = digestOf(operation, canonical(ctx.params));
  const request: KeyedRequest = {
    userId,
    key,
    fingerprint,
    digest: digestOf(userId, key),
    exactDigest: digestOf(userId, key, fingerprint),
  };
  const running = deps.inFlight.get(request.digest);
  if (running !== undefined) throw running === request.fingerprint ? inFlightError() : reusedError();

  deps.inFlight.set(request.digest, request.fingerprint);
  try {
    return (await replay<T>(deps.orders, ctx, request)) ?? (await run(request));
  } catch (error) {
    if (!(error instanceof AlreadyServed)) throw error;
    // another node was faster with the same request, and may not have come to its end yet
    const stored = await replay<T>(deps.orders, ctx, request);
    if (stored) return stored;
    throw inFlightError();
  } finally {
    deps.inFlight.delete(request.digest);
  }
}

/** The stored answer to a request, or null when it took no effect yet. Sets the status and header of a replay. */
async function replay<T extends object>(
  orders: StoredResponses,
  ctx: Ctx<object>,
  request: KeyedRequest,
): Promise<T | null> {
  const stored = await orders.storedResponse(request.userId, request.key);
  if (!stored) return null;
  // keys are looked up by whose they are
  askedAsOwner(ctx);
  if (stored.fingerprint !== request.fingerprint) throw reusedError();
  ctx.meta.$responseHeaders = { "Idempotency-Replayed": "true" };
  if ("refusal" in stored.body) {
    const { kind, code, message, data } = stored.body.refusal;
    throw new DomainError(kind, code, message, data);
  }
  ctx.meta.$statusCode = stored.status;
  return stored.body as T;
}

const inFlightError = (): DomainError =>
  new DomainError("conflict", "IDEMPOTENCY_KEY_IN_FLIGHT", "The first request with this key is still running.", {
    retryAfterSeconds: 1,
  });

export const reusedError = (): DomainError =>
  new DomainError("invalid", "IDEMPOTENCY_KEY_REUSED", "This key was used for another request.", {
    errors: [{ field: "Idempotency-Key", code: "IDEMPOTENCY_KEY_REUSED", message: "was used for another request" }],
  });

/** JSON with the keys of every object in order, so that equal requests have equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
