import type { Access } from "../../contracts/action.ts";
import type { Meta } from "../../contracts/bus.ts";
import type { DomainError } from "../../lib/errors.ts";
import { refusalOf } from "../../middlewares/guard.middleware.ts";
import type { Authenticator } from "./authentication.ts";
import { bearerToken, clientAddress } from "./client.ts";
import { HttpRefusal } from "./problem.ts";
import type { RateLimiter } from "./rate-limit.ts";
import type { WebRequest } from "./web.ts";

/** What a request must satisfy before anything is read of its body. */
export interface Entry {
  access: Access;
  /** False for what machines ask for all the time. */
  limited: boolean;
  ignoresToken: boolean;
}

export interface Admission {
  authenticator: Authenticator;
  limiter: RateLimiter;
  trustedProxies: number;
  refused: (request: WebRequest, refusal: DomainError) => void;
}

/**
 * Lets a request in or throws: first too many requests, then a token that is not valid, then what the caller may not do.
 * What services need to know of the caller goes into `meta`.
 */
export async function admit(
  { authenticator, limiter, trustedProxies, refused }: Admission,
  entry: Entry,
  req: WebRequest,
  meta: Meta,
): Promise<void> {
  const address = clientAddress(req.socket.remoteAddress, req.headers["x-forwarded-for"], trustedProxies);
  const token = entry.ignoresToken ? null : bearerToken(req.headers.authorization);
  const session = token === null ? null : await authenticator.verify(token);
  if (entry.limited) await limiter.take(session ? session.userId : address);
  if (token !== null && !session) throw invalidToken();

  req.session = session;
  meta.clientAddress = address;
  meta.user = session ? { id: session.userId, roles: session.roles, sessionId: session.sessionId } : null;
  const refusal = refusalOf(entry.access, meta.user);
  if (refusal) {
    refused(req, refusal);
    throw refusal;
  }
}

/** Also where no token is needed: a caller who believes to be signed in must learn that they are not. */
export const invalidToken = (): HttpRefusal =>
  new HttpRefusal(401, "INVALID_TOKEN", "The access token is not valid, or no longer.", {
    "WWW-Authenticate": 'Bearer error="invalid_token"',
  });
