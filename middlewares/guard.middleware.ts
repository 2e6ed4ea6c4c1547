import type { ActionSchema, Context, Middleware } from "moleculer";
import type { Access } from "../contracts/action.ts";
import type { Identity, Meta } from "../contracts/bus.ts";
import { DomainError } from "../lib/errors.ts";
import { toBusError } from "./domain-errors.middleware.ts";

type Handler = (ctx: Context<unknown, Meta>) => Promise<unknown>;

type Guarded = Pick<Context<unknown, Meta>, "meta" | "locals" | "action">;

/**
 * Refuses a caller an action is not open to. The gateway asks first; every node asks again, so that a route that leads
 * where it should not, or a call from a REPL, meets the same rule. Who owns a thing only its action can find out: what it
 * answers goes to nobody unless it has asked.
 */
export const guard: Middleware = {
  name: "Guard",
  localAction(next: Handler, action: ActionSchema & { access?: Access }) {
    const { access } = action;
    if (access === undefined || access === "public" || access === "internal") return next;
    const admitted = isOwners(access) ? answeringOwners(next) : next;
    return (ctx: Context<unknown, Meta>) => {
      const refusal = refusalOf(access, ctx.meta.user);
      return refusal ? Promise.reject(toBusError(refusal)) : admitted(ctx);
    };
  },
};

const isOwners = (access: Access): boolean => access === "owner" || access === "owner-or-staff";

const answeringOwners =
  (next: Handler): Handler =>
  async (ctx) => {
    const answer = await next(ctx);
    if (ctx.locals.ownerWasAsked !== true) throw new Error(`${ctx.action?.name} did not ask who owns what it is about`);
    return answer;
  };

/** Why `user` may not call what is open to `access`; null when they may. */
export function refusalOf(access: Access, user: Identity | null | undefined): DomainError | null {
  if (access === "public") return null;
  if (access === "internal") return new DomainError("not_found", "NOT_FOUND", "There is nothing here.");
  if (!user) return new DomainError("unauthenticated", "UNAUTHENTICATED", "Sign in to do this.");
  if (access === "user" || isOwners(access)) return null;
  const allowed = access === "staff" ? ["support", "admin"] : ["admin"];
  return user.roles.some((role) => allowed.includes(role))
    ? null
    : new DomainError("forbidden", "FORBIDDEN", "Your role does not allow this.");
}

/** Who is signed in; for actions whose contract says that somebody is. */
export function signedIn(ctx: { meta: Meta }): Identity {
  const { user } = ctx.meta;
  if (!user) throw new DomainError("unauthenticated", "UNAUTHENTICATED", "Sign in to do this.");
  return user;
}

/** Whether what `ownerId` owns is open to the caller, as the action's contract has it. */
export function mayUse(ctx: Guarded, ownerId: string): boolean {
  const user = askedAsOwner(ctx);
  const { access } = ctx.action as { access?: Access };
  return isOpenTo(access, user, ownerId);
}

/** Whether `user` may use what `ownerId` owns where an action has this access. */
export const isOpenTo = (access: Access | undefined, user: Identity, ownerId: string): boolean =>
  ownerId === user.id || (access === "owner-or-staff" && isStaff(user));

/** Who is signed in, to find by it only what is theirs. */
export function askedAsOwner(ctx: Guarded): Identity {
  ctx.locals.ownerWasAsked = true;
  return signedIn(ctx);
}

/** The caller, for what does not know of actions. */
export interface Caller {
  id: string;
  mayUse: (ownerId: string) => boolean;
}

export const callerOf = (ctx: Guarded): Caller => ({
  id: signedIn(ctx).id,
  mayUse: (ownerId) => mayUse(ctx, ownerId),
});

export const isStaff = (user: Identity): boolean => user.roles.includes("support") || user.roles.includes("admin");
