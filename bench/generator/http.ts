import { Client, Pool, type Dispatcher } from "undici";
import { delay } from "../../lib/time.ts";

export interface Call {
  method: "GET" | "POST";
  path: string;
  /** Names and values, one after another. */
  headers: string[];
  body?: string;
  /** Otherwise what is answered is read and dropped. */
  wantsBody?: boolean;
}

export interface Answer {
  status: number;
  body: string;
  /** When a refused caller is told to come again; null where nothing is said. */
  retryAfterMs?: number | null;
}

/** Sends calls over connections that stay open. `lane`: whose connection, where each client has its own. */
export interface Http {
  send(call: Call, lane: number): Promise<Answer>;
  /** Gives each piece of an answer that does not end. */
  listen(call: Call, onText: (text: string) => void): Promise<void>;
  close(): Promise<void>;
}

const answerWithinMs = 30_000;
/** Who is refused at once would only ask more often. */
const leastRestMs = 10;
const options = { headersTimeout: answerWithinMs, bodyTimeout: answerWithinMs, pipelining: 1 };

/**
 * `lanes`: a connection for each; `shared`: so many for all, which wait in a queue when none is free. Lanes and listeners
 * are spread over the urls.
 */
export function http(urls: readonly string[], connections: { lanes: number } | { shared: number }): Http {
  const urlOf = (n: number): string => urls[n % urls.length] ?? "";
  const lanes =
    "lanes" in connections
      ? Array.from({ length: connections.lanes }, (_, lane) => new Client(urlOf(lane), options))
      : urls.map((url) => new Pool(url, { ...options, connections: Math.ceil(connections.shared / urls.length) }));
  const listeners: Client[] = [];
  return {
    send: (call, lane) => exchange(lanes[lane % lanes.length] as Dispatcher, call),
    listen(call, onText) {
      const client = new Client(urlOf(listeners.length), { ...options, bodyTimeout: 0 });
      listeners.push(client);
      return listen(client, call, onText);
    },
    async close() {
      await Promise.all(listeners.map((client) => client.destroy()));
      await Promise.all(lanes.map((lane) => lane.destroy()));
    },
  };
}

export interface Patient extends Http {
  /** How often somebody was told to come again. */
  readonly refused: number;
}

/** Sends what is refused again when it is told to, as clients do, for no longer than until `untilMs` of this process. */
export function patient(client: Http, untilMs: number): Patient {
  let refused = 0;
  return {
    ...client,
    get refused() {
      return refused;
    },
    async send(call, lane) {
      for (;;) {
        const answer = await client.send(call, lane);
        if (answer.status !== 429 && answer.status !== 503) return answer;
        refused += 1;
        const restMs = Math.max(leastRestMs, answer.retryAfterMs ?? 0);
        if (performance.now() + restMs > untilMs) return answer;
        await delay(restMs);
      }
    },
  };
}

/** Below `request()`, which would make a stream and an abort signal for every answer. */
function exchange(dispatcher: Dispatcher, { method, path, headers, body, wantsBody = false }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let retryAfterMs: number | null = null;
    let text = "";
    dispatcher.dispatch(
      { method, path, headers, body: body ?? null },
      {
        onRequestStart: ignore,
        onResponseStart(_controller, code, { "retry-after": seconds }) {
          status = code;
          if (seconds !== undefined) retryAfterMs = Number(seconds) * 1_000;
        },
        onResponseData: (_controller, chunk) => {
          if (wantsBody || status >= 400) text += chunk.toString();
        },
        onResponseEnd: () => resolve({ status, body: text, retryAfterMs }),
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}

/** Resolves when the answer has begun. */
function listen(client: Client, { method, path, headers }: Call, onText: (text: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    client.dispatch(
      { method, path, headers },
      {
        onRequestStart: ignore,
        onResponseStart: (_controller, code) => (code === 200 ? resolve() : reject(new Error(`HTTP ${code}`))),
        onResponseData: (_controller, chunk) => onText(chunk.toString()),
        onResponseEnd: ignore,
        // also how it ends when it is closed
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}

const ignore = (): void => undefined;
