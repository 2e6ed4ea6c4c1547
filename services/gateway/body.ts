import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { DomainError } from "../../lib/errors.ts";
import { HttpRefusal } from "./problem.ts";

export const maxJsonBytes = 100 * 1024;
export const maxCsvBytes = 20 * 1024 * 1024;
const maxDepth = 32;

/** Keys by which JSON could reach the prototypes of objects. */
export const forbiddenKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

export type Json = Record<string, unknown>;

/** The whole body; what is beyond `maxBytes` is refused, at once when its length was announced. */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  // the server has ended it already
  if (!hasBody(req)) return Promise.resolve(Buffer.alloc(0));
  if (Number(req.headers["content-length"] ?? 0) > maxBytes) return Promise.reject(tooLarge(maxBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (settle: () => void): void => {
      req.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
      settle();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      // the rest is read and dropped, so that the client gets to read the answer
      if (size > maxBytes) finish(() => (req.resume(), reject(tooLarge(maxBytes))));
    };
    const onEnd = (): void =>
      finish(() => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    const onGone = (): void =>
      finish(() => reject(new HttpRefusal(400, "BODY_INCOMPLETE", "The body ended before its announced length.")));
    req.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
  });
}

const tooLarge = (maxBytes: number): HttpRefusal =>
  new HttpRefusal(413, "PAYLOAD_TOO_LARGE", `The body is larger than ${Math.floor(maxBytes / 1024)} KB.`);

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

/** An object of JSON; an absent body counts as an empty one. */
export async function readJson(req: IncomingMessage, maxBytes = maxJsonBytes): Promise<Json> {
  if (!hasBody(req)) return {};
  requireType(req, "application/json");
  return parseJson(await readBody(req, maxBytes));
}

export async function readCsv(req: IncomingMessage): Promise<string> {
  const charset = requireType(req, "text/csv") ?? "utf-8";
  const bytes = await readBody(req, maxCsvBytes);
  // exports of spreadsheets name it when it is not UTF-8
  if (/^(iso-8859-1|windows-1252)$/.test(charset)) return new TextDecoder("windows-1252").decode(bytes);
  if (charset !== "utf-8" && charset !== "us-ascii") throw wrongType("text/csv in UTF-8");
  if (!isUtf8(bytes)) throw new HttpRefusal(400, "MALFORMED_TEXT", "The body is not valid UTF-8.");
  return new TextDecoder().decode(bytes);
}

/** The charset the body is said to have; refuses another type, and compressed bodies. */
export function requireType({ headers }: IncomingMessage, wanted: string): string | undefined {
  const [type, ...parameters] = (headers["content-type"] ?? "").toLowerCase().split(";");
  if (type?.trim() !== wanted) throw wrongType(wanted);
  if ((headers["content-encoding"] ?? "identity") !== "identity") throw wrongType(`${wanted} that is not compressed`);
  const charset = parameters.map((parameter) => /^\s*charset="?([\w-]+)"?\s*$/.exec(parameter)?.[1]).find(Boolean);
  if (wanted === "application/json" && charset !== undefined && charset !== "utf-8" && charset !== "utf8") {
    throw wrongType("application/json in UTF-8");
  }
  return charset === "utf8" ? "utf-8" : charset;
}

const wrongType = (wanted: string): HttpRefusal =>
  new HttpRefusal(415, "UNSUPPORTED_MEDIA_TYPE", `The body must be ${wanted}.`);

/** Parses bytes of JSON and refuses what is not an object, is nested too deep, or names a prototype. */
export function parseJson(bytes: Buffer): Json {
  if (bytes.length === 0) return {};
  if (!isUtf8(bytes)) throw malformed();
  const value = parse(bytes.toString());
  inspect(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid("body", "WRONG_TYPE", "must be an object");
  }
  return value as Json;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // the parser's words quote the body
    throw malformed();
  }
}

const malformed = (): HttpRefusal => new HttpRefusal(400, "MALFORMED_JSON", "The body is not well-formed JSON.");

/** Walks level by level instead of calling itself: a body of brackets must not exhaust the stack. */
function inspect(root: unknown): void {
  let level: object[] = typeof root === "object" && root !== null ? [root] : [];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > maxDepth) {
      throw new HttpRefusal(400, "JSON_TOO_DEEP", `The body is nested deeper than ${maxDepth} levels.`);
    }
    const next: object[] = [];
    for (const value of level) {
      for (const [key, part] of Object.entries(value)) {
        if (forbiddenKeys.has(key)) throw unknownField(key);
        if (typeof part === "object" && part !== null) next.push(part as object);
      }
    }
    level = next;
  }
}

export const unknownField = (field: string): DomainError => invalid(field, "UNKNOWN_FIELD", "is not a known field");

export function invalid(field: string, code: string, message: string): DomainError {
  return new DomainError("invalid", "VALIDATION_FAILED", "The request has fields that are not valid.", {
    errors: [{ field: field.slice(0, 200), code, message }],
  });
}
