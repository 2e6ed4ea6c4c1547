import { backoffMs, delay } from "../lib/time.ts";
import type { Gateways } from "./gateways.ts";
import type { History, Kind, Operation, Try } from "./history.ts";
import { exchange, type Exchange } from "./http.ts";
import type { Random } from "./random.ts";

/** As a client keeps the token it speaks with. */
export interface Identity {
  /** Of the account; -1 is the administrator. */
  readonly index: number;
  /** A token that is valid as far as the client knows; null when none can be had now. */
  token(): Promise<string | null>;
  /** The token was refused. */
  forget(token: string): void;
}

export interface Ask {
  kind: Kind;
  method: "GET" | "POST";
  /** Under `/api/v1`. */
  path: string;
  body?: unknown;
  key?: string | null;
  order?: string | null;
  /** Null: nobody is signed in. */
  as: Identity | null;
  /** The account, where nobody is signed in. */
  person?: number;
}

/** What became of an operation; `body` is the answer's or the problem's. */
export type Done =
  | { outcome: "ok" | "fail"; status: number; code: string | null; body: unknown }
  /** It was given up: the run is over. */
  | { outcome: "open" };

export interface CallerOptions {
  history: History;
  gateways: Gateways;
  random: Random;
  /** Aborted when nobody is to try again. */
  ending: AbortSignal;
}

export const base = "/api/v1";

/** As long as a client waits for an answer. */
export const timeoutMs = 5_000;
const firstWaitMs = 50;
/** Clients who all come again every few seconds would keep down a system that could stand up. */
const mostWaitMs = 10_000;
/** What a client heeds of a `Retry-After`. */
const mostRetryAfterMs = 3_000;
const mostRenewals = 5;

/**
 * A client as real ones are: it turns to another gateway when one does not serve, waits as it is told, and asks again
 * with the same key until it knows.
 */
export class Caller {
  readonly #options: CallerOptions;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  get history(): History {
    return this.#options.history;
  }

  begin({ kind, key = null, order = null, as, person = -1 }: Ask): Operation {
    return this.history.begin(kind, { person: as?.index ?? person, key, order });
  }

  do(ask: Ask): Promise<Done> {
    return this.repeat(this.begin(ask), ask);
  }

  /** Tries until the answer is final. */
  async repeat(operation: Operation, ask: Ask): Promise<Done> {
    const { ending, random } = this.#options;
    let last: number | null = null;
    let renewals = 0;
    for (let attempt = 1; !ending.aborted; attempt += 1) {
      const token = (await ask.as?.token()) ?? null;
      if (ending.aborted) break;
      if (ask.as && token === null) {
        await delay(backoffMs(attempt, firstWaitMs, mostWaitMs, random.int(0, 100) / 100), ending);
        continue;
      }
      const { gateway, one, result } = await this.send(operation, { ...ask, token, after: last });
      last = gateway;
      const verdict = judge(result);
      if (verdict.is === "ok") {
        this.history.ok(operation, one, verdict.status);
        return { outcome: "ok", status: verdict.status, code: null, body: verdict.body };
      }
      const mayRenew = verdict.status === 401 && ask.as !== null && token !== null && renewals < mostRenewals;
      if (verdict.is === "fail" && !mayRenew) {
        this.history.fail(operation, one, verdict.status, verdict.why);
        return { outcome: "fail", status: verdict.status, code: verdict.why, body: verdict.body };
      }
      this.history.info(operation, one, verdict.status, verdict.why);
      if (mayRenew && token !== null) {
        renewals += 1;
        ask.as?.forget(token);
        continue;
      }
      await delay(this.#waitMs(verdict, attempt), ending);
    }
    return { outcome: "open" };
  }

  /** One try; who calls it says in the history how it ended. */
  async send(
    operation: Operation,
    ask: Pick<Ask, "method" | "path" | "body" | "key"> & {
      token?: string | null;
      after?: number | null;
      at?: number;
      abandon?: boolean;
    },
  ): Promise<{ gateway: number; one: Try; result: Exchange }> {
    const { gateways } = this.#options;
    const { method, path, body, key, token, after = null, at, abandon } = ask;
    const gateway = at ?? gateways.next(after);
    const one = this.history.invoke(operation, gateway);
    const url = gateways.url(gateway);
    const result = await exchange({ gateway: url, method, path: base + path, body, key, token, timeoutMs, abandon });
    return { gateway, one, result };
  }

  /** Without an answer, or after one refusal, another gateway is asked at once; then waits grow. */
  #waitMs({ retryAfterMs }: Judgement, attempt: number): number {
    const jitter = this.#options.random.int(0, 100) / 100;
    const own = backoffMs(attempt - 1, firstWaitMs, mostWaitMs, jitter);
    if (attempt === 1 || retryAfterMs === null) return own;
    return Math.max(own, Math.min(retryAfterMs, mostRetryAfterMs) * (1 + jitter / 4));
  }
}

export type Judgement = { why: string; body: unknown; retryAfterMs: number | null } & (
  | { is: "ok" | "fail"; status: number }
  /** Without a status there was no answer. */
  | { is: "again"; status: number | null }
);

/** Of a 429 or a 503 that does not say when to come again. */
export const noRetryAfter = "NO_RETRY_AFTER";

const again = new Set(["IDEMPOTENCY_KEY_IN_FLIGHT", "RATE_LIMITED", "OVERLOADED"]);

/** What an answer means to a client that wants to know for sure. */
export function judge(result: Exchange): Judgement {
  if (!result.answered) return { is: "again", status: null, why: result.why, body: null, retryAfterMs: null };
  const { status, headers, body } = result;
  const code = codeOf(body) ?? `HTTP_${status}`;
  const seconds = Number(headers["retry-after"]);
  const retryAfterMs = Number.isFinite(seconds) && headers["retry-after"] !== undefined ? seconds * 1_000 : null;
  if (status < 300) {
    if (body === undefined) return { is: "again", status, why: "NOT_JSON", body, retryAfterMs };
    return { is: "ok", status, why: "", body, retryAfterMs };
  }
  const isFinal = status < 500 && status !== 429 && status !== 408 && !again.has(code);
  const owesTime = (status === 429 || status === 503) && retryAfterMs === null;
  return { is: isFinal ? "fail" : "again", status, why: owesTime ? noRetryAfter : code, body, retryAfterMs };
}

function codeOf(body: unknown): string | null {
  const { code } = (typeof body === "object" && body !== null ? body : {}) as { code?: unknown };
  return typeof code === "string" ? code : null;
}
