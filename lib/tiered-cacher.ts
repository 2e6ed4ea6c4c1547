import { Cachers, type ActionSchema, type Context, type ServiceBroker, Utils } from "moleculer";
import { cacheForgotten } from "./cache-events.ts";
import type { CacheLevel } from "./metrics.ts";
import { redisLink, type RedisLink } from "./redis.ts";
import { sharedCache } from "./shared-cache.ts";
import { TieredCache } from "./tiered-cache.ts";

const maxEntries = 5_000;
const maxSize = 4_000_000;

/** Parameters of that size are nobody's favourites. */
const maxKeyLength = 500;

interface Setup {
  redisUrl: string | null;
  /** How to tell whether something can be an answer of an action. */
  acceptorOf: (action: string) => (value: unknown) => boolean;
  /** Told of each read by who answered it. */
  onRead?: ((level: CacheLevel) => void) | undefined;
}

type Handler = (ctx: Context<unknown, { $cache?: boolean }>) => Promise<unknown>;

/**
 * Moleculer's cacher with this process over Redis. Actions say in their contract by which parameters and for how long;
 * `clean("service.action")` after a change ends what every node has of that action.
 */
export class TieredCacher extends Cachers.Base<object> {
  /** The node's connection; null without REDIS_URL. */
  redis: RedisLink | null = null;
  readonly #setup: Setup;
  #cache: TieredCache;

  constructor(setup: Setup) {
    super();
    this.#setup = setup;
    this.#cache = new TieredCache({ shared: null, maxEntries, maxSize, onRead: setup.onRead });
  }

  override init(broker: ServiceBroker): void {
    super.init(broker);
    const { redisUrl, onRead } = this.#setup;
    if (redisUrl !== null) {
      this.redis = redisLink(redisUrl, broker.getLogger("redis"));
      const shared = sharedCache(this.redis, `${broker.namespace}:cache`);
      this.#cache = new TieredCache({ shared, maxEntries, maxSize, onRead });
    }
    // messages may have been missed
    broker.localBus.on("$transporter.connected", () => this.#cache.forgetHere());
  }

  override middleware(): object {
    return {
      name: "Cacher",
      starting: async () => this.redis?.start(),
      localAction: (next: Handler, action: ActionSchema) => this.#cached(next, action),
    };
  }

  #cached(next: Handler, { name: group = "", cache }: ActionSchema): Handler {
    if (typeof cache !== "object") return next;
    const { keys = [], ttl = 0 } = cache;
    const accepts = this.#setup.acceptorOf(group);
    return (ctx) => {
      const params = ctx.params as Record<string, unknown>;
      const key = keyOf(keys.map((name) => params[name]));
      // a caller may insist on the source, as elsewhere in Moleculer
      if (key.length > maxKeyLength || ctx.meta.$cache === false) return next(ctx);
      return this.#cache.read({ group, key, ttlMs: ttl * 1_000, accepts }, () => next(ctx));
    };
  }

  /** As JSON, what this process would answer from memory to a call of the action with these values of its keys. */
  peek(action: string, values: readonly unknown[]): string | undefined {
    return this.#cache.peek(action, keyOf(values));
  }

  /** Names of actions, or patterns of them. Never rejects: what cannot be told is over with its time. */
  override async clean(match: string | string[] = "**"): Promise<void> {
    const actions = [match].flat().flatMap((name) => this.#namesLike(name));
    const done = this.#cache.forget(actions);
    this.broker.broadcast(cacheForgotten, { actions }).catch((error: unknown) => {
      this.logger.debug("nobody was told what to forget", { error });
    });
    await done;
  }

  /** What another node forgot. */
  async forget(actions: readonly string[]): Promise<void> {
    await this.#cache.forget(actions);
  }

  override close(): Promise<void> {
    this.redis?.stop();
    return Promise.resolve();
  }

  #namesLike(pattern: string): string[] {
    return pattern.includes("*") ? this.#cache.groups.filter((name) => Utils.match(name, pattern)) : [pattern];
  }

  // What follows belongs to every cacher of Moleculer, and is for services that keep entries by hand: none does here.

  override get(): Promise<null> {
    return Promise.resolve(null);
  }
  override getWithTTL(): Promise<null> {
    return Promise.resolve(null);
  }
  override set(): Promise<void> {
    return Promise.resolve();
  }
  override del(): Promise<void> {
    return Promise.resolve();
  }
  override lock(): Promise<never> {
    return Promise.reject(new Error("this cache has no locks"));
  }
  override tryLock(): Promise<never> {
    return this.lock();
  }
}

const keyOf = (values: readonly unknown[]): string => JSON.stringify(values);

/** See `peek`; nothing is known where another cacher is used, or none. */
export const peekCached = (
  { cacher }: { cacher?: unknown },
  action: string,
  ...values: unknown[]
): string | undefined => (cacher instanceof TieredCacher ? cacher.peek(action, values) : undefined);

/** This node's connection to Redis; null without one. */
export const redisOf = ({ cacher }: { cacher?: unknown }): RedisLink | null =>
  cacher instanceof TieredCacher ? cacher.redis : null;
