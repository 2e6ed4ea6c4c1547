import type { ServerResponse } from "node:http";
import type { Actions, Bus } from "../../contracts/bus.ts";
import type { AccessToken } from "../../lib/access-token.ts";
import { DomainError } from "../../lib/errors.ts";
import { Poller } from "../../lib/poller.ts";
import { delay } from "../../lib/time.ts";

// Server-sent events: a person's notifications as they come. The numbers by which a client resumes are those under
// which notify keeps them, so what happened while nobody listened is not lost.

export interface Streams {
  /** Answers with a stream that begins after `lastEventId`, or with what is new from now on. */
  open(res: ServerResponse, session: AccessToken, lastEventId: string | undefined): Promise<void>;
  /** This person has something new; `items`, as far as the one who says so knows them. */
  wake(userId: string, items?: readonly Item[]): void;
  endWhere(ended: (session: AccessToken) => boolean): void;
  /** Ends all streams and opens none again. */
  close(): Promise<void>;
}

export interface StreamOptions {
  bus: Bus;
  onError: (error: unknown) => void;
  /** How often a stream looks by itself in case a hint was lost; a quiet one then sends a sign of life. */
  lookEveryMs?: number;
  perUser?: number;
}

type Since = Actions["notify.since"]["result"];
type Item = Since["items"][number];

const pageSize = 100;

/** How soon a client may come back when its stream was cut. */
const reconnectMs = 2_000;

/** The longest time Node's timers can wait. */
const maxTimerMs = 2 ** 31 - 1;

export function streams({ bus, onError, lookEveryMs = 10_000, perUser = 10 }: StreamOptions): Streams {
  const open = new Map<string, Set<Stream>>();
  let closed = false;

  const all = (): Stream[] => [...open.values()].flatMap((streams) => [...streams]);
  const forget = (stream: Stream): void => {
    const { userId } = stream.session;
    open.get(userId)?.delete(stream);
    if (open.get(userId)?.size === 0) open.delete(userId);
  };

  return {
    async open(res, session, lastEventId) {
      const { userId } = session;
      const since = (after: number | null): Promise<Since> =>
        bus.call("notify.since", { userId, after, limit: pageSize });
      const { last } = await since(null);
      if (closed) throw new DomainError("unavailable", "SERVICE_UNAVAILABLE", "This node is being stopped.");
      const siblings = open.get(userId) ?? new Set();
      if (siblings.size >= perUser) {
        throw new DomainError("too_many", "TOO_MANY_STREAMS", `More than ${perUser} streams at a time.`, {
          retryAfterSeconds: 10,
        });
      }
      const after = /^\d{1,15}$/.test(lastEventId ?? "") ? Math.min(Number(lastEventId), last) : last;
      const stream = new Stream({ res, session, since, after, lookEveryMs, onError, onEnd: forget });
      open.set(userId, siblings.add(stream));
      stream.start();
    },
    wake(userId, items = []) {
      for (const stream of open.get(userId) ?? []) stream.wake(items);
    },
    endWhere(ended) {
      for (const stream of all()) if (ended(stream.session)) void stream.end();
    },
    async close() {
      closed = true;
      await Promise.all(all().map((stream) => stream.end()));
    },
  };
}

interface StreamParts {
  res: ServerResponse;
  session: AccessToken;
  since: (after: number) => Promise<Since>;
  after: number;
  lookEveryMs: number;
  onError: (error: unknown) => void;
  onEnd: (stream: Stream) => void;
}

class Stream {
  readonly session: AccessToken;
  private readonly parts: StreamParts;
  private readonly poller: Poller;
  private after: number;
  /** What a hint brought along. */
  private brought: Item[] = [];
  private ending: Promise<void> | null = null;
  private expiry: NodeJS.Timeout | null = null;

  constructor(parts: StreamParts) {
    this.parts = parts;
    this.session = parts.session;
    this.after = parts.after;
    this.poller = new Poller({
      name: "notification stream",
      idleMs: parts.lookEveryMs,
      pass: () => this.pass(),
      onError: parts.onError,
    });
  }

  start(): void {
    const { res, session } = this.parts;
    res.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      // proxies must not collect what should arrive at once
      "X-Accel-Buffering": "no",
    });
    // an id without data: whoever loses the connection before the first event resumes from here
    res.write(`retry: ${reconnectMs}\nid: ${this.after}\n\n`);
    res.once("close", () => void this.end());
    this.expiry = setTimeout(() => void this.end(), Math.min(maxTimerMs, session.expiresAtMs - Date.now())).unref();
    this.poller.start();
  }

  wake(items: readonly Item[]): void {
    this.brought = [...this.brought, ...items].slice(-pageSize);
    this.poller.wake();
  }

  /** Resolves when nothing is read for it any more. */
  end(): Promise<void> {
    if (!this.ending) {
      this.ending = this.poller.stop();
      if (this.expiry) clearTimeout(this.expiry);
      this.parts.onEnd(this);
      this.parts.res.end();
    }
    return this.ending;
  }

  /** True when there may be more to send at once. */
  private async pass(): Promise<boolean> {
    const items = this.takeBrought() ?? (await this.read());
    if (this.ending) return false;
    if (items.length === 0) await this.write(": still here\n\n");
    for (const { sequence, notification } of items) {
      await this.write(`id: ${sequence}\nevent: notification\ndata: ${JSON.stringify(notification)}\n\n`);
      this.after = sequence;
    }
    return items.length === pageSize;
  }

  /** What was brought, where it goes on from here: then nobody has to be asked. Null otherwise. */
  private takeBrought(): Item[] | null {
    const items = this.brought.splice(0).filter(({ sequence }) => sequence > this.after);
    items.sort((a, b) => a.sequence - b.sequence);
    const goesOn = items.length > 0 && items.every(({ sequence }, i) => sequence === this.after + i + 1);
    return goesOn ? items : null;
  }

  /** A look that fails is repeated at the usual pace: waiting ever longer would only delay what people wait for. */
  private async read(): Promise<Since["items"]> {
    try {
      return (await this.parts.since(this.after)).items;
    } catch (error) {
      this.parts.onError(error);
      return [];
    }
  }

  /** Resolves when the client has room for more; drops one that has not read for as long as between two looks. */
  private async write(text: string): Promise<void> {
    const { res, lookEveryMs } = this.parts;
    if (this.ending || res.destroyed || res.write(text)) return;
    const room = new AbortController();
    const end = (): void => room.abort();
    res.once("drain", end).once("close", end);
    await delay(lookEveryMs, room.signal);
    res.off("drain", end).off("close", end);
    if (!room.signal.aborted) res.destroy();
  }
}
