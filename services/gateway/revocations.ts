import type { Revocation } from "../../contracts/auth.ts";
import { accessTokenSeconds } from "../../lib/access-token.ts";
import type { Clock } from "../../lib/ids.ts";

export interface Revocations {
  /** Fetches what is new; on every gateway, however a revocation was missed. */
  refresh(): Promise<void>;
  /** Takes one that was pushed. */
  add(revocation: Revocation): void;
  /** True once everything that was revoked before the start is known. */
  readonly loaded: boolean;
  isRevoked(token: { userId: string; sessionId: string; issuedAtMs: number }): boolean;
}

/** Every token from before has ended by then; the clocks of nodes may differ a little. */
const keptMs = 2 * accessTokenSeconds * 1000;

export function revocations(fetch: (after: number) => Promise<Revocation[]>, now: Clock): Revocations {
  const issuedBefore = new Map<string, number>();
  let after = 0;
  let loaded = false;

  const add = (revocation: Revocation): void => {
    const known = issuedBefore.get(revocation.subject) ?? 0;
    if (revocation.issuedBefore > known) issuedBefore.set(revocation.subject, revocation.issuedBefore);
  };

  return {
    get loaded() {
      return loaded;
    },
    // a pushed one does not move `after`: one before it may have been lost on the way
    add,
    async refresh() {
      for (const revocation of await fetch(after)) {
        add(revocation);
        after = Math.max(after, revocation.sequence);
      }
      loaded = true;
      const oldest = now() - keptMs;
      for (const [subject, atMs] of issuedBefore) if (atMs < oldest) issuedBefore.delete(subject);
    },
    isRevoked({ userId, sessionId, issuedAtMs }) {
      return issuedAtMs < (issuedBefore.get(userId) ?? 0) || issuedAtMs < (issuedBefore.get(sessionId) ?? 0);
    },
  };
}
