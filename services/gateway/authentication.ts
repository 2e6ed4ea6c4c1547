import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { verifyAccessToken, type AccessToken } from "../../lib/access-token.ts";
import type { Clock } from "../../lib/ids.ts";
import type { Revocations } from "./revocations.ts";
import type { SigningKeys } from "./signing-keys.ts";

export interface Authenticator {
  /** What a valid token says, or null for one that is wrong, has ended or was revoked. */
  verify: (token: string) => Promise<AccessToken | null>;
  /** The same of a token that was verified before; null as well where that has to be found out. */
  verifyNow: (token: string) => AccessToken | null;
}

/** A signature takes about 80 µs to check, and the same few tokens come again and again. */
const cachedTokens = 10_000;

export function authenticator(keys: SigningKeys, revocations: Revocations, now: Clock): Authenticator {
  // by digest: a dump of the memory should hold no token that still opens something
  const verified = new LRUCache<string, AccessToken>({ max: cachedTokens });

  const check = async (token: string): Promise<AccessToken | null> => {
    let unknown = false;
    const find = (kid: string) => {
      const key = keys.get(kid);
      unknown = key === null;
      return key;
    };
    const claims = verifyAccessToken(token, find, now());
    if (claims || !unknown) return claims;
    await keys.refresh();
    return verifyAccessToken(token, find, now());
  };

  return {
    verifyNow(token) {
      if (!revocations.loaded) return null;
      const claims = verified.get(digestOf(token));
      return claims && claims.expiresAtMs > now() && !revocations.isRevoked(claims) ? claims : null;
    },
    async verify(token) {
      // before the first answer everything revoked would pass
      if (!revocations.loaded) await revocations.refresh();
      const digest = digestOf(token);
      const known = verified.get(digest);
      const claims = known ?? (await check(token));
      if (!claims) return null;
      if (claims.expiresAtMs <= now()) {
        verified.delete(digest);
        return null;
      }
      if (!known) verified.set(digest, claims);
      return revocations.isRevoked(claims) ? null : claims;
    },
  };
}

const digestOf = (token: string): string => hash("sha256", token, "base64url");
