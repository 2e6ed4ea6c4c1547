import { problemTitles, type ProblemCode } from "../../contracts/problem-titles.ts";
import { DomainError, isOverload, overloaded, statusOf, type FieldError } from "../../lib/errors.ts";

/** A refusal of HTTP's own, which no service knows of: a method, a body, a header. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly code: ProblemCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: ProblemCode, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.name = "HttpRefusal";
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** An RFC 9457 document and the headers that go with it. */
export interface Problem {
  status: number;
  headers: Record<string, string>;
  body: {
    type: string;
    title: string;
    status: number;
    detail: string;
    code: string;
    requestId: string;
    errors?: FieldError[];
    [member: string]: unknown;
  };
}

interface Refusal {
  status: number;
  code: string;
  detail: string;
  data?: Record<string, unknown>;
  headers?: Readonly<Record<string, string>>;
}

/** Members that data of an error must not replace, and the one that is a header. */
const reserved = new Set(["type", "title", "status", "detail", "code", "requestId", "errors", "retryAfterSeconds"]);

/**
 * What a client is told of an error, be it thrown here or by a service on another node. Only refusals speak for
 * themselves; of everything else the client learns that it went wrong, and nothing about where.
 */
export function toProblem(error: unknown, requestId: string): Problem {
  const { status, code, detail, data = {}, headers = {} } = refusalIn(error);
  const members = Object.fromEntries(Object.entries(data).filter(([name]) => !reserved.has(name)));
  const errors = fieldErrorsIn(data.errors);
  return {
    status,
    headers: { ...headers, ...standardHeaders(status, data.retryAfterSeconds, headers) },
    body: {
      type: `urn:enterprise-hub:problem:${code.toLowerCase().replaceAll("_", "-")}`,
      title: titleOf(code),
      status,
      detail,
      code,
      requestId,
      ...(errors.length > 0 ? { errors } : {}),
      ...members,
    },
  };
}

function standardHeaders(
  status: number,
  retryAfterSeconds: unknown,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const headers: Record<string, string> = {};
  if (typeof retryAfterSeconds === "number" && retryAfterSeconds >= 0) {
    headers["Retry-After"] = String(Math.max(1, Math.ceil(retryAfterSeconds)));
  } else if ((status === 429 || status === 503) && given["Retry-After"] === undefined) {
    headers["Retry-After"] = "1";
  }
  if (status === 401 && given["WWW-Authenticate"] === undefined) headers["WWW-Authenticate"] = "Bearer";
  return headers;
}

/** A node of a newer version may refuse with a code that is not known here yet: its words are the title then. */
export function titleOf(code: string): string {
  if (isKnown(code)) return problemTitles[code];
  const words = code.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const isKnown = (code: string): code is ProblemCode => Object.hasOwn(problemTitles, code);

const unavailable: Refusal = {
  status: 503,
  code: "SERVICE_UNAVAILABLE",
  detail: "A part of the system cannot be reached. Try again.",
};

/** What Moleculer throws when a call did not reach a service, or its answer did not come back. */
const unreachable = new Set([
  "SERVICE_NOT_FOUND",
  "SERVICE_NOT_AVAILABLE",
  "REQUEST_TIMEOUT",
  "REQUEST_SKIPPED",
  "REQUEST_REJECTED",
  "BAD_GATEWAY",
]);

const unreachableNames = new Set([
  "ServiceNotFoundError",
  "ServiceNotAvailableError",
  "ServiceUnavailableError",
  "RequestTimeoutError",
  "RequestSkippedError",
  "RequestRejectedError",
  "BrokerDisconnectedError",
]);

const databaseAway = /^Sequelize(Connection|HostNot|InvalidConnection|AccessDenied)/;

interface Thrown {
  name: string;
  code: unknown;
  type: unknown;
  message: string;
  data: Record<string, unknown> | unknown[];
}

function refusalIn(error: unknown): Refusal {
  if (error instanceof HttpRefusal) {
    return { status: error.status, code: error.code, detail: error.message, headers: error.headers };
  }
  if (error instanceof DomainError) {
    return { status: statusOf[error.kind], code: error.code, detail: error.message, data: error.data };
  }
  const { name, code, type, message, data } = thrown(error);
  if (type === "VALIDATION_ERROR") {
    return {
      status: 422,
      code: "VALIDATION_FAILED",
      detail: "The request has fields that are not valid.",
      data: { errors: Array.isArray(data) ? data : [] },
    };
  }
  // an action of which only so many may run, and wait, at a time
  if (isOverload(error)) return refusalIn(overloaded());
  if (unreachableNames.has(name) || unreachable.has(String(type)) || databaseAway.test(name)) return unavailable;
  if (type === "UNABLE_DECODE_PARAM") {
    return { status: 400, code: "MALFORMED_PATH", detail: "The path is not well-formed UTF-8." };
  }
  // how refusals look that came over the bus: see the domain-errors middleware
  const refused = name === "MoleculerClientError" || (name === "MoleculerRetryableError" && code === 503);
  if (refused && isStatus(code) && typeof type === "string" && /^[A-Z][A-Z0-9_]*$/.test(type)) {
    return { status: code, code: type, detail: message, data: Array.isArray(data) ? {} : data };
  }
  return { status: 500, code: "INTERNAL", detail: "Something went wrong on our side." };
}

const isStatus = (code: unknown): code is number => typeof code === "number" && code >= 400 && code <= 599;

function thrown(error: unknown): Thrown {
  const { name, code, type, message, data } = (typeof error === "object" && error !== null ? error : {}) as Partial<
    Record<keyof Thrown, unknown>
  >;
  return {
    name: String(name),
    code,
    type,
    message: String(message),
    data: typeof data === "object" && data !== null ? (data as Record<string, unknown>) : {},
  };
}

/** Lists the three members by name: over the bus each also carries the node and the action. */
function fieldErrorsIn(value: unknown): FieldError[] {
  if (!Array.isArray(value)) return [];
  return (value as Partial<FieldError>[]).map(({ field, code, message }) => ({
    field: String(field),
    code: typeof code === "string" ? code : "INVALID",
    message: String(message),
  }));
}
