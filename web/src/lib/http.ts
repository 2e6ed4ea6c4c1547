import { found, lost } from "./connection.ts";
import { Problem, Unreachable } from "./problem.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Sent {
  body?: unknown;
  /** Under which the same request may be sent again without being done twice. */
  key?: string;
  signal?: AbortSignal;
  token?: string | null;
}

export const basePath = "/api/v1";

/** The longest that an action takes is 15 s, but for the doctor's. */
const answerWithinMs = 20_000;
const lengthyWithinMs = 600_000;

/** One request, once. Rejects with a Problem, or with Unreachable when no answer came. */
export async function send<T>(method: Method, path: string, { body, key, signal, token }: Sent): Promise<T> {
  const late = AbortSignal.timeout(path.startsWith("/ops/doctor") ? lengthyWithinMs : answerWithinMs);
  let response: Response;
  let text: string;
  try {
    response = await fetch(basePath + path, {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(key === undefined ? {} : { "idempotency-key": key }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    lost();
    throw new Unreachable();
  }
  found();
  const value: unknown = text === "" ? null : parse(text);
  if (response.ok) return value as T;
  throw new Problem(response.status, (value ?? {}) as Record<string, unknown>, response.headers.get("retry-after"));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // a page of something in between, such as a proxy
    return null;
  }
}

/** `?a=1&b=2` of what is set; empty without any. */
export function query(values: Record<string, string | number | boolean | null | undefined>): string {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return text === "" ? "" : `?${text}`;
}
