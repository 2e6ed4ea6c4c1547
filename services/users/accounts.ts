import type { Role } from "../../contracts/bus.ts";
import type { Note } from "../../lib/audit-log.ts";
import { normaliseEmail } from "../../lib/email.ts";
import { DomainError, notFound } from "../../lib/errors.ts";
import type { Clock, NewId } from "../../lib/ids.ts";
import { assertStrong, hashPassword, passwordMatches } from "./password.ts";
import { register, type Change, type User } from "./user.ts";
import type { UsersRepository } from "./users.repository.ts";

// What needs a password and the users at once.

interface Deps {
  users: UsersRepository;
  now: Clock;
  newId: NewId;
}

interface NewAccount {
  email: string;
  password: string;
  name: string;
  locale?: "en" | "zh";
}

/** Creates an account. The password is hashed first, so that an e-mail in use takes as long as a free one. */
export async function createAccount(deps: Deps, account: NewAccount): Promise<User> {
  assertStrong(account.password, normaliseEmail(account.email), "password");
  const created = await newAccount(deps, account, ["customer"]);
  await deps.users.insert(created);
  return created.user;
}

/** Creates the first administrator when there is none; true when it was created. */
export async function ensureAdmin(deps: Deps, account: { email: string; password: string }): Promise<boolean> {
  if (await deps.users.hasAdmin()) return false;
  const created = await newAccount(deps, { ...account, name: "Administrator" }, ["customer", "admin"]);
  return deps.users.insertFirstAdmin(created);
}

async function newAccount(
  { now, newId }: Deps,
  { email, password, name, locale = "en" }: NewAccount,
  roles: Role[],
): Promise<Change> {
  const passwordHash = await hashPassword(password);
  return register({ id: newId(), email: normaliseEmail(email), name, locale, roles, passwordHash }, now());
}

/** The active user with this e-mail and password; null, after the same time, for whatever else. */
export async function checkPassword(
  { users }: Pick<Deps, "users">,
  { email, password }: { email: string; password: string },
): Promise<User | null> {
  const user = await users.findByEmail(normaliseEmail(email));
  const matches = await passwordMatches(password, user?.passwordHash ?? null);
  return matches && user?.status === "active" ? user : null;
}

/** Replaces a password; without `currentPassword` somebody else has made sure that it is the user who asks. */
export async function changePassword(
  { users }: Pick<Deps, "users">,
  change: { userId: string; currentPassword: string | null; newPassword: string },
  note?: Note,
): Promise<void> {
  const { userId, currentPassword, newPassword } = change;
  const user = await users.find(userId);
  if (user?.status !== "active") throw notFound("user");
  if (currentPassword !== null && !(await passwordMatches(currentPassword, user.passwordHash))) throw wrongPassword();
  assertStrong(newPassword, user.email, "newPassword");
  const changed = await users.setPassword(userId, await hashPassword(newPassword), user.passwordHash, note);
  if (!changed) throw wrongPassword();
}

/** Also when somebody else changed the password while this one was being checked. */
const wrongPassword = (): DomainError =>
  new DomainError("unauthenticated", "INVALID_CREDENTIALS", "The current password is wrong.");
