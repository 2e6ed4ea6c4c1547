import type { Session } from "../../contracts/auth.ts";
import { DomainError } from "../../lib/errors.ts";
import { reach } from "../../lib/failpoints.ts";
import type { Deps } from "./deps.ts";
import { sessionOf } from "./open-session.ts";
import { digestOf, successorOf } from "./tokens.ts";

/** Exchanges a refresh token for its successor and an access token with the roles the user has now. */
export async function refreshSession(deps: Deps, token: string): Promise<Session> {
  const { bus, sessions, announce, audit, caller, now } = deps;
  const startedMs = now();
  const digest = digestOf(token);
  const found = await sessions.find(digest);
  if (!found) throw invalidToken();
  const { userId, familyId } = found;

  const user = await bus.call("users.byId", { id: userId });
  if (user?.status !== "active") {
    announce(await sessions.end(userId, familyId));
    throw invalidToken();
  }

  const refreshToken = await nextOf(deps, token);
  // whose token it is, is known; who used it a second time is not
  const reuse = { action: "token.reuse", target: `user ${userId}`, outcome: "refused", actor: null } as const;
  const { rotated, revocations } = await sessions.rotate(
    { userId, digest, successor: digestOf(refreshToken), startedMs },
    audit.note(caller, reuse),
  );
  announce(revocations);
  if (!rotated) throw invalidToken();
  await reach("refresh.after-rotation");
  return sessionOf(deps, user, { familyId, refreshToken, startedMs });
}

/** While the key is being replaced, another node may have made the successor with the one before a moment ago. */
async function nextOf({ sessions, refreshKeys }: Deps, token: string): Promise<string> {
  const [next, ...before] = refreshKeys.map((key) => successorOf(token, key));
  for (const made of before) if (await sessions.find(digestOf(made))) return made;
  if (next === undefined) throw new Error("there is no key for refresh tokens");
  return next;
}

/** Ends the session of a refresh token, if there is one. */
export async function logOut({ sessions, announce, audit, caller }: Deps, token: string): Promise<void> {
  const found = await sessions.find(digestOf(token));
  if (!found) return;
  const { userId, familyId } = found;
  const deed = { action: "logout", target: `session ${familyId}`, actor: userId } as const;
  announce(await sessions.end(userId, familyId, audit.note(caller, deed)));
}

const invalidToken = (): DomainError =>
  new DomainError("unauthenticated", "INVALID_REFRESH_TOKEN", "This refresh token is not valid; sign in again.");
