import { readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { askHttp, type HttpAnswer } from "../lib/ask-http.ts";

/** A sentence for the person at the terminal; shown without a stack. */
export class ScriptError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ScriptError";
  }
}

/** An answer of the system that is not a success, as its problem document says it. */
export class Refused extends ScriptError {
  readonly status: number;
  readonly code: string;
  readonly problem: Readonly<Record<string, unknown>>;
  /** From `Retry-After`, where the answer has one. */
  readonly retryAfterSeconds: number | null;

  constructor(status: number, problem: Record<string, unknown>, what: string, retryAfterSeconds: number | null) {
    const code = typeof problem.code === "string" ? problem.code : "UNKNOWN";
    const detail = typeof problem.detail === "string" ? problem.detail : "The answer was no problem document.";
    super(`${what} was refused with ${status} ${code}: ${detail}`);
    this.name = "Refused";
    this.status = status;
    this.code = code;
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** No usable answer came: what was asked may have happened or not. */
export class NoAnswer extends ScriptError {
  constructor(message: string, cause: unknown) {
    super(message);
    this.name = "NoAnswer";
    this.cause = cause;
  }
}

export interface RestRequest {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as `text/csv`, in place of `body`. */
  csv?: string;
  token?: string;
  headers?: Record<string, string>;
  timeoutMs?: number;
}

export interface RestAnswer<T> {
  status: number;
  headers: IncomingHttpHeaders;
  body: T;
}

export interface RestClient {
  readonly baseUrl: string;
  /** Asks for a path under `/api/v1`, such as `/orders`; a status of 400 or more rejects with Refused. */
  send<T>(path: string, request?: RestRequest): Promise<RestAnswer<T>>;
}

const defaultTimeoutMs = 30_000;

/** A client of the REST interface at `baseUrl`, such as `http://127.0.0.1:3000`. */
export function restClient(baseUrl: string): RestClient {
  const base = baseUrl.replace(/\/+$/, "");
  return {
    baseUrl: base,
    async send<T>(path: string, request: RestRequest = {}) {
      const method = request.method ?? "GET";
      const what = `${method} ${path.replace(/\?.*$/, "")}`;
      const { status, headers, text } = await exchange(`${base}/api/v1${path}`, method, request, what);
      const body = jsonOf(text);
      if (status >= 400) throw new Refused(status, asRecord(body), what, retryAfterOf(headers));
      if (body === undefined && text !== "") throw new NoAnswer(`${what}: ${base} did not answer in JSON.`, text);
      return { status, headers, body: body as T };
    },
  };
}

async function exchange(url: string, method: string, request: RestRequest, what: string): Promise<HttpAnswer> {
  const { body, csv, token, headers, timeoutMs = defaultTimeoutMs } = request;
  const contentType = csv !== undefined ? "text/csv" : body !== undefined ? "application/json" : null;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    return await askHttp(url, {
      method,
      headers: {
        accept: "application/json",
        ...(contentType ? { "content-type": contentType } : {}),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...headers,
      },
      body: csv ?? (body === undefined ? undefined : JSON.stringify(body)),
      signal,
    });
  } catch (error) {
    const { origin } = new URL(url);
    const reason = signal.aborted ? `${origin} did not answer within ${timeoutMs} ms.` : noAnswerReason(error, origin);
    throw new NoAnswer(`${what}: ${reason}`, error);
  }
}

function noAnswerReason(error: unknown, origin: string): string {
  const { code } = error as { code?: string };
  if (code === "ECONNREFUSED") return `nothing listens at ${origin}. Is the system running (npm start)?`;
  return `the connection to ${origin} failed (${code ?? String(error)}).`;
}

function jsonOf(text: string): unknown {
  try {
    return text === "" ? null : (JSON.parse(text) as unknown);
  } catch {
    // not JSON: the caller says so
    return undefined;
  }
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

function retryAfterOf(headers: IncomingHttpHeaders): number | null {
  const seconds = headers["retry-after"];
  return seconds !== undefined && /^\d+$/.test(seconds) ? Number(seconds) : null;
}

/**
 * Signs in as the first administrator; answers with the access token. The password is the configured one, or the one
 * that the first start wrote to the data directory.
 */
export async function signInAsAdmin(client: RestClient, { admin, dataDir }: Config): Promise<string> {
  const password = admin.password ?? generatedPassword(dataDir);
  const { body } = await client.send<{ accessToken: string }>("/auth/login", {
    method: "POST",
    body: { email: admin.email, password },
  });
  return body.accessToken;
}

function generatedPassword(dataDir: string): string {
  const path = join(dataDir, "admin-password");
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new ScriptError(
      `The administrator's password is not known: ADMIN_PASSWORD is unset and ${path} cannot be read (${(error as { code?: string }).code ?? "unknown error"}).`,
    );
  }
}
