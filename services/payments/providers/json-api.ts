import type { Static, TSchema } from "@sinclair/typebox";
import { askHttp } from "../../../lib/ask-http.ts";
import { messageOf } from "../../../lib/errors.ts";
import { traceHeaders } from "../../../lib/request-context.ts";
import { compileSchema } from "../../../lib/validator.ts";
import { ProviderRefused, ProviderUnavailable } from "./provider.ts";

export interface JsonRequest {
  path: string;
  /** The idempotency key. */
  key?: string;
  /** Without one it is a GET, with one a POST. */
  body?: object;
  signal: AbortSignal;
}

export interface JsonApiOptions {
  /** What errors call it. */
  name: string;
  url: string;
  headers?: Readonly<Record<string, string>>;
}

export type JsonApi = <T extends TSchema>(schema: T, request: JsonRequest) => Promise<Static<T>>;

/** With a code of the provider's own, these say that the request was refused before anything was done. */
const refusals = new Set([400, 404, 413, 422]);

/**
 * Requests to a provider that speaks JSON, and refuses with `{"code": "…"}`. Whatever is not an answer to a request leaves
 * the outcome unknown: ProviderUnavailable.
 */
export function jsonApi({ name, url, headers = {} }: JsonApiOptions): JsonApi {
  const checks = new Map<TSchema, ReturnType<typeof compileSchema>>();

  const send = async ({ path, key, body, signal }: JsonRequest): Promise<{ status: number; text: string }> => {
    try {
      return await askHttp(`${url}${path}`, {
        method: body ? "POST" : "GET",
        headers: {
          "content-type": "application/json",
          ...headers,
          ...traceHeaders(),
          ...(key === undefined ? {} : { "idempotency-key": key }),
        },
        body: body && JSON.stringify(body),
        signal,
      });
    } catch (cause) {
      throw new ProviderUnavailable(`${name} cannot be reached: ${messageOf(cause)}`, { cause });
    }
  };

  return async (schema, request) => {
    const { status, text } = await send(request);
    const answer = parsedJson(text);
    if (status !== 200) {
      const code = codeIn(answer);
      // without the code it may be something on the way that answers, and the request may have gone through
      if (refusals.has(status) && code !== null) throw new ProviderRefused(code);
      throw new ProviderUnavailable(`${name} answered ${status}`, { answered: status >= 500 || status === 429 });
    }
    const check = checks.get(schema) ?? compileSchema(schema);
    checks.set(schema, check);
    if (check(answer) !== true) throw new ProviderUnavailable(`${name} answered something that is no answer`);
    return answer;
  };
}

/** Undefined for what is no JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function codeIn(answer: unknown): string | null {
  const { code } = (answer ?? {}) as { code?: unknown };
  return typeof code === "string" && /^\w{1,64}$/.test(code) ? code : null;
}
