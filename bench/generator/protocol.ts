import type { Latency } from "../statistics.ts";

// What the generator's process is asked to do, and what it answers.

export interface Account {
  email: string;
  password: string;
}

export interface Placed {
  id: string;
  /** The access token of who placed it. */
  token: string;
}

/** What each request is. Those who act are given by their access tokens, and take turns. */
export type Work =
  | { kind: "get"; requests: readonly { path: string; token?: string }[] }
  | {
      kind: "place";
      tokens: readonly string[];
      skus: readonly string[];
      lines: number;
      /** Orders at most. */
      most?: number;
      /** A client stops when it hears that there is no stock left, which then is no error. */
      untilSoldOut?: boolean;
    }
  | { kind: "pay"; orders: readonly Placed[] }
  | { kind: "checkout"; tokens: readonly string[]; skus: readonly string[]; lines: number }
  | { kind: "login"; accounts: readonly Account[] };

/** How many at once (closed), or how many a second whether or not the earlier ones are answered (open). */
export type Load = { model: "closed"; clients: number } | { model: "open"; perSecond: number; connections: number };

export interface Job {
  /** Gateways, which take turns. */
  urls: readonly string[];
  work: Work;
  load: Load;
  /** Goes before and is not counted. */
  warmMs: number;
  /** The longest that is measured; shorter where the work comes to its end. */
  measureMs: number;
  seed: number;
}

export interface Measured {
  /** How long was measured. */
  seconds: number;
  completed: number;
  perSecond: number;
  /** How many requests a second were due in that time, which of a Poisson process is not quite its rate. */
  duePerSecond: number;
  /** What failed, with how often. */
  errors: Record<string, number>;
  /** How often callers of a closed load were told to come again; they did, and that their requests took longer counts. */
  refused: number;
  latency: Latency;
  /** The same without how late the generator was, to compare what differs by less than that. */
  sinceSent: Latency;
  generator: {
    /** Cores that the generator used. */
    cores: number;
    /** How late it sent what it had to send, at the 99th percentile; part of the latency. */
    lateP99Ms: number;
  };
  /** The orders that were placed, those of the warm-up too. */
  placed: Placed[];
  placedWhileMeasured: number;
}

export type ToGenerator = { job: Job };
export type FromGenerator = { mark: "measuring" | "measured" } | { result: Measured } | { failed: string };
