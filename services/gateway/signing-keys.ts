import type { KeyObject } from "node:crypto";
import type { Jwk } from "../../contracts/auth.ts";
import { publicKeyOf } from "../../lib/access-token.ts";
import type { Clock } from "../../lib/ids.ts";

export interface SigningKeys {
  /** The public key of this id among those that are known. */
  get(kid: string): KeyObject | null;
  /** Asks for the keys of now; does nothing when that was done a moment ago. */
  refresh(): Promise<void>;
}

/** A token with an invented key id must not become a call for each request. */
const refetchAfterMs = 1_000;

/** How long a key that was withdrawn may still be believed. */
const staleAfterMs = 60_000;

/** Keys as `fetch` gives them, kept until a token names one that is not among them, or they are old. */
export function signingKeys(fetch: () => Promise<Jwk[]>, now: Clock): SigningKeys {
  let keys: ReadonlyMap<string, KeyObject> | null = null;
  let answeredAtMs = -Infinity;
  let triedAtMs = -Infinity;
  let asking: Promise<void> | null = null;

  const fetchKeys = async (): Promise<void> => {
    const jwks = await fetch();
    answeredAtMs = now();
    keys = new Map(jwks.map((jwk) => [jwk.kid, publicKeyOf(jwk)]));
  };
  const ask = (): Promise<void> => (asking ??= fetchKeys().finally(() => (asking = null)));

  return {
    async refresh() {
      // one that is under way is waited for, whoever asked: it may bring the key
      if (!asking && keys && now() - answeredAtMs < refetchAfterMs) return;
      await ask();
    },
    get(kid) {
      if (keys && now() - Math.max(answeredAtMs, triedAtMs) > staleAfterMs) {
        // what is known still serves while the answer is under way, or does not come
        triedAtMs = now();
        ask().catch(() => {
          // asked again when it is stale again; a key that is missing meanwhile is asked for at once
        });
      }
      return keys?.get(kid) ?? null;
    },
  };
}
