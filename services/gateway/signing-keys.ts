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
  let askedAtMs = -Infinity;
  let asking: Promise<void> | null = null;

  const ask = async (): Promise<void> => {
    const jwks = await fetch();
    askedAtMs = now();
    keys = new Map(jwks.map((jwk) => [jwk.kid, publicKeyOf(jwk)]));
  };
  const refresh = async (): Promise<void> => {
    if (keys && now() - askedAtMs < refetchAfterMs) return;
    await (asking ??= ask().finally(() => (asking = null)));
  };

  return {
    refresh,
    get(kid) {
      if (keys && now() - askedAtMs > staleAfterMs) {
        // what is known still serves while the answer is under way, or does not come
        askedAtMs = now();
        refreshQuietly(ask);
      }
      return keys?.get(kid) ?? null;
    },
  };
}

function refreshQuietly(ask: () => Promise<void>): void {
  ask().catch(() => {
    // asked again when it is stale again; a key that is missing meanwhile is asked for at once
  });
}
