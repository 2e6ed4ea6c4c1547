import { LRUCache } from "lru-cache";
import type { CacheLevel } from "./metrics.ts";
import type { SharedCache } from "./shared-cache.ts";

/**
 * How long the first level may keep what it has, whatever it did not hear of: a change is seen everywhere within this
 * time also when the message about it is lost.
 */
const firstLevelMs = 1_000;

export interface Cached {
  /** Everything that is forgotten together. */
  group: string;
  key: string;
  /** From when it was read; reading it again does not lengthen it. */
  ttlMs: number;
  /** Whether this can be an answer: the second level is open to more than us. */
  accepts: (value: unknown) => boolean;
}

interface Setup {
  shared: SharedCache | null;
  maxEntries: number;
  /** Of keys and entries, in characters. */
  maxSize: number;
  /** Told of each read by who answered it; those who ask together are one. */
  onRead?: ((level: CacheLevel) => void) | undefined;
  /** Milliseconds that only ever go forward. */
  now?: () => number;
}

/** Answers in this process over those that nodes share, and one question at a time to the source for each key. */
export class TieredCache {
  /** As text: whoever gets an answer may change it, and its size is known. */
  readonly #local: LRUCache<string, string>;
  readonly #flights = new Map<string, Promise<string>>();
  readonly #shared: SharedCache | null;
  readonly #now: () => number;
  readonly #onRead: ((level: CacheLevel) => void) | undefined;
  /** Counts what was forgotten. Part of each key, so that what was read before a change is not found after it. */
  readonly #epochs = new Map<string, number>();

  constructor({ shared, maxEntries, maxSize, onRead, now = () => performance.now() }: Setup) {
    this.#shared = shared;
    this.#now = now;
    this.#onRead = onRead;
    this.#local = new LRUCache<string, string>({
      max: maxEntries,
      maxSize,
      sizeCalculation: (text, key) => text.length + key.length,
      perf: { now },
      ttlResolution: 0,
    });
  }

  /** The groups that were asked for or forgotten so far. */
  get groups(): string[] {
    return [...this.#epochs.keys()];
  }

  /** What a read would be given by the first level, as JSON. */
  peek(group: string, key: string): string | undefined {
    const known = this.#local.get(this.#idOf(group, key));
    if (known !== undefined) this.#onRead?.("process");
    return known;
  }

  async read<T>(of: Cached, load: () => Promise<T>): Promise<T> {
    const known = this.peek(of.group, of.key);
    if (known !== undefined) return JSON.parse(known) as T;
    const id = this.#idOf(of.group, of.key);
    let flight = this.#flights.get(id);
    if (!flight) {
      flight = this.#fetch(id, of, load).finally(() => this.#flights.delete(id));
      this.#flights.set(id, flight);
    }
    return JSON.parse(await flight) as T;
  }

  /** Asks anew for everything of these groups, on this node at once and on those that share the second level. */
  async forget(groups: readonly string[]): Promise<void> {
    this.forgetHere(groups);
    const shared = this.#shared;
    if (shared) await Promise.all(groups.map((group) => shared.forget(group)));
  }

  forgetHere(groups: readonly string[] = this.groups): void {
    for (const group of groups) this.#epochs.set(group, this.#epochOf(group) + 1);
  }

  #idOf(group: string, key: string): string {
    return `${group}@${this.#epochOf(group)}:${key}`;
  }

  #epochOf(group: string): number {
    const epoch = this.#epochs.get(group);
    if (epoch === undefined) this.#epochs.set(group, 0);
    return epoch ?? 0;
  }

  async #fetch(id: string, of: Cached, load: () => Promise<unknown>): Promise<string> {
    const { group, key, ttlMs } = of;
    // counted from before the source is asked
    const times = { ttl: Math.min(ttlMs, firstLevelMs), start: this.#now() };
    const shared = (await this.#shared?.get(group, key)) ?? null;
    if (shared && shared.text !== null) {
      if (isReadable(shared.text, of.accepts)) {
        this.#local.set(id, shared.text, times);
        this.#onRead?.("shared");
        return shared.text;
      }
      void this.#shared?.drop(group, key);
    }
    this.#onRead?.("source");
    const text = JSON.stringify(await load());
    this.#local.set(id, text, times);
    if (shared) void this.#shared?.put(group, key, { text, stamp: shared.stamp, ttlMs });
    return text;
  }
}

function isReadable(text: string, accepts: Cached["accepts"]): boolean {
  try {
    return accepts(JSON.parse(text));
  } catch {
    // not JSON: not from us
    return false;
  }
}
