import { Agent, request, type IncomingHttpHeaders } from "node:http";

/** What came of one request: an answer, or why there was none. */
export type Exchange =
  { answered: true; status: number; headers: IncomingHttpHeaders; body: unknown } | { answered: false; why: string };

export interface HttpRequest {
  /** `http://127.0.0.1:3000` */
  gateway: string;
  method: string;
  /** With its base, such as `/api/v1/orders`. */
  path: string;
  token?: string | null;
  key?: string | null;
  body?: unknown;
  timeoutMs: number;
  /** Hangs up once all is sent. */
  abandon?: boolean;
}

// A connection each: on one that is kept, nobody could tell whether a request was read before the other side closed it.
const agent = new Agent({ keepAlive: false });

/** Asks once; always resolves, at the latest after `timeoutMs`. */
export function exchange(asked: HttpRequest): Promise<Exchange> {
  const { gateway, method, path, token, key, body, timeoutMs, abandon = false } = asked;
  const text = body === undefined ? null : JSON.stringify(body);
  return new Promise((resolve) => {
    const req = request(`${gateway}${path}`, {
      agent,
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(key ? { "idempotency-key": key } : {}),
        ...(text === null ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
      },
    });
    const end = (result: Exchange): void => {
      clearTimeout(timer);
      resolve(result);
      if (!result.answered) req.destroy();
    };
    const timer = setTimeout(() => end({ answered: false, why: "TIMEOUT" }), timeoutMs);
    req.on("error", (error: NodeJS.ErrnoException) => end({ answered: false, why: error.code ?? error.message }));
    req.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", (error: NodeJS.ErrnoException) =>
        end({ answered: false, why: error.code ?? error.message }),
      );
      response.on("end", () => {
        const { statusCode = 0, headers } = response;
        end({ answered: true, status: statusCode, headers, body: parsed(Buffer.concat(chunks).toString()) });
      });
    });
    if (abandon) req.on("finish", () => end({ answered: false, why: "HUNG_UP" }));
    req.end(text ?? undefined);
  });
}

/** Undefined when it is not JSON. */
function parsed(text: string): unknown {
  try {
    return text === "" ? null : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
