import type { Role } from "../../contracts/bus.ts";
import type { Fact } from "../../contracts/events.ts";
import type { Profile } from "../../contracts/users.ts";
import { DomainError } from "../../lib/errors.ts";
import { toIso } from "../../lib/time.ts";

export type UserStatus = "active" | "disabled" | "erased";

export interface User {
  id: string;
  email: string;
  name: string;
  locale: "en" | "zh";
  roles: Role[];
  status: UserStatus;
  passwordHash: string;
  createdAt: number;
  /** The number of the last event about this user. */
  eventSequence: number;
}

export interface Change {
  user: User;
  facts: Fact[];
}

export interface NewUser {
  id: string;
  email: string;
  name: string;
  locale: "en" | "zh";
  roles: Role[];
  passwordHash: string;
}

/** Matches no password: it is no hash at all. */
export const unusablePassword = "!";

const rank: readonly Role[] = ["customer", "support", "admin"];

export function register(input: NewUser, nowMs: number): Change {
  const user: User = { ...input, status: "active", createdAt: nowMs, eventSequence: 0 };
  const { id, email, name, locale } = user;
  return { user, facts: [{ type: "user.registered", data: { userId: id, email, name, locale } }] };
}

export const isActiveAdmin = (user: Pick<User, "roles" | "status">): boolean =>
  user.status === "active" && user.roles.includes("admin");

/** Gives a user other roles or another status; null when they have them already. */
export function changeAccess(
  user: User,
  { roles = user.roles, status = user.status }: { roles?: readonly Role[]; status?: UserStatus },
  otherAdmins: number,
): Change | null {
  const next: User = { ...user, status, roles: rank.filter((role) => roles.includes(role)) };
  if (next.status === user.status && next.roles.join() === user.roles.join()) return null;
  assertAdminStays(user, next, otherAdmins);
  return {
    user: next,
    facts: [{ type: "user.updated", data: { userId: user.id, roles: next.roles, status: next.status } }],
  };
}

/** What stays of somebody whose orders stay: an id that tells nothing. */
export function erase(user: User, otherAdmins: number): Change {
  const erased: User = {
    ...user,
    email: `erased-${user.id}@erased.invalid`,
    name: "",
    passwordHash: unusablePassword,
    status: "erased",
  };
  assertAdminStays(user, erased, otherAdmins);
  return { user: erased, facts: [{ type: "user.erased", data: { userId: user.id } }] };
}

function assertAdminStays(before: User, after: User, otherAdmins: number): void {
  if (isActiveAdmin(before) && !isActiveAdmin(after) && otherAdmins === 0) {
    throw new DomainError("conflict", "LAST_ADMIN", "This is the last active administrator; make another one first.");
  }
}

/** A user as the contract shows them; for users that are not erased. */
export function profileOf({ id, email, name, locale, roles, status, createdAt }: User): Profile {
  return {
    id,
    email,
    name,
    locale,
    roles,
    status: status === "active" ? "active" : "disabled",
    createdAt: toIso(createdAt),
  };
}
