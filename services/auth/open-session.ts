import type { Session } from "../../contracts/auth.ts";
import type { Profile } from "../../contracts/users.ts";
import { accessTokenSeconds, signAccessToken } from "../../lib/access-token.ts";
import { normaliseEmail } from "../../lib/email.ts";
import { DomainError } from "../../lib/errors.ts";
import { reach } from "../../lib/failpoints.ts";
import { passwordTimeout, type Deps } from "./deps.ts";
import { assertWithin, countAttempt, loginLimits, registrationLimits, reserveAttempt } from "./limits.ts";
import { digestOf, newToken } from "./tokens.ts";

/** How often a log-in is checked again because the user's sessions were ended meanwhile. */
const mostChecks = 3;

export interface Registration {
  email: string;
  password: string;
  name: string;
  locale?: "en" | "zh";
}

/** Creates an account and signs in. Somebody whose account was created and who saw no answer signs in by `logIn`. */
export async function registerAccount(deps: Deps, account: Registration, address?: string): Promise<Session> {
  const limits = deps.limits();
  if (!limits.registrationOpen) {
    throw new DomainError("conflict", "REGISTRATION_CLOSED", "No new accounts can be created at present.");
  }
  await reserveAttempt(deps, registrationLimits(limits, address));
  const startedMs = deps.now();
  const user = await deps.bus.call("users.create", account, passwordTimeout);
  await reach("register.after-user");
  return (await openSession(deps, user, startedMs, "registration")) ?? logIn(deps, account, address);
}

export async function logIn(
  deps: Deps,
  { email, password }: { email: string; password: string },
  address?: string,
): Promise<Session> {
  const limits = loginLimits(deps.limits(), email, address);
  await assertWithin(deps, limits);
  for (let check = 1; check <= mostChecks; check += 1) {
    const startedMs = deps.now();
    const user = await deps.bus.call("users.checkPassword", { email, password }, passwordTimeout);
    if (!user) {
      await countAttempt(deps, limits);
      deps.audit.noteSoon(deps.caller, { action: "login", target: accountOf(email), outcome: "refused" });
      await assertWithin(deps, limits, 1);
      throw wrongCredentials();
    }
    // of many guesses at once, those beyond the limit learn nothing, not even that they were right
    await assertWithin(deps, limits);
    const session = await openSession(deps, user, startedMs, "login");
    if (session) return session;
  }
  throw wrongCredentials();
}

/** A new session; null when the user's sessions were ended since `startedMs`, when what is known of them was asked. */
async function openSession(
  deps: Deps,
  user: Profile,
  startedMs: number,
  action: "login" | "registration",
): Promise<Session | null> {
  const familyId = deps.newId();
  const refreshToken = newToken();
  const note = deps.audit.note(deps.caller, { action, target: `user ${user.id}`, actor: user.id });
  const session = { userId: user.id, familyId, digest: digestOf(refreshToken), startedMs };
  const opened = await deps.sessions.open(session, note);
  return opened ? sessionOf(deps, user, { familyId, refreshToken, startedMs }) : null;
}

export function sessionOf(
  { keyRing, newId, now }: Pick<Deps, "keyRing" | "newId" | "now">,
  user: Profile,
  { familyId, refreshToken, startedMs }: { familyId: string; refreshToken: string; startedMs: number },
): Session {
  const accessToken = signAccessToken(keyRing.signer(now()), {
    userId: user.id,
    roles: user.roles,
    sessionId: familyId,
    issuedAtMs: startedMs,
    tokenId: newId(),
  });
  return { user, accessToken, refreshToken, tokenType: "Bearer", expiresIn: accessTokenSeconds };
}

/** The same for the same e-mail, known or not, and nothing of the e-mail in it. */
const accountOf = (email: string): string => `account ${digestOf(`audit ${normaliseEmail(email)}`).slice(0, 32)}`;

const wrongCredentials = (): DomainError =>
  new DomainError("unauthenticated", "INVALID_CREDENTIALS", "The e-mail or the password is wrong.");
