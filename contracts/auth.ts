import { Type, type Static } from "@sinclair/typebox";
import { action, type TypesOf } from "./action.ts";
import { closed, Email, Id, line, Locale, NoParams, Nothing, nullable, Time } from "./shapes.ts";
import { Password, Profile } from "./users.ts";

export const Session = Type.Object(
  {
    user: Profile,
    accessToken: Type.String(),
    refreshToken: Type.String(),
    tokenType: Type.Literal("Bearer"),
    expiresIn: Type.Integer({ description: "seconds until the access token ends" }),
  },
  closed,
);
export type Session = Static<typeof Session>;

/** A session as its owner is told of it. */
export const SignIn = Type.Object(
  { startedAt: Time, renewedAt: Time, expiresAt: Time, endedAt: nullable(Time) },
  closed,
);
export type SignIn = Static<typeof SignIn>;

const RefreshToken = Type.Object({ refreshToken: Type.String({ minLength: 1, maxLength: 512 }) }, closed);

/** A public key as RFC 7517 has it; ES256, so EC on P-256. */
export const Jwk = Type.Object(
  {
    kty: Type.Literal("EC"),
    crv: Type.Literal("P-256"),
    x: Type.String(),
    y: Type.String(),
    kid: Type.String(),
    alg: Type.Literal("ES256"),
    use: Type.Literal("sig"),
  },
  closed,
);
export type Jwk = Static<typeof Jwk>;

/** Tokens of `subject` (a user's or a session's id) issued before `issuedBefore` (Unix milliseconds) are dead. */
export const Revocation = Type.Object({ subject: Id, issuedBefore: Type.Integer(), sequence: Type.Integer() }, closed);
export type Revocation = Static<typeof Revocation>;

export const authActions = {
  "auth.register": action({
    summary: "Create an account and sign in",
    access: "public",
    params: Type.Object({ email: Email, password: Password, name: line(120), locale: Type.Optional(Locale) }, closed),
    result: Session,
    timeoutMs: 4_000,
    refusals: ["EMAIL_TAKEN", "WEAK_PASSWORD", "REGISTRATION_CLOSED", "RATE_LIMITED"],
  }),
  "auth.login": action({
    summary: "Sign in",
    access: "public",
    params: Type.Object(
      {
        email: Type.String({ minLength: 1, maxLength: 320 }),
        password: Type.String({ minLength: 1, maxLength: 1024 }),
      },
      closed,
    ),
    result: Session,
    timeoutMs: 4_000,
    refusals: ["INVALID_CREDENTIALS", "RATE_LIMITED"],
  }),
  "auth.refresh": action({
    summary: "Exchange a refresh token for a new session; using one twice ends its whole family",
    access: "public",
    params: RefreshToken,
    result: Session,
    refusals: ["INVALID_REFRESH_TOKEN"],
  }),
  "auth.logout": action({ summary: "End one session", access: "public", params: RefreshToken, result: Nothing }),
  "auth.logoutAll": action({ summary: "End all my sessions", access: "user", params: NoParams, result: Nothing }),
  "auth.changePassword": action({
    summary: "Change my password; my other sessions end",
    access: "user",
    params: Type.Object(
      { currentPassword: Type.String({ minLength: 1, maxLength: 1024 }), newPassword: Password },
      closed,
    ),
    result: Nothing,
    timeoutMs: 4_000,
    refusals: ["INVALID_CREDENTIALS", "WEAK_PASSWORD"],
  }),
  "auth.forgotPassword": action({
    summary: "Send a reset token by e-mail, if there is such an account; the answer is always the same",
    access: "public",
    params: Type.Object({ email: Email }, closed),
    result: Nothing,
  }),
  "auth.resetPassword": action({
    summary: "Set a new password with the token from the e-mail; all sessions end",
    access: "public",
    params: Type.Object({ token: Type.String({ minLength: 1, maxLength: 512 }), newPassword: Password }, closed),
    result: Nothing,
    timeoutMs: 4_000,
    refusals: ["INVALID_RESET_TOKEN", "WEAK_PASSWORD"],
  }),
  "auth.rotateKeys": action({
    summary: "Make a new signing key now; the one before goes on verifying, so nobody is logged out",
    access: "admin",
    params: NoParams,
    result: Type.Object({ kid: Type.String(), signsAt: Time }, closed),
  }),
  "auth.refused": action({
    summary: "Note in the audit log that somebody signed in was refused at a gateway",
    access: "internal",
    params: Type.Object({ code: Type.String(), method: Type.String(), path: Type.String({ maxLength: 200 }) }, closed),
    result: Nothing,
  }),
  "auth.keys": action({
    summary: "Every public key that still verifies",
    access: "public",
    params: NoParams,
    result: Type.Object({ keys: Type.Array(Jwk) }, closed),
    retryable: true,
  }),
  "auth.revocations": action({
    summary: "Revocations after a sequence number that still matter",
    access: "internal",
    params: Type.Object({ after: Type.Integer({ minimum: 0 }) }, closed),
    result: Type.Array(Revocation),
    retryable: true,
  }),
  "auth.sessionsOf": action({
    summary: "The sessions of a user, oldest first",
    access: "internal",
    params: Type.Object({ userId: Id }, closed),
    result: Type.Array(SignIn),
    retryable: true,
  }),
  "auth.revokeUser": action({
    summary: "End every session and token of a user",
    access: "internal",
    params: Type.Object({ userId: Id }, closed),
    result: Nothing,
    retryable: true,
  }),
};
export type AuthActions = TypesOf<typeof authActions>;
