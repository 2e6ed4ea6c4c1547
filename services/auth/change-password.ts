import type { Identity } from "../../contracts/bus.ts";
import { codeOf, DomainError } from "../../lib/errors.ts";
import { passwordTimeout, type Deps } from "./deps.ts";
import { assertWithin, countAttempt, passwordLimits, resetLimit } from "./limits.ts";
import { digestOf, newToken } from "./tokens.ts";

const resetMinutes = 30;

/** Replaces the password of who is signed in; their other sessions end, and reset tokens on their way are void. */
export async function changePassword(
  deps: Deps,
  { id: userId, sessionId }: Identity,
  { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
): Promise<void> {
  const { bus, limits: allowed, sessions, resets, announce } = deps;
  const limits = passwordLimits(allowed(), userId);
  await assertWithin(deps, limits);
  try {
    await bus.call("users.changePassword", { userId, currentPassword, newPassword }, passwordTimeout);
  } catch (error) {
    if (codeOf(error) === "INVALID_CREDENTIALS") await countAttempt(deps, limits);
    throw error;
  }
  await resets.removeAll(userId);
  announce(await sessions.endOthers(userId, sessionId));
}

/** Sends a token to set a new password with, if there is an active account with this e-mail. */
export async function sendResetToken(deps: Deps, email: string): Promise<void> {
  const { bus, attempts, resets, now } = deps;
  const user = await bus.call("users.byEmail", { email });
  if (user?.status !== "active") return;
  if ((await attempts.reserve(resetLimit(user.id))) > 0) return;
  const contact = await bus.call("users.contact", { id: user.id });
  if (!contact) return;
  const token = newToken();
  await resets.add(digestOf(token), user.id, now() + resetMinutes * 60_000);
  await bus.call("notify.sendPasswordReset", { contact, token, minutes: resetMinutes });
}

/** Sets a new password with a token from an e-mail; all sessions end. */
export async function resetPassword(
  deps: Deps,
  { token, newPassword }: { token: string; newPassword: string },
): Promise<void> {
  const { bus, sessions, resets, announce, now } = deps;
  const digest = digestOf(token);
  const userId = await resets.claim(digest, now());
  if (userId === null) throw invalidToken();
  try {
    await bus.call("users.changePassword", { userId, currentPassword: null, newPassword }, passwordTimeout);
  } catch (error) {
    // refused as too weak, or not answered: the same token may try again
    await resets.giveBack(digest);
    throw codeOf(error) === "NOT_FOUND" ? invalidToken() : error;
  }
  await resets.removeAll(userId);
  announce(await sessions.endAll(userId));
}

function invalidToken(): DomainError {
  const message = "This reset token is not valid any more; ask for a new one.";
  return new DomainError("invalid", "INVALID_RESET_TOKEN", message, {
    errors: [{ field: "token", code: "INVALID_RESET_TOKEN", message }],
  });
}
