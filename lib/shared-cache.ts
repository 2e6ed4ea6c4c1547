import { randomBytes } from "node:crypto";
import type { RedisLink } from "./redis.ts";

/** Where nothing of a group was read or changed for so long, its stamp goes as well. */
const stampSeconds = 24 * 3600;

/** What nodes share of their caches. Nothing here rejects: a cache that is away is one that has nothing. */
export interface SharedCache {
  /** What is there, and the stamp for what is read from the source after this; null when the cache cannot be used. */
  get(group: string, key: string): Promise<{ text: string | null; stamp: string } | null>;
  /** `stamp` is of before the source was read: what has been forgotten meanwhile is not found again. */
  put(group: string, key: string, entry: { text: string; stamp: string; ttlMs: number }): Promise<void>;
  drop(group: string, key: string): Promise<void>;
  /** Makes every entry of the group be from before. */
  forget(group: string): Promise<void>;
}

/**
 * Entries in Redis. Each begins with the stamp its group had when the source was read, and counts only while the group
 * has it still; so one that was read before a change and is written after it is worth nothing.
 */
export function sharedCache(redis: RedisLink, prefix: string): SharedCache {
  /** Groups this node touched, and those whose change Redis may not know of. */
  const known = new Set<string>();
  const owed = new Set<string>();
  const stampKey = (group: string): string => `${prefix}:${group}`;
  const entryKey = (group: string, key: string): string => `${prefix}:${group}:${key}`;

  const renew = async (group: string): Promise<string> => {
    const stamp = randomBytes(9).toString("base64url");
    known.add(group);
    owed.add(group);
    try {
      await redis.run((client) => client.set(stampKey(group), stamp, "EX", stampSeconds));
      owed.delete(group);
    } catch (error) {
      // an earlier one that succeeded in the meantime knew nothing of this change
      owed.add(group);
      throw error;
    }
    return stamp;
  };

  // a server that comes back may have lost its last second, and with it a change
  redis.onReady(() => {
    for (const group of known) void quietly(renew(group));
  });

  return {
    async get(group, key) {
      known.add(group);
      return quietly(
        (async () => {
          if (owed.has(group)) await renew(group);
          const [stamp = null, entry = null] = await redis.run((client) =>
            client.mget(stampKey(group), entryKey(group, key)),
          );
          if (!stamp) return { text: null, stamp: await renew(group) };
          if (entry === null) return { text: null, stamp };
          if (entry.startsWith(`${stamp} `)) return { text: entry.slice(stamp.length + 1), stamp };
          void this.drop(group, key);
          return { text: null, stamp };
        })(),
      );
    },
    async put(group, key, { text, stamp, ttlMs }) {
      await quietly(redis.run((client) => client.set(entryKey(group, key), `${stamp} ${text}`, "PX", ttlMs)));
    },
    async drop(group, key) {
      await quietly(redis.run((client) => client.unlink(entryKey(group, key))));
    },
    async forget(group) {
      await quietly(renew(group));
    },
  };
}

/** The link has logged why. */
const quietly = <T>(work: Promise<T>): Promise<T | null> => work.catch(() => null);
