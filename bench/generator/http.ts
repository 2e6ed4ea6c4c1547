import { Client, Pool, type Dispatcher } from "undici";

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
}

/** Sends calls over connections that stay open. `lane`: whose connection, where each client has its own. */
export interface Http {
  send(call: Call, lane: number): Promise<Answer>;
  /** Gives each piece of an answer that does not end. */
  listen(call: Call, onText: (text: string) => void): Promise<void>;
  close(): Promise<void>;
}

const answerWithinMs = 30_000;
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

/** Below `request()`, which would make a stream and an abort signal for every answer. */
function exchange(dispatcher: Dispatcher, { method, path, headers, body, wantsBody = false }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let text = "";
    dispatcher.dispatch(
      { method, path, headers, body: body ?? null },
      {
        onRequestStart: ignore,
        onResponseStart: (_controller, code) => void (status = code),
        onResponseData: (_controller, chunk) => {
          if (wantsBody || status >= 400) text += chunk.toString();
        },
        onResponseEnd: () => resolve({ status, body: text }),
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
