import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "../scripts/backing/process.ts";
import { Lane } from "./lane.ts";

/** From the one who connects, and back to him. */
export type Side = "requests" | "replies";

export type Rule =
  | { kind: "pass" }
  | { kind: "latency"; ms: number }
  /** A black hole: what is sent waits here, the end of a connection included, until another rule lets it go on. */
  | { kind: "hold"; sides: readonly Side[] }
  /** Nothing listens, and what was open is broken off. */
  | { kind: "refuse" }
  /**
   * A request, or the reply to it, is swallowed, and the connection broken off: of those whose bytes, as Latin-1, match
   * `of`, so large a share.
   */
  | { kind: "lose"; side: Side; of: RegExp; share: number }
  /** Whatever is asked gets these bytes for an answer; nobody behind hears of it. */
  | { kind: "answer"; bytes: Uint8Array };

/** What faults do to a proxy, wherever it runs. */
export interface ProxyControl {
  readonly port: number;
  /** Resolves when the rule is in force. */
  set(rule: Rule): Promise<void>;
  /** Breaks off what is open; new connections go on under the rule. */
  reset(): void;
  stop(): Promise<void>;
}

export interface Proxy extends ProxyControl {
  /** How many connections are open. */
  readonly connections: number;
  /** How many requests or replies were swallowed, or answered here, since the rule was set. */
  readonly struck: number;
}

/** A TCP proxy on 127.0.0.1; each connection goes to the next of the ports that takes it. */
export async function startProxy(ports: () => readonly number[]): Promise<Proxy> {
  const port = await freePort();
  const links = new Set<Link>();
  let rule: Rule = { kind: "pass" };
  let struck = 0;
  let turn = 0;
  const view: View = {
    rule: () => rule,
    strike: () => void (struck += 1),
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    turn += 1;
    const link = new Link(client, inTurn(ports(), turn), view, () => links.delete(link));
    links.add(link);
  });
  const reset = (): void => {
    for (const link of [...links]) link.breakOff();
  };
  await listen(server, port);
  return {
    port,
    get connections() {
      return links.size;
    },
    get struck() {
      return struck;
    },
    async set(next) {
      rule = next;
      struck = 0;
      if (next.kind === "refuse") {
        const closed = server.listening ? close(server) : null;
        reset();
        await closed;
        return;
      }
      if (!server.listening) await listen(server, port);
      for (const link of links) link.pump();
    },
    reset,
    async stop() {
      const closed = server.listening ? close(server) : null;
      reset();
      await closed;
    },
  };
}

interface View {
  rule: () => Rule;
  strike: () => void;
}

/** One client's connection and ours in its place. */
class Link {
  readonly #client: Socket;
  #server: Socket | null = null;
  readonly #requests: Lane;
  readonly #replies: Lane;
  readonly #view: View;
  readonly #onEnd: () => void;
  #ended = false;
  /** The next reply is to be lost. */
  #losing = false;
  /** The client was answered here. */
  #answered = false;

  constructor(client: Socket, ports: readonly number[], view: View, onEnd: () => void) {
    this.#client = client;
    this.#view = view;
    this.#onEnd = onEnd;
    const gate = (side: Side) => ({
      isShut: () => isHeld(view.rule(), side),
      delayMs: () => latencyOf(view.rule()),
      broken: () => this.breakOff(),
    });
    this.#requests = new Lane(gate("requests"));
    this.#replies = new Lane(gate("replies"));
    this.#replies.opens(client);
    client.setNoDelay(true);
    this.#requests.reads(client);
    this.#follow(client, this.#requests, (bytes) => this.#onRequest(bytes));
    this.#reach(ports);
  }

  pump(): void {
    this.#requests.pump();
    this.#replies.pump();
  }

  breakOff(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const socket of [this.#client, this.#server]) if (socket) reset(socket);
    for (const lane of [this.#requests, this.#replies]) lane.close();
    this.#onEnd();
  }

  /** Connects to the first of the ports that takes the connection. */
  #reach([port, ...others]: readonly number[]): void {
    if (this.#ended) return;
    if (port === undefined) return this.breakOff();
    const server = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    this.#server = server;
    const refused = (): void => this.#reach(others);
    server.once("error", refused);
    server.once("connect", () => {
      server.off("error", refused);
      this.#replies.reads(server);
      this.#follow(server, this.#replies, (bytes) => this.#onReply(bytes));
      this.#requests.opens(server);
    });
  }

  #follow(socket: Socket, lane: Lane, onBytes: (bytes: Buffer) => void): void {
    socket.on("data", onBytes);
    socket.on("end", () => lane.put("end"));
    socket.on("error", () => lane.put("reset"));
    socket.on("close", () => {
      if (this.#client.destroyed && (this.#server?.destroyed ?? true)) this.breakOff();
    });
  }

  #onRequest(bytes: Buffer): void {
    if (this.#answered) return;
    const rule = this.#view.rule();
    if (rule.kind === "answer") {
      this.#view.strike();
      this.#answered = true;
      this.#client.end(rule.bytes);
      return;
    }
    if (rule.kind === "lose" && isLost(rule, bytes)) {
      this.#view.strike();
      if (rule.side === "requests") return this.breakOff();
      this.#losing = true;
    }
    this.#requests.put(bytes);
  }

  #onReply(bytes: Buffer): void {
    if (this.#losing) return this.breakOff();
    this.#replies.put(bytes);
  }
}

/**
 * Node (24.21) fails to reset a socket while its end is being sent, and keeps the handle for good; a thread with such a
 * handle never ends.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

const inTurn = (ports: readonly number[], turn: number): number[] => {
  const first = turn % ports.length;
  return [...ports.slice(first), ...ports.slice(0, first)];
};

const isLost = ({ of, share }: Rule & { kind: "lose" }, request: Buffer): boolean =>
  of.test(request.toString("latin1")) && Math.random() < share;

const isHeld = (rule: Rule, side: Side): boolean => rule.kind === "hold" && rule.sides.includes(side);

const latencyOf = (rule: Rule): number => (rule.kind === "latency" ? rule.ms : 0);

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
