import type { Access } from "../../contracts/action.ts";
import type { Identity, Meta } from "../../contracts/bus.ts";
import type { AccessToken } from "../../lib/access-token.ts";
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
  const address = addressOf(req, trustedProxies);
  const token = entry.ignoresToken ? null : bearerToken(req.headers.authorization);
  const session = token === null ? null : await authenticator.verify(token);
  if (entry.limited) await limiter.take(session ? session.userId : address);
  if (token !== null && !session) throw invalidToken();

  req.session = session;
  meta.clientAddress = address;
  meta.user = session && identityOf(session);
  const refusal = refusalOf(entry.access, meta.user);
  if (refusal) {
    refused(req, refusal);
    throw refusal;
  }
}

/** Who may come in without anything being asked or counted yet, and by what name they are counted. */
export interface Arrival {
  user: Identity | null;
  client: string;
}

/** What `admit` would find out of a request, where this process knows all of it; null where it does not, or would refuse. */
export function arrivalOf(
  { authenticator, trustedProxies }: Admission,
  { access }: Entry,
  req: WebRequest,
): Arrival | null {
  const token = bearerToken(req.headers.authorization);
  const session = token === null ? null : authenticator.verifyNow(token);
  if (token !== null && !session) return null;
  const user = session && identityOf(session);
  if (refusalOf(access, user)) return null;
  return { user, client: user ? user.id : addressOf(req, trustedProxies) };
}

const addressOf = ({ socket, headers }: WebRequest, trustedProxies: number): string =>
  clientAddress(socket.remoteAddress, headers["x-forwarded-for"], trustedProxies);

const identityOf = ({ userId, roles, sessionId }: AccessToken): Identity => ({ id: userId, roles, sessionId });

/** Also where no token is needed: a caller who believes to be signed in must learn that they are not. */
export const invalidToken = (): HttpRefusal =>
  new HttpRefusal(401, "INVALID_TOKEN", "The access token is not valid, or no longer.", {
    "WWW-Authenticate": 'Bearer error="invalid_token"',
  });
