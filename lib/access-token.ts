import { createPublicKey, type KeyObject } from "node:crypto";
import jwt from "jsonwebtoken";
import type { Role } from "../contracts/bus.ts";
import type { Jwk } from "../contracts/auth.ts";

// An access token is a JWT as RFC 9068 has it. Its claim `ims` is the millisecond before which what it says was known
// to be true: `iat` has only seconds, and a log-in right after a revocation must not count as one before it.

export const accessTokenSeconds = 900;

const algorithm = "ES256";
const type = "at+jwt";
const issuer = "enterprise-hub";
const audience = "enterprise-hub-api";
const roles: readonly string[] = ["customer", "support", "admin"] satisfies Role[];

/** Who may do what until when, as a valid token says it. */
export interface AccessToken {
  userId: string;
  roles: Role[];
  sessionId: string;
  issuedAtMs: number;
  expiresAtMs: number;
}

export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
}

export interface AccessGrant {
  userId: string;
  roles: readonly Role[];
  sessionId: string;
  issuedAtMs: number;
  /** Makes this token differ from every other one. */
  tokenId: string;
}

export function signAccessToken({ kid, privateKey }: SigningKey, grant: AccessGrant): string {
  const iat = Math.floor(grant.issuedAtMs / 1000);
  const claims = {
    iss: issuer,
    aud: audience,
    sub: grant.userId,
    sid: grant.sessionId,
    roles: grant.roles,
    iat,
    ims: grant.issuedAtMs,
    exp: iat + accessTokenSeconds,
    jti: grant.tokenId,
  };
  return jwt.sign(claims, privateKey, { algorithm, header: { alg: algorithm, typ: type, kid } });
}

/**
 * What a token says if it is one of ours and still good at `nowMs`, else null. Whether it was revoked is another
 * question. `findKey` knows the public keys by their ids; keys are KeyObjects, because parsing a PEM costs more than
 * the verification.
 */
export function verifyAccessToken(
  token: string,
  findKey: (kid: string) => KeyObject | null | undefined,
  nowMs: number,
): AccessToken | null {
  try {
    const header = jwt.decode(token, { complete: true })?.header;
    if (header?.alg !== algorithm || header.typ !== type || typeof header.kid !== "string" || header.crit) return null;
    const key = findKey(header.kid);
    if (!key) return null;
    const claims = jwt.verify(token, key, {
      algorithms: [algorithm],
      issuer,
      audience,
      clockTimestamp: Math.floor(nowMs / 1000),
    });
    return typeof claims === "string" ? null : contentOf(claims);
  } catch {
    // whatever is wrong with it, it is no token of ours
    return null;
  }
}

/** The library accepts a token that never ends; and a token signed by us for another purpose has other claims. */
function contentOf(claims: jwt.JwtPayload): AccessToken | null {
  const { sub, exp, sid, ims, roles: claimed } = claims as Record<string, unknown>;
  if (typeof sub !== "string" || typeof sid !== "string") return null;
  if (typeof exp !== "number" || typeof ims !== "number") return null;
  if (!Array.isArray(claimed) || !claimed.every((role) => roles.includes(role as string))) return null;
  return { userId: sub, sessionId: sid, roles: claimed as Role[], issuedAtMs: ims, expiresAtMs: exp * 1000 };
}

/** The key to verify with behind one of `auth.keys`. */
export const publicKeyOf = ({ kty, crv, x, y }: Jwk): KeyObject =>
  createPublicKey({ key: { kty, crv, x, y }, format: "jwk" });
