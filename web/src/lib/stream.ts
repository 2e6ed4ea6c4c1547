import { returns } from "./connection.ts";
import { basePath } from "./http.ts";
import { accessToken, renewed } from "./session.ts";
import { delay } from "./time.ts";

// Server-sent events by fetch: EventSource cannot send the header that says who listens.

interface ServerEvent {
  id: string | null;
  type: string;
  data: string;
}

const firstPauseMs = 1_000;
const mostPauseMs = 15_000;

/** A quiet stream says every 10 s that it lives. */
const silentMs = 30_000;

/** Listens until told to stop; after a break it goes on with what was missed. */
export async function listen(path: string, heard: (event: ServerEvent) => void, signal: AbortSignal): Promise<void> {
  let last: string | null = null;
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    try {
      await listenOnce(path, last, signal, (event) => {
        pauseMs = firstPauseMs;
        last = event.id ?? last;
        if (event.data !== "") heard(event);
      });
    } catch {
      // cut, refused or silent: tried again below
    }
    const back = new AbortController();
    const before = returns.peek();
    const unsubscribe = returns.subscribe((now) => now !== before && back.abort());
    await delay(pauseMs, AbortSignal.any([signal, back.signal]));
    unsubscribe();
    pauseMs = Math.min(mostPauseMs, pauseMs * 2);
  }
}

async function listenOnce(
  path: string,
  last: string | null,
  signal: AbortSignal,
  heard: (event: ServerEvent) => void,
): Promise<void> {
  const token = await accessToken();
  if (token === null) return;
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), silentMs);
  const response = await fetch(basePath + path, {
    headers: {
      authorization: `Bearer ${token}`,
      accept: "text/event-stream",
      ...(last === null ? {} : { "last-event-id": last }),
    },
    signal: AbortSignal.any([signal, silent.signal]),
  });
  if (response.status === 401) await renewed(token);
  if (!response.ok || !response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), silentMs);
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) heard(parse(block));
    }
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => undefined);
  }
}

function parse(block: string): ServerEvent {
  const event: ServerEvent = { id: null, type: "message", data: "" };
  for (const line of block.split("\n")) {
    const [, field, value = ""] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field === "id") event.id = value;
    else if (field === "event") event.type = value;
    else if (field === "data") event.data += event.data === "" ? value : `\n${value}`;
  }
  return event;
}
