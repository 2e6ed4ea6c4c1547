import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";

export interface HttpQuestion {
  method: string;
  headers: Readonly<Record<string, string>>;
  body?: string | undefined;
  /** Ends the wait. */
  signal: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/**
 * Asks an HTTP server, over a connection that is kept for the next question. Resolves with whatever it answers, a redirect
 * included, which is not followed; rejects without a whole answer. Not `fetch`: that takes three times the processor time
 * (0.42 ms instead of 0.13 for a short POST), and gives up after 300 s without the head of an answer, whatever the signal.
 */
export function askHttp(url: string, { method, headers, body, signal }: HttpQuestion): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const ask = url.startsWith("https:") ? httpsRequest : httpRequest;
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const request = ask(url, { method, headers: { ...headers, ...length }, signal }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => (text += part));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      answer.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}
