import { LRUCache } from "lru-cache";

const usuallyKeptMs = 1_000;

interface Setup {
  maxEntries: number;
  /** For how long what was read counts, a second when absent: a change of which nobody told is seen after this time. */
  keptMs?: number;
  /** Milliseconds that only ever go forward. */
  now?: () => number;
}

/**
 * Values of this process by key, for a short while, counted from before they were read. What was being read when its key
 * is forgotten is given to those who asked before, and kept for nobody.
 */
export class Kept<T extends object> {
  readonly #values: LRUCache<string, T>;
  readonly #flights = new Map<string, Promise<T | null>>();
  readonly #now: () => number;

  constructor({ maxEntries, keptMs = usuallyKeptMs, now = () => performance.now() }: Setup) {
    this.#now = now;
    this.#values = new LRUCache({ max: maxEntries, ttl: keptMs, perf: { now }, ttlResolution: 0 });
  }

  /** Reads each key once for all who ask at the same time; what is not there is not kept. */
  read<R extends T | null>(key: string, load: () => Promise<R>): Promise<R | T> {
    const known = this.#values.get(key);
    if (known !== undefined) return Promise.resolve(known);
    // whoever reads a key reads it in the same way
    return (this.#flights.get(key) ?? this.#fetch(key, load)) as Promise<R | T>;
  }

  /** What is kept now. */
  peek(key: string): T | undefined {
    return this.#values.get(key);
  }

  forget(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#values.delete(key);
      this.#flights.delete(key);
    }
  }

  forgetAll(): void {
    this.#values.clear();
    this.#flights.clear();
  }

  async #fetch(key: string, load: () => Promise<T | null>): Promise<T | null> {
    const start = this.#now();
    const flight = load();
    this.#flights.set(key, flight);
    const isOwn = (): boolean => this.#flights.get(key) === flight;
    try {
      const value = await flight;
      if (value !== null && isOwn()) this.#values.set(key, value, { start });
      return value;
    } finally {
      // forgotten meanwhile, it is not the key's flight any more
      if (isOwn()) this.#flights.delete(key);
    }
  }
}
