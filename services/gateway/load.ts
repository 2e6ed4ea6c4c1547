import { monitorEventLoopDelay } from "node:perf_hooks";
import { isOverload, overloaded } from "../../lib/errors.ts";
import type { Clock } from "../../lib/ids.ts";

/** How much work a gateway takes on at a time: what is too much is refused at once, instead of making everyone wait. */
export interface Load {
  /**
   * False while a request that has just come, for what it asks, is best refused before anything is done for it: before
   * its token and its client's limits are looked at, and its body is read.
   */
  hasRoom(asked: Asked): boolean;
  /** Does what a request asks of a service; rejects with OVERLOADED where there is no room. */
  run<T>(asked: Asked, work: () => Promise<T>): Promise<T>;
  /** Says that a request was refused as too much, in few words for many. */
  told(): void;
  /** How much there is to do now. */
  state(): { underWay: number; most: number; loopDelayMs: number };
  stop(): void;
}

export interface Asked {
  action: string;
  /** Never refused: nobody would ask again, or it is how one learns that there is too much. */
  essential: boolean;
  /** It may have to wait for somebody who is not part of the system. */
  asksOutside: boolean;
  /** So many at a time are all that can be worked on. */
  atMost?: number | undefined;
}

export interface LoadOptions {
  /** Requests that may be worked on at a time. */
  most: number;
  loopDelay: LoopDelay;
  now: Clock;
  /** Called at most once in ten seconds, with how many were refused since the last time. */
  onRefused: (refused: number) => void;
}

/** How late the event loop comes to what is due. */
export interface LoopDelay {
  /** The mean since this was last asked. */
  meanMs(): number;
  stop(): void;
}

/** A refusal has to be answered within 100 ms, and the loop comes to it twice: to read it, and to write the answer. */
const mostDelayMs = 40;

/** However late the loop is, less at a time would not make it faster: full groups of shared transactions need so many. */
const leastAtATime = 256;

/**
 * An action whose quicker answers take this long has a queue: the slower ones would come when their callers have gone and
 * ask again. A payment provider alone may take up to 2 s.
 */
const mostTookMs = 1_000;
const mostTookOutsideMs = 2_300;
const judgedEveryMs = 500;
const fewestToJudge = 4;
/** So many at a time keep an action busy, however slow it is. */
const leastOfOne = 16;
const growthOfOne = 4;

const lookEveryMs = 100;
const growth = 64;
const tellEveryMs = 10_000;

/**
 * The limit shrinks while the event loop is late and grows again when it is not. No service may have more than half of
 * it at its largest, so that one that hangs does not take the others' room; an action whose answers are slow has less.
 */
export function load({ most, loopDelay, now, onRefused }: LoadOptions): Load {
  const least = Math.min(most, leastAtATime);
  const mostOfOne = Math.ceil(most / 2);
  const services = new Map<string, AtService>();
  const shares = new Map<string, Share>();
  let underWay = 0;
  let limit = most;
  let lookedAtMs = now();
  let refused = 0;
  let toldAtMs = -Infinity;
  let loopDelayMs = 0;

  const look = (nowMs: number): void => {
    if (nowMs - lookedAtMs < lookEveryMs) return;
    lookedAtMs = nowMs;
    loopDelayMs = loopDelay.meanMs();
    if (loopDelayMs <= mostDelayMs) limit = Math.min(most, limit + growth);
    else limit = Math.max(least, Math.floor(Math.min(limit, underWay) * 0.8));
  };
  const serviceOf = (action: string): AtService => {
    const name = action.split(".", 1)[0] ?? "";
    const known = services.get(name) ?? { underWay: 0 };
    services.set(name, known);
    return known;
  };
  const shareOf = ({ action, asksOutside, atMost = Infinity }: Asked): Share => {
    const known = shares.get(action);
    if (known) return known;
    const took = asksOutside ? mostTookOutsideMs : mostTookMs;
    const of = { most: Math.min(mostOfOne, atMost), mostTookMs: took, nowMs: now(), service: serviceOf(action) };
    const share = new Share(of);
    shares.set(action, share);
    return share;
  };
  const hasRoom = (share: Share, nowMs: number): boolean => {
    share.look(nowMs);
    return underWay < limit && share.service.underWay < mostOfOne && share.hasRoom;
  };

  return {
    hasRoom(asked) {
      const nowMs = now();
      look(nowMs);
      return asked.essential || hasRoom(shareOf(asked), nowMs);
    },
    async run(asked, work) {
      const share = shareOf(asked);
      const startedMs = now();
      if (!hasRoom(share, startedMs) && !asked.essential) throw overloaded();
      underWay += 1;
      share.service.underWay += 1;
      share.underWay += 1;
      try {
        return await work();
      } catch (error) {
        if (isOverload(error)) share.wasFull();
        throw error;
      } finally {
        underWay -= 1;
        share.service.underWay -= 1;
        share.ended(now() - startedMs);
      }
    },
    told() {
      refused += 1;
      if (now() - toldAtMs < tellEveryMs) return;
      toldAtMs = now();
      onRefused(refused);
      refused = 0;
    },
    state() {
      look(now());
      return { underWay, most: limit, loopDelayMs };
    },
    stop: () => loopDelay.stop(),
  };
}

/** What is asked of one service. */
interface AtService {
  underWay: number;
}

interface ShareOptions {
  most: number;
  mostTookMs: number;
  nowMs: number;
  service: AtService;
}

/** What one action may have under way: less while even the quicker of its answers are slow. */
class Share {
  underWay = 0;
  readonly service: AtService;
  readonly #most: number;
  readonly #least: number;
  readonly #mostTookMs: number;
  #limit: number;
  #judgedAtMs: number;
  #tookMs: number[] = [];

  constructor({ most, mostTookMs, nowMs, service }: ShareOptions) {
    this.service = service;
    this.#most = most;
    this.#least = Math.min(most, leastOfOne);
    this.#mostTookMs = mostTookMs;
    this.#limit = most;
    this.#judgedAtMs = nowMs;
  }

  get hasRoom(): boolean {
    return this.underWay < this.#limit;
  }

  ended(tookMs: number): void {
    this.underWay -= 1;
    this.#tookMs.push(tookMs);
  }

  /** One more than there is room for was let in: until some have ended, others need not come as far to be refused. */
  wasFull(): void {
    this.#limit = Math.max(this.#least, Math.min(this.#limit, this.underWay - 1));
  }

  look(nowMs: number): void {
    if (nowMs - this.#judgedAtMs < judgedEveryMs) return;
    this.#judgedAtMs = nowMs;
    // it has much to do, and too few have ended to judge by: slow ones, perhaps
    if (this.underWay * 2 > this.#limit && this.#tookMs.length < fewestToJudge) return;
    const tookMs = this.#tookMs;
    this.#tookMs = [];
    if (tookMs.length >= fewestToJudge && lowerQuartile(tookMs) > this.#mostTookMs) {
      this.#limit = Math.max(this.#least, Math.floor(Math.min(this.#limit, this.underWay) * 0.7));
    } else {
      this.#limit = Math.min(this.#most, this.#limit + growthOfOne);
    }
  }
}

const lowerQuartile = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 4)] ?? 0;

const resolutionMs = 10;

export function eventLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  return {
    meanMs() {
      const { mean } = histogram;
      histogram.reset();
      // what it records is the time between two looks, and no number where there were none
      return Number.isFinite(mean) ? Math.max(0, mean / 1e6 - resolutionMs) : 0;
    },
    stop: () => void histogram.disable(),
  };
}
