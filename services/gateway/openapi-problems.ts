import { STATUS_CODES } from "node:http";
import type { ProblemCode } from "../../contracts/problem-titles.ts";

const schema = { $ref: "#/components/schemas/Problem" };
const content = { "application/problem+json": { schema } };
const retryAfter = { "Retry-After": { description: "seconds to wait", schema: { type: "integer" } } };

const words: Readonly<Record<number, string>> = {
  400: "Not well-formed.",
  401: "No access token, or one that is not valid.",
  403: "Not for this role.",
  404: "No such thing, or somebody else's.",
  409: "Not possible in the present state.",
  413: "The body is too large.",
  415: "The body is not of the type it must be.",
  422: "Fields are not valid; `errors` names them.",
  429: "Too many requests.",
  500: "Something went wrong here.",
  503: "A part of the system cannot be reached.",
};

const nameOf = (status: number): string => (STATUS_CODES[status] ?? String(status)).replaceAll(/\W/g, "");

/** The answers that many routes share. */
export const standardResponses: Record<string, object> = Object.fromEntries(
  Object.entries(words).map(([status, description]) => [
    nameOf(Number(status)),
    { description, ...(status === "429" || status === "503" ? { headers: retryAfter } : {}), content },
  ]),
);

/** The status of a refusal's code, for those that are not about the state of something. */
const statuses: Readonly<Partial<Record<ProblemCode, number>>> = {
  INVALID_CREDENTIALS: 401,
  INVALID_REFRESH_TOKEN: 401,
  INVALID_RESET_TOKEN: 422,
  INVALID_SIGNATURE: 401,
  PAYMENT_DECLINED: 402,
  WEAK_PASSWORD: 422,
  UNKNOWN_PRODUCT: 422,
  TOTAL_TOO_LARGE: 422,
  IDEMPOTENCY_KEY_REUSED: 422,
  RATE_LIMITED: 429,
  OVERLOADED: 503,
  PAYMENT_PROVIDER_UNAVAILABLE: 503,
};

export const statusOfCode = (code: ProblemCode): number => statuses[code] ?? 409;

/** Answers by status. Codes of the route itself are named beside what the status always means. */
export function problemResponses(problems: ReadonlyMap<number, readonly string[]>): Record<string, object> {
  return Object.fromEntries(
    [...problems].sort(([a], [b]) => a - b).map(([status, codes]) => [status, responseOf(status, codes)]),
  );
}

function responseOf(status: number, codes: readonly string[]): object {
  if (codes.length === 0) return { $ref: `#/components/responses/${nameOf(status)}` };
  const common = words[status] === undefined ? "" : `${words[status]} Also: `;
  return {
    description: common + codes.map((code) => `\`${code}\``).join(", "),
    ...(status === 429 || status === 503 ? { headers: retryAfter } : {}),
    content,
  };
}
